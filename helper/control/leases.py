"""Pauses are leases: they end with their time, with whoever asked for them, and with Control itself (keeper.py).

Several callers may hold a lease on one process; it goes on when the last one ends. A process that was stopped by
somebody else isn't ours to resume, so it can't be leased. Bounded: so many processes a user, so many in all.
"""

import asyncio
import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from helper.bus import errors, journal
from helper.bus.errors import Refusal
from helper.bus.operations import Caller
from helper.bus.quotas import Held
from helper.control.keeper import Keeper, KeeperGone, Key
from helper.control.targets import Target

PER_UID: Final = 16
IN_ALL: Final = 64


@dataclass(slots=True)
class _Paused:
    """A process that we stopped, and who wants it to stay so."""

    name: str
    pidfd: int
    holders: dict[str, tuple[int, asyncio.TimerHandle]] = field(default_factory=dict)  # caller → uid, end


class Leases:
    """What is paused now. `on_change` hears of every lease that begins or ends."""

    def __init__(self, keeper: Keeper, on_change: Callable[[], None]) -> None:
        self._keeper = keeper
        self._on_change = on_change
        self._paused: dict[Key, _Paused] = {}
        self._held = Held("paused processes", PER_UID, IN_ALL)

    def count(self) -> int:
        """Processes that are paused."""
        return len(self._paused)

    def holds(self, caller: Caller, key: Key) -> bool:
        """Whether `caller` has a lease on that process."""
        return key in self._paused and caller.name in self._paused[key].holders

    def grant(self, caller: Caller, target: Target, duration_s: int) -> int:
        """Stops `target` for at most that long; returns the boot time in ns at which it goes on.

        Refusal if that can't be. A lease that the caller has already gets the new duration.
        """
        paused = self._paused.get(target.key)
        if paused is None and target.is_stopped:
            raise Refusal(errors.NOT_POSSIBLE, f"{target} is stopped already, and not by us; Resume lets it go on")
        if paused is None or caller.name not in paused.holders:
            self._held.take(caller.uid)
            paused = self._stop(caller, target) if paused is None else paused
        else:
            paused.holders[caller.name][1].cancel()
        loop = asyncio.get_running_loop()
        timer = loop.call_later(duration_s, self._expire, caller.name, target.key)
        paused.holders[caller.name] = (caller.uid, timer)
        self._on_change()
        return time.clock_gettime_ns(time.CLOCK_BOOTTIME) + duration_s * 10**9

    def end(self, caller_name: str, key: Key) -> None:
        """The caller's lease is over; the process goes on unless somebody else's holds."""
        paused = self._paused.get(key)
        if paused is None or caller_name not in paused.holders:
            return
        uid, timer = paused.holders.pop(caller_name)
        timer.cancel()
        self._held.give_back(uid)
        if not paused.holders:
            self._resume(key)
        self._on_change()

    def end_all_on(self, key: Key) -> None:
        """No lease holds that process any more."""
        for caller_name in list(self._paused[key].holders) if key in self._paused else ():
            self.end(caller_name, key)

    def end_all_of(self, caller_name: str) -> None:
        """The caller has left the bus."""
        for key in [key for key, paused in self._paused.items() if caller_name in paused.holders]:
            journal.write(f"{self._paused[key].name}: {caller_name}, who had it paused, has left")
            self.end(caller_name, key)

    def close(self) -> None:
        """Everything goes on."""
        for key in list(self._paused):
            self.end_all_on(key)

    def _stop(self, caller: Caller, target: Target) -> _Paused:
        pidfd = target.duplicate()
        try:
            self._keeper.hold(target.key, pidfd)
            target.send(signal.SIGSTOP)
        except (Refusal, KeeperGone) as error:
            self._keeper.release(target.key)
            os.close(pidfd)
            self._held.give_back(caller.uid)
            raise error if isinstance(error, Refusal) else Refusal(errors.UNAVAILABLE, str(error)) from error
        self._paused[target.key] = paused = _Paused(str(target), pidfd)
        asyncio.get_running_loop().add_reader(pidfd, self.end_all_on, target.key)  # readable when it has ended
        return paused

    def _expire(self, caller_name: str, key: Key) -> None:
        journal.write(f"{self._paused[key].name}: the pause of {caller_name} is over")
        self.end(caller_name, key)

    def _resume(self, key: Key) -> None:
        paused = self._paused.pop(key)
        asyncio.get_running_loop().remove_reader(paused.pidfd)
        with suppress(ProcessLookupError):  # it has ended
            signal.pidfd_send_signal(paused.pidfd, signal.SIGCONT)
        os.close(paused.pidfd)
        self._keeper.release(key)
