"""How fast things grow: a robust slope over a window, for many at once.

The slope is the median of the slopes between all pairs of points (Theil 1950, Sen 1968): one wild point doesn't move
it. A jump in the middle of the window does, so steadiness tells a jump (one step) from a leak (every step).

What stood still and then grows is measured from there on: an app that begins to leak after an hour is found as soon as
one that does from its start.

Taking the slope costs some 50 µs each, so it is taken of the few that grew most; of the others the slope between the
first and the last point is told.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Keys = npt.NDArray[np.uint64]
FEWEST_POINTS: Final = 3
LEAST_STEP_RATIO: Final = 0.1
STILL_STEPS: Final = 6
"""So many in a row that hardly rise are a standstill, where the points are SLOW_NS apart or more: a minute."""
SLOW_NS: Final = 10_000_000_000
MOST_EXACT: Final = 8
_MOST_PAIRED: Final = 32


@dataclass(frozen=True, slots=True)
class Growth:
    """Shape (len(keys),) each, since the last standstill; NaN until there are FEWEST_POINTS."""

    per_s: Floats
    grown: Floats  # last minus first
    steadiness: Floats  # 0..1: steps that rose by LEAST_STEP_RATIO of the mean step or more


class GrowthWindow:
    """The last `points` values of each key, `spacing_ns` apart."""

    def __init__(self, spacing_ns: int, points: int) -> None:
        self._spacing_ns = spacing_ns
        self._points = points
        self.clear()

    def clear(self) -> None:
        """Forget all: another boot, or another source, which may know the same things by other keys."""
        self._times_ns: list[int] = []
        self._keys: Keys = np.zeros(0, np.uint64)
        self._values = np.zeros((0, self._points))
        self._growth: Growth | None = None  # as of the latest point, once somebody asks

    def observe(self, keys: Keys, values: Floats, now_ns: int) -> Growth:
        """Take in what holds now, if it is time; the growth of each of `keys` (unique), as of the latest point."""
        if self.is_due(now_ns):
            self.add(keys, values, now_ns)
        return self.of(keys)

    def is_due(self, now_ns: int) -> bool:
        """Whether it is time for another point."""
        return not self._times_ns or not 0 <= now_ns - self._times_ns[-1] < self._spacing_ns

    def add(self, keys: Keys, values: Floats, now_ns: int) -> None:
        """Take in what holds now; a time before the latest begins anew."""
        if self._times_ns and now_ns < self._times_ns[-1]:
            self.clear()
        self._add(keys, values, now_ns)
        self._growth = None

    def of(self, keys: Keys) -> Growth:
        """The growth of each of `keys` (unique), as of the latest point."""
        if self._growth is None:
            self._growth = self._measure()
        place = _places(self._keys, keys)
        known = place >= 0
        columns = (self._growth.per_s, self._growth.grown, self._growth.steadiness)
        return Growth(*(_picked(column, place, known) for column in columns))

    def _add(self, keys: Keys, values: Floats, now_ns: int) -> None:
        self._times_ns = [*self._times_ns[1 - self._points :], now_ns]
        order = np.argsort(keys, kind="stable")
        keys, values = keys[order], values[order]
        place = _places(self._keys, keys)
        moved = np.full((len(keys), self._points), np.nan)
        known = place >= 0
        moved[known, :-1] = self._values[place[known], 1:]
        moved[:, -1] = values
        self._keys, self._values = keys, moved

    def _measure(self) -> Growth:
        known = np.isfinite(self._values)
        times_s = np.full(self._points, np.nan)
        times_s[self._points - len(self._times_ns) :] = [(at - self._times_ns[-1]) / 1e9 for at in self._times_ns]
        with np.errstate(all="ignore"):
            grown, least = self._grown(known)
            seen_enough = known.sum(axis=1) >= FEWEST_POINTS
            if self._spacing_ns >= SLOW_NS:
                known &= np.arange(self._points) >= self._last_standstill(least)[:, None]
                grown, least = self._grown(known)
            enough = known.sum(axis=1) >= FEWEST_POINTS
            steps = np.where(known[:, 1:] & known[:, :-1], np.diff(self._values, axis=1), np.nan)
            rose = (steps >= least[:, None]) & (steps > 0)
            per_s = grown / -times_s[known.argmax(axis=1)]
            steadiness = rose.sum(axis=1) / np.maximum(1, known.sum(axis=1) - 1)
        for column in (grown, per_s, steadiness):
            column[~enough] = np.where(seen_enough, 0.0, np.nan)[~enough]  # it stands still, or has only just moved
        for row in np.argsort(-np.nan_to_num(grown, nan=-math.inf))[:MOST_EXACT]:
            if enough[row] and grown[row] > 0:
                per_s[row] = median_slope(times_s[known[row]], self._values[row, known[row]])
        return Growth(per_s, grown, steadiness)

    def _grown(self, known: npt.NDArray[np.bool_]) -> tuple[Floats, Floats]:
        """From the first known to the last point; and what a step must rise by to count."""
        first = self._values[np.arange(len(known)), known.argmax(axis=1)]
        grown = np.where(known[:, -1], self._values[:, -1] - first, np.nan)
        steps = np.maximum(1, known.sum(axis=1) - 1)
        return grown, np.maximum(np.nan_to_num(grown), 0.0) / steps * LEAST_STEP_RATIO

    def _last_standstill(self, least: Floats) -> npt.NDArray[np.intp]:
        """The point where the latest STILL_STEPS steps end that together rose by less than so many must; else 0."""
        risen = self._values[:, STILL_STEPS:] - self._values[:, :-STILL_STEPS]
        is_end = risen <= STILL_STEPS * least[:, None]
        latest = is_end.shape[1] - 1 - is_end[:, ::-1].argmax(axis=1)
        return np.where(is_end.any(axis=1), latest + STILL_STEPS, 0)


def median_slope(times_s: Floats, values: Floats) -> float:
    """The median of the slopes between all pairs of at most _MOST_PAIRED of the points; NaN of less than two."""
    if len(times_s) > _MOST_PAIRED:
        kept = np.linspace(0, len(times_s) - 1, _MOST_PAIRED).astype(np.intp)
        times_s, values = times_s[kept], values[kept]
    one, other = np.triu_indices(len(times_s), 1)
    spans = times_s[other] - times_s[one]
    able = spans > 0
    if not able.any():
        return math.nan
    slopes = np.sort((values[other] - values[one])[able] / spans[able])
    return float((slopes[(len(slopes) - 1) // 2] + slopes[len(slopes) // 2]) / 2)


def _places(known: Keys, wanted: Keys) -> npt.NDArray[np.intp]:
    """Where each of `wanted` stands in `known` (ordered), -1 where it doesn't."""
    if not len(known):
        return np.full(len(wanted), -1, np.intp)
    at = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
    return np.where(known[at] == wanted, at, -1)


def _picked(column: Floats, place: npt.NDArray[np.intp], known: npt.NDArray[np.bool_]) -> Floats:
    found = np.full(len(place), np.nan)
    found[known] = column[place[known]]
    return found
