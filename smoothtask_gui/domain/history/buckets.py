"""From samples to buckets of a second, ten seconds and a minute, all three at once.

A sample belongs to the bucket that its middle falls into, by the wall clock; a bucket closes when the clock enters
another one, forward or back, so that a clock that jumps begins new buckets and mixes nothing. Means are over the time
that was measured; a value that nobody measured is NaN. Each bucket keeps the apps that took the largest part of
anything; the rest is what `cpu_spent_cores` has beyond them. What waits to be written is bounded, the oldest lost first
and counted.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from smoothtask_gui.domain.history.apps import CPU_CORES, MEMORY_BYTES, VALUES, AppTable, app_names, app_table
from smoothtask_gui.domain.history.series import LEVELS, MEMORY_TOTAL, SERIES, SPENT, points

if TYPE_CHECKING:
    import numpy.typing as npt

    from smoothtask_gui.domain.app import App
    from smoothtask_gui.domain.history.apps import AppName
    from smoothtask_gui.domain.sample import Sample

    Floats = npt.NDArray[np.float64]
    Bools = npt.NDArray[np.bool_]
    Rows = slice | npt.NDArray[np.intp]

SECOND_NS: Final = 1_000_000_000
MOST_APPS: Final = 8
MOST_WAITING: Final = 300
"""Closed buckets of one level that may wait for a disk that doesn't take them."""

MOST_NAMES: Final = 4096
"""Names that one open bucket adds up; what comes after them is part of the rest."""

LONGEST_NS: Final = 60 * SECOND_NS
"""A longer interval (the machine slept, the source stood still) is a mean of nothing in particular: it isn't kept."""

# Below these sums (cores, bytes, bytes/s, ratio) a large part of it is still next to nothing.
_FLOORS: Final = np.array([0.05, 1e8, 1e5, 1e5, 1e5, 1e5, 1.0])


@dataclass(frozen=True, slots=True)
class Bucket:
    """One bucket. `serial` counts the buckets of a second since the recorder began: it names the first one in here."""

    level: int  # place in LEVELS
    serial: int
    start_s: int  # seconds since 1970, a multiple of the level's length
    measured_ms: int
    means: npt.NDArray[np.float64]  # shape (len(SERIES),)
    peaks: npt.NDArray[np.float64]  # likewise
    apps: AppTable  # at most MOST_APPS rows, most CPU time first


