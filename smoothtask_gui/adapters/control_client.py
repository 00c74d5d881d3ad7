"""Client of Control, io.github.smoothtask.Control1 (resources/dbus/ documents it): acts on what isn't the user's own.

Errors of the bus, of polkit and of Control become one sentence each: what failed, why, and what a person can do. The
connection stays open as long as something is paused: a caller that leaves the bus loses its pauses.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any, Final

from smoothtask_gui.adapters.bus import BusError, Peer, call, connect
from smoothtask_gui.adapters.process_control import ControlError
from smoothtask_gui.domain.priority import IoClass, Priority
from smoothtask_gui.domain.text import safe_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dbus_fast.aio import MessageBus

    from smoothtask_gui.domain.incident import ProcessIdentity

CONTROL: Final = Peer(
    "io.github.smoothtask.Control1", "/io/github/smoothtask/Control1", "io.github.smoothtask.Control1"
)
UNCHANGED: Final = 0
NO_LIMIT: Final = 2**64 - 1
LONGEST_PAUSE_S: Final = 3600

_FREEDESKTOP: Final = "org.freedesktop.DBus.Error."
_OURS: Final = "io.github.smoothtask.Error."
_SENTENCES: Final = (
    # (prefix of the error's name, sentence; {what} is whom it was about, {said} what the error itself says)
    (
        _FREEDESKTOP + "ServiceUnknown",
        "Nothing was done to {what}: that takes the helper, which is not installed (package smoothtask-helper).",
    ),
    (_FREEDESKTOP + "Spawn", "The helper could not be started: {said} (journalctl -u smoothtask-control says more)."),
    (_FREEDESKTOP + "AccessDenied", "The bus policy does not let this user call the helper: {said}."),
    (_FREEDESKTOP + "NoReply", "The helper did not answer: {said} (journalctl -u smoothtask-control says more)."),
    (
        _OURS + "NotAuthorized",
        "Nothing was done to {what}: {said}. It takes an administrator's password, or your own active local session.",
    ),
    (_OURS + "LimitsExceeded", "Nothing was done to {what}: {said}. Wait a moment and try again."),
    (_OURS + "Gone", "Nothing was done to {what}: {said}."),
    (_OURS, "Nothing was done to {what}: {said}."),
)


def translate(error: BusError, what: str) -> str:
    """The sentence for a person."""
    said = str(error).strip().rstrip(".") or error.name
    for prefix, sentence in _SENTENCES:
        if error.name.startswith(prefix):
            return sentence.format(what=what, said=said)
    return f"The helper can't be reached: {said}."


class ControlClient:
    """One connection, made at the first call. `address` replaces the system bus in tests.

    `interactive` lets polkit ask for a password: only after a click, or for a command that a person typed.
    """

    def __init__(self, address: str | None = None, *, interactive: bool = True) -> None:
        self._address = address
        self._interactive = interactive
        self._bus: MessageBus | None = None
        self._connecting = asyncio.Lock()

    async def pause(self, who: ProcessIdentity, duration_s: int) -> int:
        """Stop it for at most that long; the boot time in ns at which it goes on. Raises ControlError."""
        return int((await self._act("Pause", who, "u", duration_s))[0])

    async def resume(self, who: ProcessIdentity) -> None:
        """Let it go on. Raises ControlError."""
        await self._act("Resume", who)

    async def terminate(self, who: ProcessIdentity) -> None:
        """Ask it to end. Raises ControlError."""
        await self._act("Terminate", who)

    async def kill(self, who: ProcessIdentity) -> None:
        """End it at once. Raises ControlError."""
        await self._act("Kill", who)

    async def set_priority(self, who: ProcessIdentity, wanted: Priority) -> Priority:
        """Give all its threads that priority; what it had before. Raises ControlError."""
        nice, io_class, io_level = await self._act(
            "SetPriority", who, "iuu", wanted.nice, int(wanted.io_class), wanted.io_level
        )
        known = {int(each) for each in IoClass}
        return Priority(nice, IoClass(io_class) if io_class in known else IoClass.BY_NICE, io_level)

    async def limit_unit(self, unit: str, cpu_weight: int, cpu_quota_us: int) -> tuple[int, int]:
        """Limit a unit of the system; what it had before. UNCHANGED and NO_LIMIT for both. Raises ControlError."""
        weight, quota_us = await self._call(
            "LimitUnit", f"the unit {safe_text(unit)}", "stt", unit, cpu_weight, cpu_quota_us
        )
        return int(weight), int(quota_us)

    async def close(self) -> None:
        """Leave the bus; what was paused goes on."""
        bus, self._bus = self._bus, None
        if bus is not None and bus.connected:
            bus.disconnect()
            with contextlib.suppress(OSError, EOFError):  # it left before we did
                await bus.wait_for_disconnect()  # type: ignore[no-untyped-call]

    async def _act(self, member: str, who: ProcessIdentity, signature: str = "", *more: int) -> Sequence[Any]:
        name = f"{safe_text(who.comm)} (process {who.pid})"
        if not 0 <= who.pid < 2**32 or not 0 <= who.start_ns < 2**64:
            raise ControlError(f"{name} is no process.")
        return await self._call(member, name, f"ut{signature}", who.pid, who.start_ns, *more)

    async def _call(self, member: str, what: str, signature: str, *body: object) -> Sequence[Any]:
        try:
            async with self._connecting:
                if self._bus is None or not self._bus.connected:
                    self._bus = await connect(system=True, address=self._address)
            reply = await call(self._bus, CONTROL, member, signature, body, interactive=self._interactive)
        except BusError as error:
            raise ControlError(translate(error, what)) from error
        return list(reply.body)
