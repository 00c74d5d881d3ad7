"""Who used the machine in one sample, app by app: the rows that the flight recorder adds up.

Processes that ended in the interval are part of their app: their CPU time counts, and how many they were.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from smoothtask_gui.domain.naming import exited_name, process_name

if TYPE_CHECKING:
    import numpy.typing as npt

    from smoothtask_gui.domain.sample import Sample

VALUES: Final = ("cpu_cores", "memory_bytes", "read_bps", "write_bps", "received_bps", "sent_bps", "gpu_ratio")
"""What is kept of an app; `memory_bytes` is the highest in the bucket, all others are means over it."""

CPU_CORES, MEMORY_BYTES = VALUES.index("cpu_cores"), VALUES.index("memory_bytes")


@dataclass(frozen=True, slots=True)
class AppName:
    """An app: `key` tells it from others of the same name."""

    key: str
    name: str


@dataclass(frozen=True, slots=True)
class AppTable:
    """One row an app; NaN where none of its processes has a reading."""

    names: tuple[AppName, ...]
    values: npt.NDArray[np.float64]  # shape (apps, len(VALUES))
    processes: npt.NDArray[np.int64]  # alive at the end
    ended: npt.NDArray[np.int64]  # ended in the interval

    def __len__(self) -> int:
        return len(self.names)


_FIELDS: Final = ("cpu_ratio", "rss_bytes", "read_bps", "write_bps", "received_bps", "sent_bps", "gpu_ratio")


def app_table(sample: Sample) -> AppTable:
    """The sample's processes by name, those that have ended included."""
    rows = sample.processes
    distinct, first, inverse = np.unique(rows["comm"], return_index=True, return_inverse=True)
    names = [process_name(bytes(comm), is_kernel=bool(rows["is_kernel"][at])) for comm, at in zip(distinct, first)]
    place = {name: at for at, name in enumerate(names)}
    ended = [(exited_name(row), row) for row in sample.exited]
    for name, _ in ended:
        place.setdefault(name, len(place))
    values = np.full((len(place), len(VALUES)), np.nan)
    for column, field in enumerate(_FIELDS):
        known = np.isfinite(rows[field])
        where = inverse[known]
        sums = np.bincount(where, rows[field][known], len(place))
        values[:, column] = np.where(np.bincount(where, minlength=len(place)) > 0, sums, np.nan)
    counts = np.zeros(len(place), np.int64)
    for name, row in ended:
        counts[place[name]] += row.count
        values[place[name], CPU_CORES] = np.nansum((values[place[name], CPU_CORES], row.cpu_ratio))
    return AppTable(
        tuple(AppName(name, name) for name in place),
        values,
        np.bincount(inverse, minlength=len(place)).astype(np.int64),
        counts,
    )
