"""What is never touched, however well authorized: without it the machine or the person's session would be lost.

The bus, polkit, logind and the sampler are found by their bus names, Control by itself, process 1 and the kernel by
their nature (targets.py). Display servers have no name on the system bus: they are known by the name of their program,
which a process may also give itself; that protects it from Control and from nobody else.
"""

import asyncio
from collections.abc import Collection
from pathlib import Path
from typing import Final

from dbus_fast.aio import MessageBus

from helper.bus import connection, errors
from helper.bus.errors import Refusal
from helper.control.targets import PROC, Target, look

_NO_OWNER: Final = "org.freedesktop.DBus.Error.NameHasNoOwner"
_OWNERS: Final = (
    ("org.freedesktop.DBus", "the system bus"),
    ("org.freedesktop.PolicyKit1", "polkit"),
    ("org.freedesktop.login1", "the login service"),
    ("org.freedesktop.systemd1", "the system manager"),
    ("io.github.smoothtask.Sampler1", "SmoothTask's own sampler"),
)
# comm, which the kernel cuts at 15 bytes
_PROGRAMS: Final = {
    **dict.fromkeys(("Xorg", "Xwayland", "Xvfb", "X", "gnome-shell", "mutter", "kwin_wayland", "kwin_x11"), "display"),
    **dict.fromkeys(("weston", "sway", "labwc", "wayfire", "Hyprland", "niri", "river", "cosmic-comp"), "display"),
    **dict.fromkeys(("gamescope", "gamescope-wl", "cage", "muffin", "cinnamon", "phoc", "miriway-shell"), "display"),
    **dict.fromkeys(("dbus-broker-lau", "systemd-logind"), "the bus or the login service"),
}
_DISPLAY: Final = "the display server"


class Guards:
    """Knows what is guarded now; asked anew each time, as services restart."""

    def __init__(self, bus: MessageBus, own_pids: Collection[int], proc: Path = PROC) -> None:
        self._bus = bus
        self._own_pids = own_pids
        self._proc = proc

    async def refuse_guarded(self, target: Target) -> None:
        """Refusal if `target` is one of those."""
        what = (await self._services()).get(target.pid) or self._kind_of(target.seen.comm)
        if what:
            raise Refusal(errors.PROTECTED, f"{target} is {what}; it is never touched")

    async def cgroups(self) -> dict[str, str]:
        """Control group → what lives in it, of everything guarded."""
        found = dict(await self._services())
        for entry in self._proc.iterdir():
            if entry.name.isdecimal():
                try:
                    kind = self._kind_of(look(int(entry.name), self._proc).comm)
                except (OSError, ValueError, StopIteration):
                    continue  # it has ended
                if kind:
                    found[int(entry.name)] = kind
        places = {self._cgroup_of(pid): what for pid, what in found.items()}
        places.pop("", None)
        return places

    def _kind_of(self, comm: str) -> str:
        kind = _PROGRAMS.get(comm, "")
        return _DISPLAY if kind == "display" else kind

    async def _services(self) -> dict[int, str]:
        pids = await asyncio.gather(*(self._pid_of(name) for name, _ in _OWNERS))
        found = {pid: what for pid, (_, what) in zip(pids, _OWNERS, strict=True) if pid}
        return found | {1: "the system manager"} | dict.fromkeys(self._own_pids, "SmoothTask's own Control")

    async def _pid_of(self, name: str) -> int:
        """0 if nobody has `name`. Refusal if the bus doesn't say: then nothing is touched."""
        try:
            body = await connection.ask_daemon(self._bus, "GetConnectionUnixProcessID", "s", [name])
        except connection.CallFailed as failure:
            if failure.error_name == _NO_OWNER:
                return 0
            raise Refusal(errors.UNAVAILABLE, f"the bus can't say who is {name}: {failure}") from failure
        if len(body) != 1 or not isinstance(body[0], int):
            raise Refusal(errors.UNAVAILABLE, f"the bus's answer about {name} makes no sense")
        return body[0]

    def _cgroup_of(self, pid: int) -> str:
        """Its path in systemd's hierarchy (cgroups(7)); empty if it has ended.

        That is the unified one, or where processes aren't in that, systemd's own of version 1. Both may be listed.
        """
        try:
            lines = (self._proc / str(pid) / "cgroup").read_text(errors="replace").splitlines()
        except OSError:
            return ""
        paths = {head: path for head, _, path in (line.rpartition(":") for line in lines)}
        named = next((path for head, path in paths.items() if head.endswith(":name=systemd")), "")
        unified = paths.get("0:", "")
        return named if unified in {"", "/"} else unified
