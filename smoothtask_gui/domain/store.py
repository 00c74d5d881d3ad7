"""What is kept in memory: the system's series for the graphs, and what the apps used in the last two minutes.

Both are bounded: `capacity` ticks of float32 series, and per tick the 64 busiest apps. What wasn't measured is
NaN and shows as a gap in the graph; nothing is carried forward. Older history is the history adapter's, on disk.
"""

from __future__ import annotations

import math
from enum import IntEnum, auto
from typing import TYPE_CHECKING, Final, TypeVar

import numpy as np
import numpy.typing as npt

from smoothtask_gui.domain.app_window import AppWindow
from smoothtask_gui.domain.sensors import cpu_sensor, hottest_c

if TYPE_CHECKING:
    from smoothtask_gui.domain.culprit import Culprits
    from smoothtask_gui.domain.sample import Sample


Scalar = TypeVar("Scalar", bound=np.generic)


class Series(IntEnum):
    """What the graphs draw; names carry the unit."""

    CPU_BUSY_RATIO = 0
    MEMORY_USED_BYTES = auto()
    DISK_READ_BPS = auto()
    DISK_WRITE_BPS = auto()
    NETWORK_RECEIVED_BPS = auto()
    NETWORK_SENT_BPS = auto()
    CPU_TEMPERATURE_C = auto()
    HOTTEST_TEMPERATURE_C = auto()
    CPU_PRESSURE_RATIO = auto()
    MEMORY_PRESSURE_RATIO = auto()
    IO_PRESSURE_RATIO = auto()


DEFAULT_CAPACITY: Final = 600
"""Ten minutes at one tick a second."""

_LONG_NS: Final = 5_000_000_000


class Store:
    """A ring of `capacity` points for each series, oldest first when read."""

    __slots__ = ("_capacity", "_count", "_interval_ns", "_next", "_series", "_times_ns", "_window")

    def __init__(self, capacity: int = DEFAULT_CAPACITY) -> None:
        self._capacity = max(2, capacity)
        self._series = np.full((len(Series), self._capacity), np.nan, np.float32)
        self._times_ns = np.zeros(self._capacity, np.int64)
        self._next = 0
        self._count = 0
        self._interval_ns = 0
        self._window = AppWindow()

    def append(self, sample: Sample) -> None:
        """Take in one sample; an interval much longer than the last leaves a gap before it."""
        if self._count and sample.interval_ns > max(_LONG_NS, 3 * self._interval_ns):
            self.gap(sample.boottime_ns - sample.interval_ns)
        self._interval_ns = sample.interval_ns
        self._put(sample.boottime_ns, _points(sample))
        self._window.append(sample)

    def gap(self, boottime_ns: int) -> None:
        """Nothing is known from `boottime_ns` on: the graphs break here."""
        self._put(boottime_ns, math.nan)

    def forget_processes(self) -> None:
        """Drop who used what: another source may know the same processes by other start times."""
        self._window = AppWindow()

    def clear(self) -> None:
        """Drop everything: boot time began anew."""
        self._count = self._next = 0
        self.forget_processes()

    def __len__(self) -> int:
        return self._count

    @property
    def times_ns(self) -> npt.NDArray[np.int64]:
        """Boot times of the points, oldest first, shape (len,)."""
        return self._ordered(self._times_ns)

    def series(self, series: Series) -> npt.NDArray[np.float32]:
        """The values of one series, oldest first, shape (len,); NaN is a gap."""
        return self._ordered(self._series[series])

    def culprits(self, now_ns: int, window_ns: int = 60_000_000_000, most: int = 3) -> Culprits:
        """The `most` apps that used the processor most in the `window_ns` before `now_ns`."""
        return self._window.culprits(now_ns, window_ns, most)

    @property
    def memory_bytes(self) -> int:
        """What the rings and the windows take, without the interpreter's own overhead per object."""
        return self._series.nbytes + self._times_ns.nbytes + self._window.memory_bytes

    def _put(self, boottime_ns: int, values: float | list[float]) -> None:
        self._times_ns[self._next] = boottime_ns
        self._series[:, self._next] = values
        self._next = (self._next + 1) % self._capacity
        self._count = min(self._count + 1, self._capacity)

    def _ordered(self, ring: npt.NDArray[Scalar]) -> npt.NDArray[Scalar]:
        if self._count < self._capacity:
            return ring[: self._count].copy()
        return np.roll(ring, -self._next)


def _points(sample: Sample) -> list[float]:
    system = sample.system
    cpu = cpu_sensor(sample.sensors)
    values = {
        Series.CPU_BUSY_RATIO: system.cpu_busy_ratio,
        Series.MEMORY_USED_BYTES: system.memory_used_bytes,
        Series.DISK_READ_BPS: system.disk_read_bps,
        Series.DISK_WRITE_BPS: system.disk_write_bps,
        Series.NETWORK_RECEIVED_BPS: system.network_received_bps,
        Series.NETWORK_SENT_BPS: system.network_sent_bps,
        Series.CPU_TEMPERATURE_C: cpu.temperature_c if cpu else None,
        Series.HOTTEST_TEMPERATURE_C: hottest_c(sample.sensors),
        Series.CPU_PRESSURE_RATIO: system.cpu_pressure_ratio,
        Series.MEMORY_PRESSURE_RATIO: system.memory_pressure_ratio,
        Series.IO_PRESSURE_RATIO: system.io_pressure_ratio,
    }
    return [math.nan if (value := values[series]) is None else float(value) for series in Series]
