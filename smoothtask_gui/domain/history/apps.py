"""Who used the machine in one sample, app by app: the rows that the flight recorder adds up.

Processes that ended in the interval are part of their app: their CPU time counts, and how many they were.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from smoothtask_gui.domain.app import App
    from smoothtask_gui.domain.sample import Sample

VALUES: Final = ("cpu_cores", "memory_bytes", "read_bps", "write_bps", "received_bps", "sent_bps", "gpu_ratio")
"""What is kept of an app; `memory_bytes` is the highest in the bucket, all others are means over it."""

CPU_CORES, MEMORY_BYTES = VALUES.index("cpu_cores"), VALUES.index("memory_bytes")


class AppName(NamedTuple):
    """An app: `key` tells it from others of the same name. A tuple: each level looks each of them up each second."""

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


def app_names(apps: tuple[App, ...]) -> tuple[AppName, ...]:
    """What these apps are kept by."""
    return tuple(AppName(app.id, app.name) for app in apps)


def app_table(sample: Sample, names: tuple[AppName, ...]) -> AppTable:
    """The sample's apps, those of which nothing lives any more included; `names` are their `app_names`."""
    rows = sample.apps.rows
    return AppTable(
        names,
        np.stack([rows[field] for field in _FIELDS], axis=1) if len(rows) else np.zeros((0, len(VALUES))),
        rows["processes"].astype(np.int64),
        rows["exited"].astype(np.int64),
    )
