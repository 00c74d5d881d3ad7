"""What the apps used in the last two minutes, kept small: the evidence that culprits are named from.

Per tick it keeps the 64 apps with the most CPU time, those that ended included; what falls out of these is part of the
rest, which is shown, so nothing disappears silently.

Where the processor's energy can be read, each tick counts with what it drew above the idle power, split among the apps
by their CPU time in that tick times the clock that it was spent at. Idle power is the least that was measured while the
machine was all but idle; it is nobody's share. Where energy can't be read, CPU time counts with its clock; without
that, CPU time alone is the measure.

At what clock a busy process ran is read of the CPUs that its threads ran on last (`sources/clocks.py`); the others of
the tick, those that ended included, count with the mean of these. Where no process's clock is known, that of the
fastest CPU is the tick's (an idle CPU keeps its last clock), and within the tick all share by CPU time.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from smoothtask_gui.domain.app import App, AppKind
from smoothtask_gui.domain.app_names import telling_name
from smoothtask_gui.domain.culprit import BLAME_RATIO, HIDDEN, SEEN_RATIO, Culprits, Method
from smoothtask_gui.domain.incident import ProcessIdentity, Share
from smoothtask_gui.domain.processor_energy import clocked
from smoothtask_gui.domain.text import safe_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from smoothtask_gui.domain.sample import Sample

WINDOW_NS: Final = 120_000_000_000
MOST_TICKS: Final = 1200
MOST_ROWS: Final = 64
MOST_APPS: Final = 2048
IDLE_BUSY_RATIO: Final = 0.05
"""A tick less busy than this shows what the processor draws anyway."""

CLOCKED_RATIO: Final = 0.9
"""Of how much of the CPU time the clock must be known for shares to be called weighted with it."""

_SPENT: Final = np.dtype([("number", "u8"), ("cpu_ns", "f8"), ("work_ns", "f8"), ("gpu_ns", "f8")])
"""`work_ns`: CPU time at the tick's mean clock that would have done the same; it adds up to the CPU time."""
_BY_TIME: Final = (Method.MEASURED, Method.CPU_TIME)
_NOBODYS: Final = (AppKind.KERNEL, AppKind.COOLING, AppKind.SHORT_LIVED)


@dataclass(frozen=True, slots=True)
class _Tick:
    boottime_ns: int
    interval_ns: int
    spent_ns: float  # of all CPUs: busy, or what the processes add up to where that is more
    hidden_ns: float  # what no process accounts for, where some are hidden; else 0
    energy_uj: float | None  # of the processor packages
    clock_khz: float | None  # at which its CPU time was spent in the mean
    is_split: bool  # the clocks of its busy processes are known, and work_ns holds them
    rows: npt.NDArray[np.void]  # dtype _SPENT


