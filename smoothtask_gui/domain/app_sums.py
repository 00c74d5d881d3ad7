"""Which processes add up to which app: counted once for many ticks, since mostly nobody comes or goes."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from smoothtask_gui.domain.app import APP
from smoothtask_gui.domain.block import Block
from smoothtask_gui.domain.sample import RATE

Rows = npt.NDArray[np.void]
Numbers = npt.NDArray[np.int64]

_SUMMED: Final = Block(
    RATE,
    (
        "cpu_ratio",
        "run_delay_ratio",
        "rss_bytes",
        "read_bps",
        "write_bps",
        "received_bps",
        "sent_bps",
        "major_faults_per_s",
        "switches_per_s",
        "gpu_ratio",
    ),
)
_TOLD: Final = tuple(name for name in _SUMMED.names if name in (APP.names or ()))


class Members:
    """The apps of these processes (dtype RATE, `numbers` of their apps) and of `exited`, ordered by number."""

    def __init__(self, processes: Rows, numbers: Numbers, exited: Numbers) -> None:
        found, place = np.unique(np.concatenate((numbers, exited)), return_inverse=True)
        self.numbers: Numbers = found
        self.app_of: npt.NDArray[np.intp] = place[: len(numbers)]
        self._order = np.argsort(self.app_of, kind="stable")
        ordered = self.app_of[self._order]
        self._starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]][: len(ordered)])
        self._alive = ordered[self._starts]  # places in `numbers` of the apps that have a living process
        self._heads = self._empty(processes)

    def sums(self, processes: Rows) -> Rows:
        """One row an app, dtype APP, without what is known of processes that ended; of the same processes as before."""
        rows: Rows = self._heads.copy()
        if not len(processes):
            return rows
        values = _SUMMED.of(processes)[self._order]
        known = np.isfinite(values)
        totals = np.add.reduceat(np.where(known, values, 0.0), self._starts, axis=0)
        totals[~np.logical_or.reduceat(known, self._starts, axis=0)] = np.nan
        for name in _TOLD:
            rows[name][self._alive] = totals[:, _SUMMED.place(name)]
        rows["gpu_ratio"] = np.minimum(rows["gpu_ratio"], 1.0)
        return rows

    def _empty(self, processes: Rows) -> Rows:
        """The rows without any sum: who they are, and who leads them."""
        rows = np.zeros(len(self.numbers), APP)
        rows["number"] = self.numbers
        for name in _TOLD:
            rows[name] = np.nan
        rows["processes"] = np.bincount(self.app_of, minlength=len(rows))
        oldest_first = np.argsort(processes["start_ns"], kind="stable")[::-1]
        for name, field in (("lead_pid", "pid"), ("lead_start_ns", "start_ns"), ("uid", "uid")):
            rows[name][self.app_of[oldest_first]] = processes[field][oldest_first]  # the last one written is the oldest
        return rows
