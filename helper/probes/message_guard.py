"""When programs that the kernel calls for every message of every socket stay attached, and when they stand back; pure.

Each call costs whoever sends or receives, datagram or not. So while calls for nothing would take more than MOST_RATIO
of one CPU's time and hardly any finds a datagram, there is a pause; now and then a short trial tells whether it is
over. They are attached in vain for a second or two before a pause, which lasts ten at least, and for trials of a tenth
of a second: in the long run others pay a tenth to a hundredth of what the messages would cost (docs/ebpf.md, "What
others pay"), however often the load comes and goes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import Final

SECOND_NS: Final = 10**9
RUN_NS: Final = 65
"""What one call costs: 60 to 75 (docs/ebpf.md, the table of programs, `socket_events`)."""
MOST_RATIO: Final = 0.01
MOST_IDLE_PER_S: Final = MOST_RATIO * SECOND_NS / RUN_NS
"""Calls for nothing, some 150,000 a second."""
AGAIN_IDLE_PER_S: Final = MOST_IDLE_PER_S / 2
RARE_RATIO: Final = 0.01
"""Fewer useful calls for each in vain don't hold up a pause; twice as many end it."""
FIRST_WAIT_NS: Final = 10 * SECOND_NS
LONGEST_WAIT_NS: Final = 60 * SECOND_NS
EARLIEST_NS: Final = 5 * SECOND_NS
"""After a trial in vain, until datagrams alone are reason for another."""
LOOK_MS: Final = 1000
TRIAL_MS: Final = 100
LEAST_NS: Final = LOOK_MS * 500_000
LEAST_TRIAL_NS: Final = TRIAL_MS * 500_000
"""To judge by: on a busy machine a tick comes late, and the next one in time."""


class Phase(Enum):
    """What the programs do: they are attached in all but the second."""

    COUNTING = "counting"
    PAUSED = "paused"
    TRIAL = "trial"


@dataclass(frozen=True, slots=True)
class MessageGuard:
    """State between looks, times in nanoseconds of one clock.

    `wait_ns`: how long the latest pause lasts before a trial; `idle_per_s`: as last measured.
    """

    since_ns: int
    looked_ns: int
    phase: Phase = Phase.COUNTING
    wait_ns: int = 0
    idle_per_s: float = 0.0

    @classmethod
    def at(cls, now_ns: int) -> MessageGuard:
        """Just attached."""
        return cls(now_ns, now_ns)

    @property
    def is_attached(self) -> bool:
        return self.phase is not Phase.PAUSED

    @property
    def is_paused(self) -> bool:
        """Whether datagrams aren't counted for good: in a trial too."""
        return self.phase is not Phase.COUNTING

    @property
    def trial_ns(self) -> int:
        """When the next trial is due, in a pause."""
        return self.since_ns + self.wait_ns

    @property
    def period_ms(self) -> int:
        """How often to look."""
        return TRIAL_MS if self.phase is Phase.TRIAL else LOOK_MS

    def is_due(self, now_ns: int) -> bool:
        """In a pause at every tick; else when there is enough to judge by."""
        if self.phase is Phase.COUNTING:
            return now_ns - self.looked_ns >= LEAST_NS
        return self.phase is Phase.PAUSED or now_ns - self.looked_ns >= LEAST_TRIAL_NS

    def after_runs(self, idle: int, useful: int, now_ns: int) -> MessageGuard:
        """While attached: how often the programs ran since the look before, in vain and not."""
        idle_per_s = _per_s(idle, now_ns - self.looked_ns)
        most, rare = (AGAIN_IDLE_PER_S, 2 * RARE_RATIO) if self.is_paused else (MOST_IDLE_PER_S, RARE_RATIO)
        if idle_per_s > most and useful < rare * idle:
            return MessageGuard(now_ns, now_ns, Phase.PAUSED, self._next_wait_ns(now_ns), idle_per_s)
        since_ns = now_ns if self.is_paused else self.since_ns
        return MessageGuard(since_ns, now_ns, Phase.COUNTING, self.wait_ns, idle_per_s)

    def after_pause(self, datagrams: int | None, now_ns: int) -> MessageGuard:
        """While paused: how many datagrams have passed since the look before, None if that isn't known."""
        per_s = 0.0 if datagrams is None else _per_s(datagrams, now_ns - self.looked_ns)
        is_frequent = per_s > 2 * RARE_RATIO * self.idle_per_s and now_ns - self.since_ns >= self._earliest_ns()
        if is_frequent or now_ns >= self.trial_ns:
            return replace(self, phase=Phase.TRIAL, looked_ns=now_ns)
        return replace(self, looked_ns=now_ns)

    def _earliest_ns(self) -> int:
        """A first pause may end at once; where a trial was in vain, the kernel counts datagrams that programs don't."""
        return EARLIEST_NS if self.wait_ns > FIRST_WAIT_NS else 0

    def _next_wait_ns(self, now_ns: int) -> int:
        """Longer where the latest one was in vain: a trial, or a count that was soon over."""
        was_in_vain = self.is_paused or now_ns - self.since_ns < self.wait_ns
        return min(max(2 * self.wait_ns, FIRST_WAIT_NS), LONGEST_WAIT_NS) if was_in_vain else FIRST_WAIT_NS


def _per_s(count: int, elapsed_ns: int) -> float:
    return count * SECOND_NS / max(elapsed_ns, 1)
