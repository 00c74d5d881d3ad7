"""What may be done to anybody's processes: the one port that decides who does it.

One's own are reached directly, without a prompt and without the helper. Others' go through Control, with polkit's
prompt; each of their processes would take a prompt of its own, so there it is the named one alone. What the app may do
to its own user's process and may not undo (a better priority) goes through Control too, which doesn't ask for that; so
does everything where the app can't reach its user's processes, because a sandbox has process numbers of its own.
"""

from __future__ import annotations

import asyncio
import os
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from smoothtask_gui.adapters import own_priority
from smoothtask_gui.adapters.control_client import LONGEST_PAUSE_S, NO_LIMIT, UNCHANGED, ControlClient
from smoothtask_gui.adapters.process_control import ControlError, OwnProcesses
from smoothtask_gui.domain.cgroup import cgroup_path, place_at, unescaped
from smoothtask_gui.domain.incident import PRIORITIES, Action
from smoothtask_gui.domain.priority import STEPS, Priority
from smoothtask_gui.domain.text import duration, safe_text, three_digits

if TYPE_CHECKING:
    from collections.abc import Callable

    from smoothtask_gui.adapters.pauses import Over
    from smoothtask_gui.adapters.remedies import OwnRemedies
    from smoothtask_gui.domain.incident import ProcessIdentity
    from smoothtask_gui.domain.target import Target

PROC: Final = Path("/proc")
MOST_REMEMBERED: Final = 256
LEAST_CORES: Final = 0.1
_WORDS: Final = {Action.NORMAL: "normal", Action.LOWER: "low", Action.LOWEST: "lowest"}


@dataclass(frozen=True, slots=True)
class _UnitLimit:
    unit: str
    quota_before_us: int


@dataclass(frozen=True, slots=True)
class PauseTerms:
    """How long a pause lasts now, in seconds, and who hears when one has ended by itself."""

    lasts_s: Callable[[], float]
    on_over: Over


