"""What may be asked of the history."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Question:
    """A span of time, `since_s` ≤ t < `until_s` in seconds since 1970.

    The line over it gets about `points` points. The apps are asked for in `chosen` (likewise), a part of it; None: all.
    """

    since_s: float
    until_s: float
    points: int = 1_500
    chosen: tuple[float, float] | None = None
