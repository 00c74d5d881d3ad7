"""Which app a process belongs to.

In this order: the kernel's threads; a container; what a person started in a terminal; what the process shares with the
process that started it; the cgroup (application, service); the desktop entry of its program; its name. So a browser's
renderers are the browser, a compiler is the `make` that runs it, and what a session, a panel or a shell starts is an
app of its own. Each is decided once a process and again when its cgroup or its name changes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from smoothtask_gui.domain.app import COOLING, KERNEL, App, AppKind
from smoothtask_gui.domain.app_names import SHELLS, STARTERS, command_name
from smoothtask_gui.domain.cgroup import place_at
from smoothtask_gui.domain.naming import is_idle_injection
from smoothtask_gui.domain.text import safe_text

if TYPE_CHECKING:
    from smoothtask_gui.domain.description import Application
    from smoothtask_gui.domain.origin import Origin

# Units that hold whatever was started in them: logins, managers, terminals' tabs, transient units with random names
# (systemd-logind, systemd.special(7), vte, tmux; systemd-run(1)).
_MIXED: Final = re.compile(
    r"session-.*\.scope|user@\d+\.service|init\.scope|(vte|tmux|kitty)-.*\.scope|run-.*\.(scope|service)"
    r"|dbus(-broker)?\.service|gdm\.service|lightdm\.service|sddm\.service|sshd?(@.*)?\.service|.*\.(socket|mount|swap)"
)
_SAYS_NOTHING: Final = frozenset({"desktop", "app", "application", "client", "gui"})
"""As the end of an id: org.telegram.desktop is Telegram's."""
_UNIT_END: Final = re.compile(r"\.(service|scope)$")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A process as far as the decision needs it."""

    pid: int
    comm: bytes
    uid: int
    is_kernel: bool
    origin: Origin | None

    @property
    def starts_others(self) -> bool:
        """Whether its children are apps of their own."""
        return self.pid == 1 or self.comm in STARTERS or self.is_command_line

    @property
    def is_command_line(self) -> bool:
        """Whether it is a shell that a person types into."""
        who = self.origin
        return who is not None and self.comm in SHELLS and who.has_terminal and who.session_pid == who.pid


def app_of(who: Candidate, parent: Candidate | None, parents_app: App | None) -> App:
    """The app of `who`, given the process that started it and that one's app (None: gone, or there is none)."""
    if who.is_kernel:
        return COOLING if is_idle_injection(who.comm, is_kernel=True) else KERNEL
    placed = placed_app(who)
    if placed is not None and placed.kind is AppKind.CONTAINER:
        return placed
    if parent is not None and parents_app is not None and parents_app.kind is not AppKind.KERNEL:
        if parent.is_command_line and not who.is_command_line:
            return _by_program(who)
        if not parent.starts_others and _same_place(who, parent):
            entry = who.origin.program_entry if who.origin else None
            is_other = entry is not None and entry.desktop_id != parents_app.desktop_id
            return _by_program(who) if is_other and placed is None else parents_app
    return placed or _by_program(who)


def _same_place(who: Candidate, parent: Candidate) -> bool:
    if who.origin is None or parent.origin is None or who.origin.cgroup == parent.origin.cgroup:
        return True
    mine, theirs = placed_app(who), placed_app(parent)
    return (mine.id if mine else "") == (theirs.id if theirs else "")


def placed_app(who: Candidate) -> App | None:
    """The app that the cgroup of `who` is named after, None if it isn't known or holds whatever was started there."""
    if who.origin is None or not who.origin.cgroup:
        return None
    place = place_at(who.origin.cgroup)
    if place.container:
        kind, _, name = place.container.partition(" ")
        return App(f"container:{place.container}", safe_text(f"{name} ({kind})"), AppKind.CONTAINER)
    uid = who.uid if place.owner_uid is None else place.owner_uid
    if place.application_ids:
        entry = who.origin.place_entry
        return _application(entry, uid) if entry else _unnamed(place.application_ids[-1], uid)
    if not place.unit or _MIXED.fullmatch(place.unit):
        return None
    owner = "" if place.owner_uid is None else f":{place.owner_uid}"
    return App(f"service:{safe_text(place.unit)}{owner}", safe_text(_UNIT_END.sub("", place.unit)), AppKind.SERVICE)


def _by_program(who: Candidate) -> App:
    entry = who.origin.program_entry if who.origin else None
    if entry is not None:
        return _application(entry, who.uid)
    return command(command_name(who.comm, who.origin.executable if who.origin else ""), who.uid)


def command(name: str, uid: int) -> App:
    """The app of a program that is known by its name only."""
    return App(f"command:{name}:{uid}", name, AppKind.COMMAND)


def _application(entry: Application, uid: int) -> App:
    desktop_id = safe_text(entry.desktop_id)
    return App(f"app:{desktop_id}:{uid}", safe_text(entry.name), AppKind.APPLICATION, entry.icon, desktop_id)


def _unnamed(desktop_id: str, uid: int) -> App:
    """An application whose entry isn't here (a Flatpak's, seen from a sandbox): by the last telling part of its id."""
    shown = safe_text(desktop_id)
    parts = [part for part in shown.split(".") if part]
    telling = [part for part in parts if part.casefold() not in _SAYS_NOTHING]
    return App(f"app:{shown}:{uid}", (telling or parts or [shown])[-1], AppKind.APPLICATION, "", shown)
