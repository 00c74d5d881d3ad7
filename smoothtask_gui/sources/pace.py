"""Keeps a period without drifting: ticks fall on multiples of it, and those missed are left out, not made up."""

from __future__ import annotations

import asyncio
import time
from typing import Final

PERIOD_RANGE_MS: Final = (100, 60_000)
"""The helper's limits, in force for every source (resources/dbus/io.github.smoothtask.Sampler1.xml)."""


class Pace:
    """Says how long to wait until the next tick, or waits; the period may change meanwhile."""

    def __init__(self, period_ms: int) -> None:
        self._period_ns = period_ms * 1_000_000
        self._due_ns: int | None = None
        self._changed = asyncio.Event()

    def change(self, period_ms: int) -> None:
        """The next tick comes one new period from now."""
        self._period_ns = period_ms * 1_000_000
        self._due_ns = None
        self._changed.set()

    def next_delay_s(self, now_ns: int) -> float:
        """Seconds from `now_ns` (any clock that doesn't step) to the next tick."""
        if self._due_ns is None:
            self._due_ns = now_ns
        self._due_ns += self._period_ns
        if self._due_ns < now_ns:
            self._due_ns += -(-(now_ns - self._due_ns) // self._period_ns) * self._period_ns
        return (self._due_ns - now_ns) / 1e9

    async def wait(self) -> None:
        """Return when the next tick is due."""
        while True:
            self._changed.clear()
            delay_s = self.next_delay_s(time.monotonic_ns())
            try:
                await asyncio.wait_for(self._changed.wait(), delay_s)
            except TimeoutError:
                return
