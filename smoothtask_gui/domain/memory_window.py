"""Who grew and who waits for memory: the evidence behind a warning that memory runs short.

Every POINT_NS it keeps the 64 apps with the most resident memory, for ten minutes. Growth is the difference of two
such points: measured, but pages that an app's processes share count once each. What the machine uses more than the
apps (caches of the kernel, shared memory, apps too small to be kept) is the unexplained rest. An app waits for memory
when it must read back pages that were taken from it: major faults.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from smoothtask_gui.domain.app_window import lead_of

if TYPE_CHECKING:
    from smoothtask_gui.domain.app import App
    from smoothtask_gui.domain.incident import ProcessIdentity
    from smoothtask_gui.domain.sample import Sample

WINDOW_NS: Final = 600_000_000_000
POINT_NS: Final = 5_000_000_000
MOST_ROWS: Final = 64
METHOD: Final = "measured"

_HELD: Final = np.dtype([("number", "u8"), ("rss_bytes", "f8"), ("faults", "f8")])


@dataclass(frozen=True, slots=True)
class Growth:
    """An app's resident memory now, and what it grew in the window."""

    name: str
    app_id: str
    grew_bytes: float
    now_bytes: float
    identity: ProcessIdentity | None


@dataclass(frozen=True, slots=True)
class Waiting:
    """An app that had to read pages back, so many a second."""

    name: str
    app_id: str
    major_faults_per_s: float


@dataclass(frozen=True, slots=True)
class MemoryCulprits:
    """The largest growth first; all is None or empty while less than two points have been measured."""

    grew: tuple[Growth, ...] = ()
    waits: tuple[Waiting, ...] = ()
    window_ns: int = 0  # how much of the asked window was really measured
    used_grew_bytes: float | None = None  # of the machine's used memory
    rest_bytes: float | None = None  # of that what no app of `grew` explains, never negative
    available_bytes: int | None = None
    method: str = METHOD


@dataclass(frozen=True, slots=True)
class _Point:
    boottime_ns: int
    used_bytes: int | None
    rows: npt.NDArray[np.void]  # dtype _HELD, ordered by number
    least_bytes: float  # an app that isn't in rows had no more than this


class MemoryWindow:
    """The points of the last WINDOW_NS."""

    __slots__ = ("_faults", "_latest", "_points")

    def __init__(self) -> None:
        self._points: deque[_Point] = deque(maxlen=WINDOW_NS // POINT_NS + 1)
        self._faults: dict[int, float] = {}
        self._latest: Sample | None = None

    def append(self, sample: Sample) -> None:
        """Take in a sample; a point is kept when one is due."""
        self._latest = sample
        rows = sample.apps.rows
        faults = np.nan_to_num(rows["major_faults_per_s"], nan=0.0) * (sample.interval_ns / 1e9)
        for at in np.flatnonzero(faults > 0):
            number = int(rows["number"][at])
            self._faults[number] = self._faults.get(number, 0.0) + float(faults[at])
        if not self._points or sample.boottime_ns - self._points[-1].boottime_ns >= POINT_NS:
            self._points.append(_point(sample, self._faults))
            self._faults = {}

    @property
    def memory_bytes(self) -> int:
        return sum(point.rows.nbytes + 96 for point in self._points)

    def culprits(self, window_ns: int, most: int) -> MemoryCulprits:
        """Who grew and who waited in the `window_ns` before the latest sample, at most `most` of each."""
        sample = self._latest
        if sample is None:
            return MemoryCulprits()
        since_ns = sample.boottime_ns - window_ns
        points = [point for point in self._points if point.boottime_ns >= since_ns]
        available_bytes = _available(sample)
        if not points or points[0].boottime_ns >= sample.boottime_ns:
            return MemoryCulprits(available_bytes=available_bytes)
        measured_ns = sample.boottime_ns - points[0].boottime_ns
        grew = _growth(points[0], sample, most)
        used_bytes, before_bytes = sample.system.memory_used_bytes, points[0].used_bytes
        used_grew = None if used_bytes is None or before_bytes is None else float(used_bytes - before_bytes)
        rest = None if used_grew is None else max(0.0, used_grew - sum(one.grew_bytes for one in grew))
        waits = self._waits(points[1:], sample, measured_ns, most)
        return MemoryCulprits(grew, waits, measured_ns, used_grew, rest, available_bytes)

    def _waits(self, points: list[_Point], sample: Sample, measured_ns: int, most: int) -> tuple[Waiting, ...]:
        total = dict(self._faults)
        for point in points:
            for number, faults in zip(point.rows["number"].tolist(), point.rows["faults"].tolist(), strict=True):
                total[number] = total.get(number, 0.0) + faults
        apps = dict(zip(sample.apps.rows["number"].tolist(), sample.apps.apps, strict=True))
        ranked = sorted(((faults, number) for number, faults in total.items() if number in apps), reverse=True)
        found = [(faults, apps[number]) for faults, number in ranked[:most] if faults > 0]
        return tuple(Waiting(app.name, app.id, faults * 1e9 / measured_ns) for faults, app in found)


def _point(sample: Sample, faults: dict[int, float]) -> _Point:
    rows = sample.apps.rows
    known = rows[np.isfinite(rows["rss_bytes"])]
    held = np.zeros(len(known), _HELD)
    held["number"], held["rss_bytes"] = known["number"], known["rss_bytes"]
    held["faults"] = [faults.get(number, 0.0) for number in known["number"].tolist()]
    least_bytes = 0.0
    if len(held) > MOST_ROWS:
        order = np.argsort(-held["rss_bytes"], kind="stable")
        kept = np.union1d(order[:MOST_ROWS], np.argsort(-held["faults"], kind="stable")[:MOST_ROWS])
        least_bytes = float(held["rss_bytes"][order[MOST_ROWS]])
        held = held[kept]
    return _Point(sample.boottime_ns, sample.system.memory_used_bytes, held, least_bytes)


def _growth(before: _Point, sample: Sample, most: int) -> tuple[Growth, ...]:
    rows = sample.apps.rows
    base = np.full(len(rows), before.least_bytes)
    at = np.searchsorted(before.rows["number"], rows["number"])
    at = np.minimum(at, max(0, len(before.rows) - 1))
    if len(before.rows):
        known = before.rows["number"][at] == rows["number"]
        base[known] = before.rows["rss_bytes"][at[known]]
    grew = rows["rss_bytes"] - base
    ranked = np.argsort(np.nan_to_num(-grew, nan=np.inf), kind="stable")[:most]
    return tuple(
        _grown(sample, int(place), sample.apps.apps[place], float(grew[place])) for place in ranked if grew[place] > 0
    )


def _grown(sample: Sample, place: int, app: App, grew_bytes: float) -> Growth:
    row = sample.apps.rows[place]
    return Growth(app.name, app.id, grew_bytes, float(row["rss_bytes"]), lead_of(sample, int(row["number"])))


def _available(sample: Sample) -> int | None:
    total, used = sample.system.memory_total_bytes, sample.system.memory_used_bytes
    return None if total is None or used is None else total - used
