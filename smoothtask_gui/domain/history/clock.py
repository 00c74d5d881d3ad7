"""Whether somebody set the clock: boot time goes on evenly, the wall clock needn't."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from smoothtask_gui.domain.history.answers import Note
from smoothtask_gui.domain.text import duration

if TYPE_CHECKING:
    from smoothtask_gui.domain.sample import Sample

JUMP_NS: Final = 2_000_000_000
"""Slewing stays far below this between two samples (at most 500 ppm, adjtime(3))."""


class ClockWatch:
    """Compares the two clocks of successive samples."""

    def __init__(self) -> None:
        self._ahead_ns: int | None = None

    def look(self, sample: Sample) -> Note | None:
        """A note if the wall clock was set since the sample before."""
        ahead_ns = sample.realtime_ns - sample.boottime_ns
        before_ns, self._ahead_ns = self._ahead_ns, ahead_ns
        if before_ns is None or abs(ahead_ns - before_ns) < JUMP_NS:
            return None
        way = "forward" if ahead_ns > before_ns else "back"
        return Note(sample.realtime_ns, "clock", f"The clock was set {way} by {duration(abs(ahead_ns - before_ns))}.")
