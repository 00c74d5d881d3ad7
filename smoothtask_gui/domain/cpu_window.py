"""The CPU time of the last two minutes by process, kept small: the evidence that culprits are named from.

Per tick it keeps the 64 processes and 64 short-lived names with the most CPU time; what falls out of these is part of
the rest, which is shown, so nothing disappears silently.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from smoothtask_gui.domain.culprit import Culprits
from smoothtask_gui.domain.incident import ProcessIdentity, Share
from smoothtask_gui.domain.matching import positions
from smoothtask_gui.domain.naming import exited_name, is_idle_injection, process_name

if TYPE_CHECKING:
    from smoothtask_gui.domain.sample import Sample

WINDOW_NS: Final = 120_000_000_000
MOST_TICKS: Final = 1200
MOST_ROWS: Final = 64

_SPENT: Final = np.dtype(
    [("start_ns", "u8"), ("cpu_ns", "f8"), ("pid", "u4"), ("uid", "u4"), ("is_kernel", "?"), ("comm", "S16")]
)


@dataclass(frozen=True, slots=True)
class _Tick:
    boottime_ns: int
    interval_ns: int
    spent_ns: float  # of all CPUs: busy, or what the processes add up to where that is more
    rows: npt.NDArray[np.void]  # dtype _SPENT
    exited: tuple[tuple[str, float], ...]  # name, ns


class CpuWindow:
    """The ticks of the last WINDOW_NS, at most MOST_TICKS."""

    __slots__ = ("_alive", "_ticks")

    def __init__(self) -> None:
        self._ticks: deque[_Tick] = deque(maxlen=MOST_TICKS)
        self._alive: npt.NDArray[np.void] | None = None

    def append(self, sample: Sample) -> None:
        """Take in a sample's CPU time; ticks older than the window fall out."""
        self._ticks.append(_tick(sample))
        self._alive = sample.processes
        while self._ticks and self._ticks[0].boottime_ns < sample.boottime_ns - WINDOW_NS:
            self._ticks.popleft()

    @property
    def memory_bytes(self) -> int:
        return sum(tick.rows.nbytes + 96 + 100 * len(tick.exited) for tick in self._ticks)

    def culprits(self, now_ns: int, window_ns: int, most: int) -> Culprits:
        """Shares of the CPU time spent in the ticks that ended in (now_ns - window_ns, now_ns]."""
        ticks = [tick for tick in self._ticks if now_ns - window_ns < tick.boottime_ns]
        measured_ns = sum(tick.interval_ns for tick in ticks)
        spent_ns = sum(tick.spent_ns for tick in ticks)
        if not ticks or measured_ns <= 0:
            return Culprits()
        busy_cores = spent_ns / measured_ns
        if spent_ns <= 0:
            return Culprits((), 0.0, measured_ns, busy_cores)
        shares = sorted(self._shares(ticks, spent_ns, most), key=lambda share: (-share.ratio, share.name))[:most]
        rest = max(0.0, 1.0 - sum(share.ratio for share in shares))
        return Culprits(tuple(shares), rest, measured_ns, busy_cores)

    def _shares(self, ticks: list[_Tick], spent_ns: float, most: int) -> list[Share]:
        """The `most` largest of the living, and all that is only known by name: what is gone, and the kernel's."""
        rows, sums_ns = _by_process(np.concatenate([tick.rows for tick in ticks]))
        living = ~rows["is_kernel"]
        if self._alive is not None:
            living &= positions(self._alive, rows["pid"], rows["start_ns"]) >= 0
        by_name: dict[str, float] = {}
        for at in np.flatnonzero(~living):
            comm, is_kernel = bytes(rows["comm"][at]), bool(rows["is_kernel"][at])
            if not is_idle_injection(comm, is_kernel=is_kernel):
                name = process_name(comm, is_kernel=is_kernel)
                by_name[name] = by_name.get(name, 0.0) + float(sums_ns[at])
        for name, cpu_ns in (entry for tick in ticks for entry in tick.exited):
            by_name[name] = by_name.get(name, 0.0) + cpu_ns
        shares = [Share(name, cpu_ns / spent_ns, None) for name, cpu_ns in by_name.items()]
        for at in np.flatnonzero(living)[:most]:
            name = process_name(bytes(rows["comm"][at]), is_kernel=False)
            identity = ProcessIdentity(int(rows["pid"][at]), int(rows["start_ns"][at]), int(rows["uid"][at]), name)
            shares.append(Share(name, float(sums_ns[at]) / spent_ns, identity))
        return shares


def _tick(sample: Sample) -> _Tick:
    processes = sample.processes
    cpu_ns = np.nan_to_num(processes["cpu_ratio"], nan=0.0) * sample.interval_ns
    kept = np.flatnonzero(cpu_ns > 0)
    if len(kept) > MOST_ROWS:
        kept = kept[np.argpartition(cpu_ns[kept], -MOST_ROWS)[-MOST_ROWS:]]
        kept.sort()
    rows = np.empty(len(kept), _SPENT)
    rows["cpu_ns"] = cpu_ns[kept]
    for name in ("start_ns", "pid", "uid", "is_kernel", "comm"):
        rows[name] = processes[name][kept]
    exited = sorted(sample.exited, key=lambda row: (-row.cpu_ratio, row.comm))[:MOST_ROWS]
    named = tuple((exited_name(row), row.cpu_ratio * sample.interval_ns) for row in exited if row.cpu_ratio > 0)
    busy_ns = (sample.system.cpu_busy_ratio or 0.0) * sample.system.cpus * sample.interval_ns
    attributed_ns = float(cpu_ns.sum()) + sum(row.cpu_ratio for row in sample.exited) * sample.interval_ns
    spent_ns = max(busy_ns, attributed_ns)
    return _Tick(sample.boottime_ns, sample.interval_ns, spent_ns, rows, named)


def _by_process(rows: npt.NDArray[np.void]) -> tuple[npt.NDArray[np.void], npt.NDArray[np.float64]]:
    """The latest row of each process and the sum of its CPU time, the 128 largest, the largest first."""
    if not len(rows):
        return rows, np.zeros(0)
    ordered = rows[np.lexsort((rows["pid"], rows["start_ns"]))]
    starts = np.empty(len(ordered), bool)
    starts[0] = True
    starts[1:] = (ordered["pid"][1:] != ordered["pid"][:-1]) | (ordered["start_ns"][1:] != ordered["start_ns"][:-1])
    first = np.flatnonzero(starts)
    last = np.append(first[1:], len(ordered)) - 1
    sums_ns = np.add.reduceat(ordered["cpu_ns"], first)
    top = np.argsort(-sums_ns, kind="stable")[: 2 * MOST_ROWS]
    return ordered[last[top]], sums_ns[top]