class Bucketer:
    """Takes samples; hands out closed buckets, and those still open as they are."""

    def __init__(self) -> None:
        self._open: list[_Open | None] = [None] * len(LEVELS)
        self._closed: list[deque[Bucket]] = [deque() for _ in LEVELS]
        self._serial = 0
        self._apps: tuple[App, ...] = ()
        self._names: tuple[AppName, ...] = ()  # of self._apps: most seconds have the apps of the second before
        self.lost = 0  # closed buckets that nobody took in time

    def add(self, sample: Sample) -> None:
        """Take in one sample; one with an interval above LONGEST_NS leaves a gap."""
        if not 0 < sample.interval_ns <= LONGEST_NS:
            return
        middle_s = (sample.realtime_ns - sample.interval_ns // 2) // SECOND_NS
        if sample.apps.apps is not self._apps:
            self._apps, self._names = sample.apps.apps, app_names(sample.apps.apps)
        look = _look(points(sample), sample.interval_ns, app_table(sample, self._names))
        for number, level in enumerate(LEVELS):
            start_s = middle_s - middle_s % level.length_s
            found = self._open[number]
            if found is None or found.start_s != start_s:
                self._close(number)
                self._serial += number == 0
                found = self._open[number] = _Open(number, self._serial, start_s)
            found.add(look)

    def waiting(self) -> tuple[Bucket, ...]:
        """All that isn't written for good: the closed ones, oldest first, then the open ones as they stand."""
        closed = [bucket for level in self._closed for bucket in level]
        return (*closed, *(found.bucket() for found in self._open if found is not None))

    def written(self) -> None:
        """What `waiting` gave is on the disk; the open ones will come again when they have grown."""
        for level in self._closed:
            level.clear()

    def _close(self, number: int) -> None:
        found = self._open[number]
        if found is None:
            return
        closed = self._closed[number]
        closed.append(found.bucket())
        if len(closed) > MOST_WAITING:
            closed.popleft()
            self.lost += 1


@dataclass(frozen=True, slots=True)
class _Look:
    """One sample, as every level adds it up."""

    interval_ns: int
    values: Floats
    is_known: Bools
    table: AppTable
    is_app_known: Bools
    app_sums: Floats  # times the interval; 0 for what is unknown, and for memory
    app_memory_bytes: Floats


def _look(values: Floats, interval_ns: int, table: AppTable) -> _Look:
    is_app_known = np.isfinite(table.values)
    amounts = np.where(is_app_known, table.values, 0.0)
    memory_bytes = amounts[:, MEMORY_BYTES].copy()
    amounts[:, MEMORY_BYTES] = 0.0
    return _Look(
        interval_ns, values, np.isfinite(values), table, is_app_known, amounts * float(interval_ns), memory_bytes
    )


class _Open:
    """A bucket that still grows."""

    def __init__(self, level: int, serial: int, start_s: int) -> None:
        self.start_s = start_s
        self._level, self._serial = level, serial
        self._measured_ns = 0
        self._sums = np.zeros(len(SERIES))
        self._known_ns = np.zeros(len(SERIES))
        self._peaks = np.full(len(SERIES), np.nan)
        self._place: dict[AppName, int] = {}
        self._values = np.zeros((0, len(VALUES)))
        self._known = np.zeros((0, len(VALUES)), bool)
        self._processes = np.zeros(0, np.int64)
        self._ended = np.zeros(0, np.int64)
        self._placed: tuple[AppName, ...] | None = None
        self._rows: Rows = slice(0)
        self._at: Rows = slice(0)
        self._shared: npt.NDArray[np.intp] | None = None  # the same as _at, where two apps bear one name

    def add(self, look: _Look) -> None:
        self._measured_ns += look.interval_ns
        self._sums[look.is_known] += look.values[look.is_known] * look.interval_ns
        self._known_ns[look.is_known] += look.interval_ns
        self._peaks = np.fmax(self._peaks, look.values)
        if look.table.names is not self._placed:
            self._find_places(look.table.names)
        rows, at, shared = self._rows, self._at, self._shared
        if shared is not None:
            np.add.at(self._values, shared, look.app_sums[rows])
            np.maximum.at(self._values[:, MEMORY_BYTES], shared, look.app_memory_bytes[rows])
            np.logical_or.at(self._known, shared, look.is_app_known[rows])
            np.maximum.at(self._processes, shared, look.table.processes[rows])
            np.add.at(self._ended, shared, look.table.ended[rows])
            return
        memory_bytes = np.maximum(self._values[at, MEMORY_BYTES], look.app_memory_bytes[rows])
        self._values[at] += look.app_sums[rows]
        self._values[at, MEMORY_BYTES] = memory_bytes
        self._known[at] |= look.is_app_known[rows]
        self._processes[at] = np.maximum(self._processes[at], look.table.processes[rows])
        self._ended[at] += look.table.ended[rows]

    def _find_places(self, names: tuple[AppName, ...]) -> None:
        """Which rows of these names are added up, and where; remembered until other names come."""
        rows = [row for row, name in enumerate(names) if name in self._place or self._may_take(name)]
        at = [self._place[names[row]] for row in rows]
        self._grow(len(self._place))
        self._placed = names
        self._rows, self._at = _as_slice(rows), _as_slice(at)
        self._shared = np.array(at, np.intp) if len(set(at)) < len(at) else None

    def bucket(self) -> Bucket:
        with np.errstate(invalid="ignore"):
            means = self._sums / np.where(self._known_ns > 0, self._known_ns, np.nan)
        return Bucket(
            self._level,
            self._serial,
            self.start_s,
            self._measured_ns // 1_000_000,
            means,
            self._peaks.copy(),
            self._largest(means),
        )

    def _largest(self, means: npt.NDArray[np.float64]) -> AppTable:
        """The MOST_APPS rows with the largest part of anything, most CPU time first."""
        values = self._values / max(1, self._measured_ns)
        values[:, MEMORY_BYTES] = self._values[:, MEMORY_BYTES]
        totals = values.sum(axis=0) if len(values) else np.zeros(len(VALUES))
        totals[CPU_CORES] = max(totals[CPU_CORES], np.nan_to_num(means[SPENT]))
        totals[MEMORY_BYTES] = max(totals[MEMORY_BYTES], np.nan_to_num(means[MEMORY_TOTAL]))
        parts = (values / np.maximum(totals, _FLOORS)).max(axis=1, initial=0.0)
        chosen = np.argsort(-parts, kind="stable")[:MOST_APPS]
        chosen = chosen[np.argsort(-values[chosen, CPU_CORES], kind="stable")]
        names = tuple(self._place)
        return AppTable(
            tuple(names[at] for at in chosen),
            np.where(self._known[chosen], values[chosen], np.nan),
            self._processes[chosen],
            self._ended[chosen],
        )

    def _may_take(self, name: AppName) -> bool:
        if len(self._place) >= MOST_NAMES:
            return False
        self._place[name] = len(self._place)
        return True

    def _grow(self, wanted: int) -> None:
        more = wanted - len(self._values)
        if more > 0:
            self._values = np.vstack((self._values, np.zeros((more, len(VALUES)))))
            self._known = np.vstack((self._known, np.zeros((more, len(VALUES)), bool)))
            self._processes = np.append(self._processes, np.zeros(more, np.int64))
            self._ended = np.append(self._ended, np.zeros(more, np.int64))


def _as_slice(rows: list[int]) -> Rows:
    """The same rows; as a slice, which copies nothing, where they follow one another from the first."""
    return slice(len(rows)) if rows == list(range(len(rows))) else np.array(rows, np.intp)
