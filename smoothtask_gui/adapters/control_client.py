"""Client of Control, io.github.smoothtask.Control1 (resources/dbus/ documents it): acts on what isn't the user's own.

Errors of the bus, of polkit and of Control become one sentence each: what failed, why, and what a person can do. The
connection stays open as long as something is paused: a caller that leaves the bus loses its pauses.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from smoothtask_gui.adapters import helper_bus
from smoothtask_gui.adapters.bus import BusError, Peer, call
from smoothtask_gui.adapters.helper_bus import FREEDESKTOP, OURS, HelperBus, Sentences
from smoothtask_gui.adapters.process_control import ControlError
from smoothtask_gui.domain.priority import IoClass, Priority
from smoothtask_gui.domain.text import safe_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from smoothtask_gui.domain.incident import ProcessIdentity

CONTROL: Final = Peer(
    "io.github.smoothtask.Control1", "/io/github/smoothtask/Control1", "io.github.smoothtask.Control1"
)
UNCHANGED: Final = 0
NO_LIMIT: Final = 2**64 - 1
LONGEST_PAUSE_S: Final = 3600

UNIT: Final = "smoothtask-control"

_SENTENCES: Final[Sentences] = MappingProxyType(
    {
        FREEDESKTOP + "ServiceUnknown": (
            "Nothing was done to {what}: that takes the helper, which is not installed (package smoothtask-helper)."
        ),
        OURS + "NotAuthorized": (
            "Nothing was done to {what}: {said}. "
            "It takes an administrator's password, or your own active local session."
        ),
        OURS + "LimitsExceeded": "Nothing was done to {what}: {said}. Wait a moment and try again.",
        OURS: "Nothing was done to {what}: {said}.",
    }
)
"""{what} is whom it was about."""


def translate(error: BusError, what: str) -> str:
    """The sentence for a person; `what` it was about."""
    return helper_bus.translate(error, _SENTENCES, UNIT, what=what)


class ControlClient:
    """One connection, made at the first call. `address` replaces the system bus in tests.

    `interactive` lets polkit ask for a password: only after a click, or for a command that a person typed.
    """

    def __init__(self, address: str | None = None, *, interactive: bool = True) -> None:
        self._bus = HelperBus(address)
        self._interactive = interactive

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
        await self._bus.close()

    async def _act(self, member: str, who: ProcessIdentity, signature: str = "", *more: int) -> Sequence[Any]:
        name = f"{safe_text(who.comm)} (process {who.pid})"
        if not 0 <= who.pid < 2**32 or not 0 <= who.start_ns < 2**64:
            raise ControlError(f"{name} is no process.")
        return await self._call(member, name, f"ut{signature}", who.pid, who.start_ns, *more)

    async def _call(self, member: str, what: str, signature: str, *body: object) -> Sequence[Any]:
        try:
            bus = await self._bus.connected()
            reply = await call(bus, CONTROL, member, signature, body, interactive=self._interactive)
        except BusError as error:
            raise ControlError(translate(error, what)) from error
        return list(reply.body)
