"""The focus on X11, as the window manager keeps it up to date (Extended Window Manager Hints 1.5), told by events.

The root window's properties name the active window and all windows; whose a window is says the X server itself
(X-Resource 1.2, which knows the host's pids of sandboxed programs too), else the program (_NET_WM_PID, believed only of
this machine's, WM_CLIENT_MACHINE). Between two changes nothing is asked. Under Wayland the X server knows the X
windows only: an active one is told, everything else is unknown.
"""

from __future__ import annotations

import asyncio
import struct
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Self

from smoothtask_gui.domain.focus import Focus
from smoothtask_gui.sources.focus.x11_line import ANSWER_S, Line, LineError

if TYPE_CHECKING:
    from collections.abc import Mapping

MOST_WINDOWS: Final = 1024
PAUSE_S: Final = 0.25
"""At most four looks a second, however fast windows come and go."""
AGAIN_S: Final = 30.0
WAYLAND: Final = "under Wayland only the compositor knows which window is active; X11 programs' windows alone are seen"
_NO_MANAGER: Final = "no window manager tells which window is active"
_LOCAL_PID: Final = 2  # X-Resource 1.2, mask of a client id
_QUERY_VERSION, _QUERY_CLIENT_IDS = 0, 4
_NAMES: Final = (
    b"_NET_ACTIVE_WINDOW",
    b"_NET_CLIENT_LIST",
    b"_NET_WM_STATE",
    b"_NET_WM_STATE_FULLSCREEN",
    b"_NET_WM_STATE_HIDDEN",
    b"_NET_WM_PID",
    b"WM_CLIENT_MACHINE",
)


@dataclass(frozen=True, slots=True)
class _Atoms:
    active: int
    windows: int
    state: int
    full_screen: int
    hidden: int
    pid: int
    machine: int


class X11Focus:
    """`FocusPort`; knows something while `run` runs, or of the moment of `look`.

    `host` is this machine's name; the X server may take `answer_s` for an answer.
    """

    def __init__(self, environment: Mapping[str, str], host: str, answer_s: float = ANSWER_S) -> None:
        self._environment, self._host, self._answer_s = environment, host.encode(), answer_s
        self._is_wayland = bool(environment.get("WAYLAND_DISPLAY")) or environment.get("XDG_SESSION_TYPE") == "wayland"
        self._latest: Focus | None = None
        self._reason = "windows haven't been asked for yet"

    @property
    def latest(self) -> Focus | None:
        return self._latest

    @property
    def reason(self) -> str:
        return self._reason

    async def run(self) -> None:
        """Follow the focus until cancelled; without an X server, try again now and then."""
        while True:
            try:
                async with await Line.open(self._environment, self._answer_s) as line:
                    await self._follow(await _Windows.of(line, self._host))
            except LineError as error:
                self._fail(str(error))
            await asyncio.sleep(AGAIN_S)

    async def look(self) -> None:
        """Ask once what is so now."""
        try:
            async with await Line.open(self._environment, self._answer_s) as line:
                windows = await _Windows.of(line, self._host)
                self._take(await windows.focus(await windows.active()))
        except LineError as error:
            self._fail(str(error))

    async def _follow(self, windows: _Windows) -> None:
        await windows.line.watch(windows.line.root, on=True)
        watched = 0
        while True:
            await windows.line.settle()
            active = await windows.active()
            if (active or 0) != watched:  # whether it fills the screen is a property of its own
                for window, on in ((watched, False), (active or 0, True)):
                    if window:
                        await windows.line.watch(window, on=on)
                watched = active or 0
            self._take(await windows.focus(active))
            while (await windows.line.changed())[1] not in windows.telling:
                pass
            await asyncio.sleep(PAUSE_S)

    def _take(self, focus: Focus) -> None:
        if self._is_wayland:  # no active X window, and not among the X windows, says nothing there
            known = focus.active_known and focus.active_pid is not None
            focus = replace(focus, active_known=known, windows_known=False)
        self._latest = focus
        whole = focus.active_known and focus.windows_known
        self._reason = "" if whole else WAYLAND if self._is_wayland else _NO_MANAGER

    def _fail(self, reason: str) -> None:
        self._latest, self._reason = None, WAYLAND if self._is_wayland else reason


class _Windows:
    """What the X server of `line` says of its windows; remembers whose they are."""

    def __init__(self, line: Line, atoms: _Atoms, resource: int, host: bytes) -> None:
        self.line = line
        self._atoms, self._resource, self._host = atoms, resource, host
        self._owners: dict[int, int | None] = {}
        self.telling = (atoms.active, atoms.windows, atoms.state)

    @classmethod
    async def of(cls, line: Line, host: bytes) -> Self:
        """Raises LineError."""
        resource = await line.extension(b"X-Resource")
        if resource:
            (version,) = await line.ask([struct.pack("<BBHBBxx", resource, _QUERY_VERSION, 2, 1, 2)])
            if version is None or struct.unpack_from("<HH", version, 8) < (1, 2):
                resource = 0
        return cls(line, _Atoms(*await line.atoms(_NAMES)), resource, host)

    async def active(self) -> int | None:
        """The active window, 0 for none, None where no window manager tells."""
        (content,) = await self.line.properties([(self.line.root, self._atoms.active)])
        numbers = _numbers(content)
        return numbers[0] if numbers else None

    async def focus(self, active: int | None) -> Focus:
        """What is so while `active` is the active window."""
        (content,) = await self.line.properties([(self.line.root, self._atoms.windows)])
        windows = _numbers(content)[:MOST_WINDOWS]
        everyone = dict.fromkeys((*windows, *((active,) if active else ())))
        states = await self.line.properties([(window, self._atoms.state) for window in everyone])
        state_of = {window: _numbers(state) for window, state in zip(everyone, states, strict=True)}
        gone = {window for window, state in zip(everyone, states, strict=True) if state is None}
        self._owners = {window: self._owners.get(window) for window in everyone if window not in gone}
        for window, owner in self._owners.items():
            if owner is None:
                self._owners[window] = await self._owner(window)
        shown = [window for window in windows if window not in gone and self._atoms.hidden not in state_of[window]]
        owners = [self._owners[window] for window in shown]
        owner = self._owners.get(active) if active else None
        return Focus(
            active_known=active == 0 or owner is not None,
            active_pid=owner,
            full_screen=bool(active) and self._atoms.full_screen in state_of.get(active or 0, ()),
            windows_known=bool(content) and None not in owners,
            window_pids=tuple(sorted({owner for owner in owners if owner is not None})),
        )

    async def _owner(self, window: int) -> int | None:
        """The process that made a window, None where nobody knows."""
        if self._resource:
            request = struct.pack("<BBHIII", self._resource, _QUERY_CLIENT_IDS, 4, 1, window, _LOCAL_PID)
            (reply,) = await self.line.ask([request])
            # number of ids, 20 unused bytes; then of each client, mask, bytes of its value, value (resproto)
            if reply is not None and len(reply) >= 48 and struct.unpack_from("<I", reply, 8)[0]:
                return int(struct.unpack_from("<I", reply, 44)[0]) or None
        atoms = self._atoms
        pid, machine = await self.line.properties([(window, atoms.pid), (window, atoms.machine)])
        numbers = _numbers(pid)
        return numbers[0] or None if numbers and machine == self._host else None


def _numbers(content: bytes | None) -> tuple[int, ...]:
    """A property's 32-bit values."""
    count = len(content or b"") // 4
    return struct.unpack_from(f"<{count}I", content or b"")