class AppWindow:
    """The ticks of the last WINDOW_NS, at most MOST_TICKS."""

    __slots__ = ("_apps", "_idle_w", "_latest", "_ticks")

    def __init__(self) -> None:
        self._ticks: deque[_Tick] = deque(maxlen=MOST_TICKS)
        self._apps: dict[int, App] = {}
        self._latest: Sample | None = None
        self._idle_w: float | None = None

    def append(self, sample: Sample) -> None:
        """Take in what a sample's apps used; ticks older than the window fall out."""
        tick = _tick(sample)
        self._ticks.append(tick)
        self._latest = sample
        kept = set(tick.rows["number"].tolist())
        rows = zip(sample.apps.rows["number"].tolist(), sample.apps.apps, strict=True)
        self._apps.update((number, app) for number, app in rows if number in kept)
        while self._ticks and self._ticks[0].boottime_ns < sample.boottime_ns - WINDOW_NS:
            self._ticks.popleft()
        if len(self._apps) > MOST_APPS:
            needed = set(np.concatenate([tick.rows["number"] for tick in self._ticks]).tolist())
            self._apps = {number: app for number, app in self._apps.items() if number in needed}
        self._note_idle(sample)

    @property
    def memory_bytes(self) -> int:
        return sum(tick.rows.nbytes + 96 for tick in self._ticks) + 400 * len(self._apps)

    def culprits(self, now_ns: int, window_ns: int, most: int) -> Culprits:
        """The shares of the ticks that ended in (now_ns - window_ns, now_ns], the largest `most` of them."""
        ticks = [tick for tick in self._ticks if now_ns - window_ns < tick.boottime_ns]
        measured_ns = sum(tick.interval_ns for tick in ticks)
        spent_ns = sum(tick.spent_ns for tick in ticks)
        if not ticks or measured_ns <= 0:
            return Culprits()
        busy_cores = spent_ns / measured_ns
        energies = [tick.energy_uj for tick in ticks if tick.energy_uj is not None]
        is_measured = len(energies) == len(ticks) and sum(energies) > 0
        method = _method(ticks, spent_ns, is_measured=is_measured)
        watts = sum(energies) * 1e3 / measured_ns if is_measured else None
        if spent_ns <= 0:
            return Culprits((), 0.0, measured_ns, busy_cores, method, watts)
        weights = self._weights(ticks, method)
        by = "cpu_ns" if method in _BY_TIME else "work_ns"
        numbers, ratios, gpu_ns = _ratios(ticks, weights, by)
        shares = self._shares(numbers, ratios, gpu_ns / measured_ns, most)
        hidden = sum(tick.hidden_ns * weight for tick, weight in zip(ticks, weights, strict=True))
        shares = _with_hidden(shares, hidden, most)
        rest = max(0.0, 1.0 - sum(share.ratio for share in shares))
        return Culprits(tuple(shares), rest, measured_ns, busy_cores, method, watts)

    def _weights(self, ticks: Sequence[_Tick], method: Method) -> list[float]:
        """What a ns of CPU time in each tick is of the whole, 1/ns."""
        if not method.is_of_energy:
            mean_khz = _mean_clock_khz(ticks) if method is Method.FREQUENCY else 1.0
            speeds = [tick.clock_khz or mean_khz if method is Method.FREQUENCY else 1.0 for tick in ticks]
            whole = sum(tick.spent_ns * speed for tick, speed in zip(ticks, speeds, strict=True))
            return [speed / whole for speed in speeds]
        whole_uj = sum(tick.energy_uj or 0.0 for tick in ticks)
        idle_w = self._idle_w or 0.0
        above_uj = [max(0.0, (tick.energy_uj or 0.0) - idle_w * tick.interval_ns / 1e3) for tick in ticks]
        return [
            uj / whole_uj / tick.spent_ns if tick.spent_ns > 0 else 0.0
            for uj, tick in zip(above_uj, ticks, strict=True)
        ]

    def _shares(
        self,
        numbers: npt.NDArray[np.uint64],
        ratios: npt.NDArray[np.float64],
        gpu_ratios: npt.NDArray[np.float64],
        most: int,
    ) -> list[Share]:
        shares: list[Share] = []
        for at in np.lexsort((numbers, -ratios)):
            app = self._apps[int(numbers[at])]
            if app.kind is AppKind.COOLING:
                continue
            if len(shares) == most or ratios[at] <= 0:
                break
            gpu_ratio = float(gpu_ratios[at]) or None
            number = int(numbers[at])
            shares.append(Share(self._name(number, app), float(ratios[at]), self._lead(number, app), app.id, gpu_ratio))
        return shares

    def _name(self, number: int, app: App) -> str:
        """As an alert about it would say."""
        rows = None if self._latest is None or app.kind is not AppKind.COMMAND else self._latest.apps.rows
        if self._latest is None or rows is None:
            return app.name
        place = int(np.searchsorted(rows["number"], number))
        found = place < len(rows) and rows["number"][place] == number
        return telling_name(self._latest, place) if found else app.name

    def _lead(self, number: int, app: App) -> ProcessIdentity | None:
        """Its oldest process, None if none lives or it is nobody's to stop."""
        if self._latest is None or app.kind in _NOBODYS:
            return None
        return lead_of(self._latest, number)

    def _note_idle(self, sample: Sample) -> None:
        busy, watts = sample.system.cpu_busy_ratio, sample.system.package_watts
        if watts is not None and busy is not None and busy < IDLE_BUSY_RATIO:
            self._idle_w = watts if self._idle_w is None else min(self._idle_w, watts)