class AllRemedies:
    """`Remedies` for every process."""

    def __init__(
        self,
        own: OwnRemedies,
        processes: OwnProcesses,
        control: ControlClient,
        pauses: PauseTerms,
        *,
        sandboxed: bool = False,
    ) -> None:
        self._own, self._processes, self._control, self._pauses = own, processes, control, pauses
        self._own_uid = None if sandboxed else os.getuid()
        self._before: dict[tuple[int, int], Priority] = {}
        self._timers: dict[tuple[int, int], asyncio.TimerHandle] = {}
        self._limits: dict[tuple[int, int], _UnitLimit | Priority] = {}

    async def apply(self, action: Action, target: Target) -> str:
        """Do it; what was done, in a sentence. ControlError, a sentence too, when it mustn't or can't be done."""
        who = target.processes[0]
        if who.uid != self._own_uid:
            return await self._to_other(action, target)
        if action is Action.KILL:
            return self._kill_own(who)
        if action in PRIORITIES:
            return await self._prioritize_own(action, who)
        return await self._own.apply(action, target)

    async def undo_leftovers(self) -> str:
        return await self._own.undo_leftovers()

    async def close(self) -> None:
        for timer in self._timers.values():
            timer.cancel()
        await self._own.close()
        await self._control.close()

    def _kill_own(self, who: ProcessIdentity) -> str:
        self._processes.send(who, signal.SIGKILL)
        return f"{safe_text(who.comm)} was ended at once; what it had not saved is lost."

    def _wanted(self, action: Action, who: ProcessIdentity) -> Priority:
        """Normal is what it was before it was changed here."""
        return self._before.get(_key(who), STEPS[action]) if action is Action.NORMAL else STEPS[action]

    def _remember(self, action: Action, who: ProcessIdentity, before: Priority) -> None:
        if action is Action.NORMAL:
            self._before.pop(_key(who), None)
        else:
            self._before.setdefault(_key(who), before)
        while len(self._before) > MOST_REMEMBERED:
            del self._before[next(iter(self._before))]

    async def _prioritize_own(self, action: Action, who: ProcessIdentity) -> str:
        wanted = self._wanted(action, who)
        try:
            before = own_priority.set_priority(self._processes, who, wanted)
        except PermissionError:
            before = await self._control.set_priority(who, wanted)
        except OSError as error:
            raise ControlError(
                f"{safe_text(who.comm)}: its priority can't be set: {error.strerror or error}."
            ) from error
        self._remember(action, who, before)
        return _prioritized(action, who)

    async def _to_other(self, action: Action, target: Target) -> str:
        who = target.processes[0]
        name = safe_text(who.comm)
        match action:
            case Action.PAUSE:
                said = await self._pause_other(who)
            case Action.RESUME:
                await self._control.resume(who)
                self._forget_pause(who)
                said = f"{name} goes on."
            case Action.STOP:
                await self._control.terminate(who)
                said = f"{name} was asked to end."
            case Action.KILL:
                await self._control.kill(who)
                said = f"{name} was ended at once; what it had not saved is lost."
            case Action.LIMIT:
                said = await self._limit_other(target)
            case Action.UNLIMIT:
                said = await self._unlimit_other(who)
            case _ if action in PRIORITIES:
                self._remember(action, who, await self._control.set_priority(who, self._wanted(action, who)))
                said = _prioritized(action, who)
            case _:
                raise ControlError(f"{name}: {action} is nothing that is done to an app.")
        return said

    async def _pause_other(self, who: ProcessIdentity) -> str:
        """Control ends the pause; the timer here only tells."""
        lasts_s = max(1, min(LONGEST_PAUSE_S, round(self._pauses.lasts_s())))
        await self._control.pause(who, lasts_s)
        self._forget_pause(who)
        self._timers[_key(who)] = asyncio.get_running_loop().call_later(lasts_s, self._pause_over, who)
        return f"{safe_text(who.comm)} is paused. It goes on in {duration(lasts_s * 10**9)}, or when SmoothTask ends."

    def _pause_over(self, who: ProcessIdentity) -> None:
        self._forget_pause(who)
        self._pauses.on_over(who, f"{safe_text(who.comm)} goes on: the time of its pause is over.")

    def _forget_pause(self, who: ProcessIdentity) -> None:
        timer = self._timers.pop(_key(who), None)
        if timer is not None:
            timer.cancel()

    async def _limit_other(self, target: Target) -> str:
        who = target.processes[0]
        name = safe_text(who.comm)
        if _key(who) in self._limits:
            raise ControlError(f"{name} is limited already.")
        unit = self._service_of(who)
        if not unit:
            self._limits[_key(who)] = await self._control.set_priority(who, STEPS[Action.LOWER])
            return f"{name} runs at a lower priority now: it has no unit of its own that could be limited."
        cores = max(LEAST_CORES, (target.cores or 0.0) / 2)
        _, before_us = await self._control.limit_unit(unit, UNCHANGED, round(cores * 1e6))
        self._limits[_key(who)] = _UnitLimit(unit, before_us)
        return f"{safe_text(unit)} may use {three_digits(cores)} cores from now on, half of what {name} used."

    async def _unlimit_other(self, who: ProcessIdentity) -> str:
        limit = self._limits.get(_key(who))
        if limit is None:
            raise ControlError(f"{safe_text(who.comm)} isn't limited any more.")
        if isinstance(limit, _UnitLimit):
            await self._control.limit_unit(limit.unit, UNCHANGED, limit.quota_before_us or NO_LIMIT)
        else:
            await self._control.set_priority(who, limit)
        del self._limits[_key(who)]
        return f"{safe_text(who.comm)} isn't limited any more."

    def _service_of(self, who: ProcessIdentity) -> str:
        """The system's service that it runs in, "" for scopes and users' managers, which hold whole sessions."""
        try:
            path = cgroup_path((PROC / str(who.pid) / "cgroup").read_text("utf-8", "replace"))
        except OSError:
            return ""
        place = place_at(path)
        if place.unit is None or place.owner_uid is not None or not place.unit.endswith(".service"):
            return ""
        return next((part for part in path.split("/") if unescaped(part) == place.unit), "")


def _prioritized(action: Action, who: ProcessIdentity) -> str:
    return f"{safe_text(who.comm)} has {_WORDS[action]} priority now."


def _key(who: ProcessIdentity) -> tuple[int, int]:
    return who.pid, who.start_ns
