"""By how much cumulative rows grew between two moments, and what their histograms say of the time between."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from smoothtask_gui.domain.activity import Rows

Counts = npt.NDArray[np.uint64]


class Grown:
    """The differences of cumulative rows of the same `keys`, in the order of `now`."""

    def __init__(self, before: Rows, now: Rows, keys: tuple[str, ...], previous_ns: int, seconds: float) -> None:
        has_begin = "first_ns" in (now.dtype.names or ())
        identity = (*keys, "first_ns") if has_begin else keys
        if not len(now):
            has_begin, known = False, np.zeros(0, np.intp)
        elif len(before) == len(now) and all((before[name] == now[name]).all() for name in identity):
            known = np.arange(len(now))
        else:
            places = {key_of(row, identity): at for at, row in enumerate(before)}
            known = np.array([places.get(key_of(row, identity), -1) for row in now], np.intp)
        if has_begin:  # a row that is older than `previous` and wasn't in it can't be told from one that was hidden
            kept = (known >= 0) | (now["first_ns"] >= max(0, previous_ns))
            now, known = now[kept], known[kept]
        self.rows = now
        self.seconds = seconds
        self._before = before
        self._known = known

    def of(self, name: str) -> Counts:
        """What `name` grew by; 0 where it ran backwards, as it does when a probe was loaded anew."""
        now = self.rows[name]
        base = np.zeros(now.shape, np.uint64)
        seen = self._known >= 0
        base[seen] = self._before[name][self._known[seen]]
        grown: Counts = np.where(now >= base, now - base, 0)
        return grown

    def per_s(self, name: str) -> npt.NDArray[np.float64]:
        return self.of(name) / self.seconds


def key_of(row: np.void, names: tuple[str, ...]) -> tuple[int, ...]:
    return tuple(int(row[name]) for name in names)


def at_most_us(histogram: Counts, share: float, unit_ns: int) -> float | None:
    """The upper end of the slot in which `share` of the events have happened; None of none, and of the open last."""
    total = int(histogram.sum())
    if not total:
        return None
    slot = int(np.searchsorted(np.cumsum(histogram), share * total))
    return None if slot >= len(histogram) - 1 else float(2 ** (slot + 1)) * unit_ns / 1e3


def mean_us(ns: float, count: float) -> float | None:
    return None if not count else ns / count / 1e3


def comm_of(row: np.void) -> str:
    return bytes(row["comm"]).decode("utf-8", "backslashreplace")
