"""A stand-in for the door to perf_event_open(2), helper.loaders.perf_events.PerfEvents."""

from __future__ import annotations

import os

from helper.loaders.errors import LoaderError


class FakeCounters:
    """Counters as perf_event_open(2) gives them: `counts` by CPU; refuses while `refused` is an errno."""

    def __init__(self) -> None:
        self.opened: list[tuple[int, int, int]] = []
        self.counts: dict[int, int] = {}
        self.refused = 0
        self.read_times = 0
        self._cpu_of: dict[int, int] = {}

    def open(self, unit: int, event: int, cpu: int) -> int:
        if self.refused:
            raise LoaderError("perf_event_open", "attach", self.refused)
        self.opened.append((unit, event, cpu))
        fd = os.open("/dev/null", os.O_RDONLY)
        self._cpu_of[fd] = cpu
        return fd

    def read(self, fd: int) -> int:
        self.read_times += 1
        return self.counts[self._cpu_of[fd]]