def lead_of(sample: Sample, number: int) -> ProcessIdentity | None:
    """The oldest living process of the app with this number, None if it has none."""
    rows = sample.apps.rows
    place = int(np.searchsorted(rows["number"], number))
    if place == len(rows) or rows["number"][place] != number or not rows["processes"][place]:
        return None
    row = rows[place]
    at = int(np.searchsorted(sample.processes["pid"], row["lead_pid"]))
    comm = safe_text(bytes(sample.processes["comm"][at]))
    return ProcessIdentity(int(row["lead_pid"]), int(row["lead_start_ns"]), int(row["uid"]), comm)


def _tick(sample: Sample) -> _Tick:
    apps = sample.apps
    rows = np.zeros(len(apps.rows), _SPENT)
    rows["number"] = apps.rows["number"]
    rows["cpu_ns"] = np.fmax(apps.rows["cpu_ratio"], 0.0) * sample.interval_ns  # fmax takes 0 for NaN
    rows["gpu_ns"] = np.fmax(apps.rows["gpu_ratio"], 0.0) * sample.interval_ns
    clock_khz = _add_work(rows, sample)
    is_split = clock_khz is not None
    rows = rows[(rows["cpu_ns"] > 0) | (rows["gpu_ns"] > 0)]
    attributed_ns = float(rows["cpu_ns"].sum())
    if len(rows) > MOST_ROWS:
        rows = rows[np.argpartition(rows["cpu_ns"] + rows["gpu_ns"], -MOST_ROWS)[-MOST_ROWS:]]
    busy_ns = (sample.system.cpu_busy_ratio or 0.0) * sample.system.cpus * sample.interval_ns
    watts = sample.system.package_watts
    energy_uj = None if watts is None else watts * sample.interval_ns / 1e3
    if clock_khz is None:
        clock_khz = max((cpu.frequency_khz for cpu in sample.activity.cpu_frequency or ()), default=None) or None
    spent_ns = max(busy_ns, attributed_ns)
    hidden_ns = spent_ns - attributed_ns if "processes" in sample.unavailable else 0.0
    return _Tick(sample.boottime_ns, sample.interval_ns, spent_ns, hidden_ns, energy_uj, clock_khz, is_split, rows)


def _with_hidden(shares: list[Share], hidden: float, most: int) -> list[Share]:
    """`shares`; where hidden processes used most, they first, and of the others those that stand out."""
    if hidden <= 1 - SEEN_RATIO:
        return shares
    return [replace(HIDDEN, ratio=hidden), *(share for share in shares if share.ratio >= BLAME_RATIO)][:most]


def _add_work(rows: npt.NDArray[np.void], sample: Sample) -> float | None:
    """Fill in `work_ns` of a row an app; the mean clock of the CPU time whose clock is known, None if none is."""
    rows["work_ns"] = rows["cpu_ns"]
    found = clocked(sample)
    if found is None:
        return None
    np.add.at(rows["work_ns"], sample.apps.app_of[found.place], found.more_ns)
    return found.mean_khz


def _method(ticks: Sequence[_Tick], spent_ns: float, *, is_measured: bool) -> Method:
    split_ns = sum(tick.spent_ns for tick in ticks if tick.is_split)
    clocked_ns = sum(tick.spent_ns for tick in ticks if tick.clock_khz)
    if is_measured:
        is_split = split_ns > 0 and split_ns >= CLOCKED_RATIO * spent_ns
        return Method.MEASURED_CLOCK if is_split else Method.MEASURED
    is_clocked = clocked_ns > 0 and clocked_ns >= CLOCKED_RATIO * spent_ns
    return Method.FREQUENCY if is_clocked else Method.CPU_TIME


def _mean_clock_khz(ticks: Sequence[_Tick]) -> float:
    clocked = [(tick.spent_ns, tick.clock_khz) for tick in ticks if tick.clock_khz]
    return sum(spent_ns * khz for spent_ns, khz in clocked) / sum(spent_ns for spent_ns, _ in clocked)


def _ratios(
    ticks: Sequence[_Tick], weights: Sequence[float], by: str
) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Of each app in `ticks`: its number, its part of the whole (0..1), its GPU time in ns."""
    rows = np.concatenate([tick.rows for tick in ticks])
    per_ns = np.repeat(weights, [len(tick.rows) for tick in ticks])
    numbers, place = np.unique(rows["number"], return_inverse=True)
    ratios, gpu_ns = (np.bincount(place, each, len(numbers)) for each in (rows[by] * per_ns, rows["gpu_ns"]))
    return numbers, ratios.astype(np.float64), gpu_ns.astype(np.float64)
