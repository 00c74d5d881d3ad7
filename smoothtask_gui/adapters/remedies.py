"""What may be done to an app: pause, limit, stop, undo the first two. The port, and its way for one's own processes.

Others' processes are refused with the reason; they need the Control service. Everything in force ends with the app
(`close`), and what a crash left behind is undone by the next start (`undo_leftovers`).
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

from smoothtask_gui.adapters.process_control import ControlError, OwnProcesses
from smoothtask_gui.domain.incident import Action
from smoothtask_gui.domain.text import duration, safe_text

if TYPE_CHECKING:
    from smoothtask_gui.adapters.cpu_limits import CpuLimits
    from smoothtask_gui.adapters.pauses import Pauses
    from smoothtask_gui.domain.target import Target


class Remedies(Protocol):
    """What the app does to processes."""

    async def apply(self, action: Action, target: Target) -> str:
        """Do it; what was done, in a sentence. ControlError, a sentence too, when it mustn't or can't be done."""

    async def undo_leftovers(self) -> str:
        """Undo what an earlier run left in force; a sentence, "" if there was nothing."""

    async def close(self) -> None:
        """Undo what is in force: the app ends."""


class OwnRemedies:
    """`Remedies` for the processes of the user who runs the app."""

    def __init__(self, own: OwnProcesses, pauses: Pauses, limits: CpuLimits) -> None:
        self._own, self._pauses, self._limits = own, pauses, limits

    async def apply(self, action: Action, target: Target) -> str:
        name = safe_text(target.name)
        match action:
            case Action.PAUSE:
                count, lease_s = await self._pauses.pause(target)
                lasts = duration(round(lease_s * 1e9))
                return f"{name} is paused{_several(count)}. It goes on in {lasts}, or when SmoothTask ends."
            case Action.RESUME:
                await self._pauses.resume(target.processes[0])
                return f"{name} goes on."
            case Action.LIMIT:
                return await self._limits.limit(target)
            case Action.UNLIMIT:
                await self._limits.unlimit(target.processes[0])
                return f"{name} isn't limited any more."
            case Action.STOP:
                return await self._stop(target)
        raise ControlError(f"{name}: {action} is nothing that is done to an app.")

    async def undo_leftovers(self) -> str:
        names = [*self._pauses.resume_leftovers(), *await self._limits.undo_leftovers()]
        if not names:
            return ""
        return f"{', '.join(map(safe_text, names))}: paused or limited by an earlier run of SmoothTask, and free again."

    async def close(self) -> None:
        await self._pauses.close()
        await self._limits.close()

    async def _stop(self, target: Target) -> str:
        """SIGTERM to all, the named one first: if it refuses, nobody else is asked."""
        asked = 0
        for one in target.processes:
            try:
                self._own.stop(one)
                asked += 1
            except ControlError:
                if not asked:
                    raise
        if self._pauses.holds(target.processes[0]):
            with suppress(ControlError):
                await self._pauses.resume(target.processes[0])  # a stopped process doesn't act on SIGTERM
        return f"{safe_text(target.name)} was asked to end{_several(asked)}."


def _several(count: int) -> str:
    return f" ({count} processes)" if count > 1 else ""
