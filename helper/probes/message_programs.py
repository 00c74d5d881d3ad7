"""The two programs that count datagrams among the messages of all sockets, attached while MessageGuard says so.

In a pause they stay loaded, and how many datagrams pass is read from the kernel's own counters (passed_datagrams.py),
at each look. These count from before the programs are detached until after they are attached again: what passes in
between is counted by both, and none is missed, but for one that is on its way into a program at that very moment.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from helper.loaders.maps import PerCpuReader
from helper.probes.message_guard import RUN_NS, SECOND_NS, MessageGuard

if TYPE_CHECKING:
    from helper.loaders.errors import LoaderError
    from helper.loaders.libbpf import BpfObject, Libbpf
    from helper.probes.passed_datagrams import PassedDatagrams

AT_MESSAGES: Final = ("count_sent", "count_received")
"""What runs where the kernel takes no programs at functions, from 6.3 on: 6e6eda44b939 ("sock: add tracepoint for send
recv length") gave these their tracepoints."""
RUNS_MAP: Final = "message_runs"
RUNS: Final = struct.Struct("@QQ")  # struct st_message_runs, bpf/settings.h
MEANWHILE: Final = (
    "whose such datagrams are isn't known, and a connection that is accepted meanwhile counts for whoever closes it, "
    "not for whoever reads from it first"
)
ELSEWHERE: Final = "containers' not included"


class MessagePrograms:
    """Of an object that is open and has them attached. Times are nanoseconds of boot time."""

    def __init__(self, door: Libbpf, bpf_object: BpfObject, passed: PassedDatagrams, now_ns: int) -> None:
        self._object = bpf_object
        self._runs = PerCpuReader(door, RUNS_MAP, bpf_object.map_fd(RUNS_MAP), RUNS.size)
        self._passed = passed
        self._guard = MessageGuard.at(now_ns)
        self._ran = self._runs.sums()
        self._uncounted: int | None = 0
        self._since_pause: int | None = 0
        self._pauses = 0
        self.uncounted_ns = 0
        """When datagrams were last found to have passed uncounted, or may have; 0: never."""

    @property
    def is_paused(self) -> bool:
        return self._guard.is_paused

    @property
    def period_ms(self) -> int:
        """How often to look."""
        return self._guard.period_ms

    def look(self, now_ns: int) -> dict[str, LoaderError]:
        """Attaches or detaches them if it is time to; why those that should be attached again can't be, by name."""
        if not self._guard.is_due(now_ns):
            return {}
        if not self._guard.is_attached:
            return self._look_in_pause(now_ns)
        idle_before, useful_before = self._ran
        idle, useful = self._ran = self._runs.sums()
        before = self._guard
        self._guard = before.after_runs(idle - idle_before, useful - useful_before, now_ns)
        if not self._guard.is_attached:
            self._passed.begin()
            self._object.detach(AT_MESSAGES)
            if not before.is_paused:
                self._pauses, self._since_pause = self._pauses + 1, 0
        elif not self._guard.is_paused:
            self._passed.close()
        return {}

    def close(self) -> None:
        """Lets go of the kernel's counters; the object is its owner's."""
        self._passed.close()

    def _look_in_pause(self, now_ns: int) -> dict[str, LoaderError]:
        passed = self._passed.since()
        self._note(passed, now_ns)
        self._guard = self._guard.after_pause(passed, now_ns)
        if not self._guard.is_attached:
            return {}
        failed = self._object.attach(AT_MESSAGES)
        self._note(self._passed.since(), now_ns)
        self._ran = self._runs.sums()
        if failed:
            self._object.detach(AT_MESSAGES)
        return failed

    def _note(self, passed: int | None, now_ns: int) -> None:
        if passed != 0:
            self.uncounted_ns = now_ns
        self._uncounted = _sum(self._uncounted, passed)
        self._since_pause = _sum(self._since_pause, passed)

    def way(self, why: str, now_ns: int) -> str:
        """For people: how datagrams are counted, and `why`; in a pause its reason, what was missed, and what comes."""
        if not self._guard.is_paused:
            before = f"; {_times(self._pauses)} meanwhile {_missed(self._uncounted)}" if self._pauses else ""
            return f"datagrams are counted among the messages of all sockets, which slows these down: {why}{before}"
        wait_s = max(0, self._guard.trial_ns - now_ns) / SECOND_NS
        return (
            f"datagrams are counted again in {wait_s:.0f} s at the earliest: {self._guard.idle_per_s:,.0f} messages a "
            f"second of other sockets would each pay some {RUN_NS} ns for it; since it stopped "
            f"{_missed(self._since_pause)}; {MEANWHILE}; {why}"
        )


def _sum(one: int | None, other: int | None) -> int | None:
    return None if one is None or other is None else one + other


def _times(pauses: int) -> str:
    return "it was paused once," if pauses == 1 else f"it was paused {pauses} times,"


def _missed(datagrams: int | None) -> str:
    if datagrams is None:
        return "datagrams may have passed uncounted, how many isn't known (/proc/net/snmp)"
    return f"{f'{datagrams:,}' if datagrams else 'no'} datagrams were sent or received uncounted ({ELSEWHERE})"
