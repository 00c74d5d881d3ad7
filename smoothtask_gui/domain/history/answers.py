"""What a span of the history says: a line to draw, and who used the machine.

Pure. Of the three levels the finest that tells all is taken, bucket by bucket, so that nothing counts twice; what
belongs together is known by the serials, which no clock can shuffle. Gaps stay gaps.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from smoothtask_gui.domain.history.apps import CPU_CORES, MEMORY_BYTES, VALUES
from smoothtask_gui.domain.history.series import LEVELS, SERIES, SPENT

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from smoothtask_gui.domain.history.apps import AppName
    from smoothtask_gui.domain.incident import Incident

METHOD: Final = "estimated from CPU time"
_ROUNDED_MS: Final = 100
"""Milliseconds are rounded down in each of the up to 60 finer buckets."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Buckets of one level, in columns. `apps` rows point to their bucket by `app_bucket` and to `names`."""

    level: int
    serials: npt.NDArray[np.int64]
    start_s: npt.NDArray[np.int64]
    measured_ms: npt.NDArray[np.int64]
    means: npt.NDArray[np.float64]  # shape (buckets, len(SERIES))
    peaks: npt.NDArray[np.float64]
    names: tuple[AppName, ...]
    app_bucket: npt.NDArray[np.intp]
    app_name: npt.NDArray[np.intp]
    app_values: npt.NDArray[np.float64]  # shape (apps, len(VALUES))
    processes: npt.NDArray[np.int64]
    ended: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.serials)

    def only(self, wanted: npt.NDArray[np.bool_]) -> Rows:
        """The buckets for which `wanted` is true, with their apps."""
        if wanted.all():
            return self
        place = np.cumsum(wanted) - 1
        apps = wanted[self.app_bucket] if len(self.app_bucket) else np.zeros(0, bool)
        return replace(
            self,
            serials=self.serials[wanted],
            start_s=self.start_s[wanted],
            measured_ms=self.measured_ms[wanted],
            means=self.means[wanted],
            peaks=self.peaks[wanted],
            app_bucket=place[self.app_bucket[apps]],
            app_name=self.app_name[apps],
            app_values=self.app_values[apps],
            processes=self.processes[apps],
            ended=self.ended[apps],
        )


@dataclass(frozen=True, slots=True)
class Line:
    """The machine over a span, oldest first; where the next point begins later than this one ends there is a gap."""

    start_s: npt.NDArray[np.float64]
    length_s: npt.NDArray[np.float64]
    means: npt.NDArray[np.float64]  # shape (points, len(SERIES)), NaN is missing
    peaks: npt.NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.start_s)


@dataclass(frozen=True, slots=True)
class AppUse:
    """What an app took in a span, as far as it was among the largest: at least this."""

    key: str
    name: str
    cpu_share: float | None  # 0..1 of the CPU time spent in the span
    cpu_s: float
    memory_bytes: float | None  # the highest
    read_bytes: float | None
    write_bytes: float | None
    received_bytes: float | None
    sent_bytes: float | None
    gpu_ratio: float | None  # mean over the span
    processes: int  # the most at one time
    ended: int  # processes that ended in the span


@dataclass(frozen=True, slots=True)
class Note:
    """What the recorder has to say about itself: readings lost, clocks set, files damaged, internal errors."""

    realtime_ns: int
    kind: str  # "clock", "lost", "damaged", "failure", "kept"
    text: str


@dataclass(frozen=True, slots=True)
class Answer:
    """All about a span of time; `since_s` and `until_s` are those of the buckets that the apps come from, or None."""

    line: Line
    apps: tuple[AppUse, ...]  # the largest part of the CPU time first
    rest_share: float | None  # the part of the CPU time that no listed app took
    since_s: int | None
    until_s: int | None
    recorded_s: float
    incidents: tuple[Incident, ...]  # oldest first; those that went on in the span
    notes: tuple[Note, ...]  # oldest first
    first_s: int | None  # the oldest of all that is kept, None for nothing
    last_s: int | None  # where the newest of all ends
    damaged: int = 0  # pieces in the file that can't be read


def overlap(rows: Rows, since_s: float, until_s: float) -> npt.NDArray[np.bool_]:
    """Which buckets lie in the span, at least in part."""
    return (rows.start_s < until_s) & (rows.start_s + LEVELS[rows.level].length_s > since_s)


