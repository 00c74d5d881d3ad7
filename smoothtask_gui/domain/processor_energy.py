"""Each process's part of the energy that the processor's work took: nobody measures it, so it is split.

The measure is CPU time times the clock that it was spent at: a second at full clock weighs more than one at half.
Where no process's clock is known, CPU time alone decides (docs/apps.md has what is added up over a minute).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from smoothtask_gui.domain.matching import positions

if TYPE_CHECKING:
    from smoothtask_gui.domain.sample import Sample

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Clocked:
    """The processes whose clock is known, by their place in the sample, and the CPU time that they spent."""

    place: npt.NDArray[np.intp]
    spent_ns: Floats
    khz: Floats
    mean_khz: float

    @property
    def more_ns(self) -> Floats:
        """By how much the work of each is more (or less) than its CPU time, at the mean clock; they add up to 0."""
        return self.spent_ns * (self.khz / self.mean_khz - 1.0)


def clocked(sample: Sample) -> Clocked | None:
    """None where no clock is known of a process that spent CPU time."""
    if not sample.clocks:
        return None
    place = positions(
        sample.processes,
        np.array([clock.pid for clock in sample.clocks], np.uint64),
        np.array([clock.start_ns for clock in sample.clocks], np.uint64),
    )
    khz = np.array([clock.clock_khz for clock in sample.clocks], np.float64)[place >= 0]
    place = place[place >= 0]
    spent_ns = np.nan_to_num(sample.processes["cpu_ratio"][place], nan=0.0) * sample.interval_ns
    if spent_ns.sum() <= 0:
        return None
    return Clocked(place, spent_ns, khz, float((spent_ns * khz).sum() / spent_ns.sum()))


def energy_ratios(sample: Sample) -> Floats:
    """Of each process in the interval, 0..1, shape (processes,); NaN where its CPU time is unknown.

    The whole is all work of the machine: what no process accounts for, ended ones included, is nobody's here.
    """
    spent_ns: Floats = sample.processes["cpu_ratio"] * sample.interval_ns
    found = clocked(sample)
    attributed_ns = float(np.nansum(spent_ns)) + sum(row.cpu_ratio for row in sample.exited) * sample.interval_ns
    busy_ns = (sample.system.cpu_busy_ratio or 0.0) * sample.system.cpus * sample.interval_ns
    if found is not None:
        spent_ns[found.place] += found.more_ns
    whole_ns = max(busy_ns, attributed_ns)
    return spent_ns / whole_ns if whole_ns > 0 else np.full(len(spent_ns), np.nan)