def finest(levels: Sequence[Rows | None]) -> list[Rows]:
    """Of the rows of each level (finest first, serials in order) those to use, so that no time counts twice.

    A coarser bucket gives way where finer ones tell all of its time; else those in it give way to it.
    """
    chosen: list[Rows] = []
    for coarse in levels:
        if coarse is None or not len(coarse):
            continue
        places = [np.searchsorted(coarse.serials, part.serials, side="right") - 1 for part in chosen]
        told_ms = np.zeros(len(coarse))
        for part, at in zip(chosen, places, strict=True):
            np.add.at(told_ms, at[at >= 0], part.measured_ms[at >= 0])
        is_told = told_ms + _ROUNDED_MS >= coarse.measured_ms
        chosen = [part.only((at < 0) | is_told[at]) for part, at in zip(chosen, places, strict=True)]
        chosen.append(coarse.only(~is_told))
    return [found for found in chosen if len(found)]


def line(rows: Sequence[Rows], since_s: float, until_s: float, most: int) -> Line:
    """At most about `most` points from `since_s` on: means by measured time, peaks the highest."""
    if not rows:
        nothing = np.empty((0, len(SERIES)))
        return Line(np.empty(0), np.empty(0), nothing, nothing)
    start = np.concatenate([found.start_s for found in rows]).astype(np.float64)
    length = np.concatenate([np.full(len(found), LEVELS[found.level].length_s, np.float64) for found in rows])
    measured = np.concatenate([found.measured_ms for found in rows]).astype(np.float64)
    means, peaks = np.concatenate([found.means for found in rows]), np.concatenate([found.peaks for found in rows])
    order = np.argsort(start, kind="stable")
    start, length, measured, means, peaks = (part[order] for part in (start, length, measured, means, peaks))
    width_s = max(1.0, (until_s - since_s) / max(1, most))
    bins = np.floor((start - since_s) / width_s)
    first = np.flatnonzero(np.concatenate(([True], bins[1:] != bins[:-1])))
    weights = np.isfinite(means) * np.maximum(measured, 1.0)[:, None]
    known = np.add.reduceat(weights, first)
    with np.errstate(invalid="ignore"):
        mean = np.add.reduceat(np.nan_to_num(means) * weights, first) / np.where(known > 0, known, np.nan)
    ends = np.maximum.reduceat(start + length, first)
    return Line(start[first], ends - start[first], mean, np.fmax.reduceat(peaks, first))


def app_uses(rows: Sequence[Rows], most: int = 50) -> tuple[tuple[AppUse, ...], float | None]:
    """The apps of these buckets, and the part of the CPU time that is nobody's of them."""
    place: dict[AppName, int] = {}
    for name in (name for found in rows for name in found.names):
        place.setdefault(name, len(place))
    sums, peaks = np.zeros((len(place), len(VALUES))), np.full(len(place), np.nan)
    known = np.zeros((len(place), len(VALUES)), bool)
    processes, ended = np.zeros(len(place), np.int64), np.zeros(len(place), np.int64)
    spent_s = measured_s = 0.0
    for found in rows:
        seconds = found.measured_ms / 1000
        measured_s += float(seconds.sum())
        spent_s += float(np.nansum(found.means[:, SPENT] * seconds))
        at = np.array([place[name] for name in found.names], np.intp)[found.app_name]
        here = np.isfinite(found.app_values)
        np.add.at(sums, at, np.where(here, found.app_values, 0.0) * seconds[found.app_bucket][:, None])
        np.logical_or.at(known, at, here)
        np.fmax.at(peaks, at, found.app_values[:, MEMORY_BYTES])
        np.maximum.at(processes, at, found.processes)
        np.add.at(ended, at, found.ended)
    spent_s = max(spent_s, float(sums[:, CPU_CORES].sum()))
    order = np.argsort(-sums[:, CPU_CORES], kind="stable")[:most]
    names = tuple(place)
    totals = np.where(known, sums, np.nan)
    totals[:, MEMORY_BYTES] = peaks
    totals[:, -1] /= max(measured_s, 1e-9)
    uses = tuple(_use(names[at], totals[at], spent_s, int(processes[at]), int(ended[at])) for at in order)
    if spent_s <= 0:
        return uses, None
    return uses, max(0.0, 1.0 - sum(use.cpu_share or 0.0 for use in uses))


def _use(name: AppName, totals: npt.NDArray[np.float64], spent_s: float, processes: int, ended: int) -> AppUse:
    known = [float(value) if np.isfinite(value) else None for value in totals]
    cpu_s, memory, read, write, received, sent, gpu = known
    share = None if cpu_s is None or spent_s <= 0 else cpu_s / spent_s
    return AppUse(name.key, name.name, share, cpu_s or 0.0, memory, read, write, received, sent, gpu, processes, ended)


NOTHING: Final = Answer(line((), 0, 0, 1), (), None, None, None, 0.0, (), (), None, None)
"""Of a history without anything in it."""
