"""What the flight recorder keeps of the machine at each moment, and how long.

Names are for good: they stand in the file and in `smoothtask history --json`. New series are added at the end; a file
of an older version simply has fewer. A name's ending is its unit.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from smoothtask_gui.domain.sensors import cpu_sensor, hottest_c

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import numpy.typing as npt

    from smoothtask_gui.domain.sample import Sample


@dataclass(frozen=True, slots=True)
class Level:
    """Buckets of `length_s`, the newest `kept` of them."""

    length_s: int
    kept: int


LEVELS: Final = (Level(1, 600), Level(10, 8_640), Level(60, 43_200))
"""Ten minutes, a day and thirty days of recorded time: counted in buckets, so that no clock can empty or swell them."""


def _hottest_of(kind: str) -> Callable[[Sample], float | None]:
    def read(sample: Sample) -> float | None:
        return hottest_c(sensor for sensor in sample.sensors if sensor.kind == kind)

    return read


def _cpu_c(sample: Sample) -> float | None:
    sensor = cpu_sensor(sample.sensors)
    return sensor.temperature_c if sensor else None


def _gpu_c(sample: Sample) -> float | None:
    told = [gpu.temperature_c for gpu in sample.gpus]
    return _largest((*told, _hottest_of("gpu")(sample)))


def _largest(values: Iterable[float | None]) -> float | None:
    return max((value for value in values if value is not None), default=None)


def _spent_cores(sample: Sample) -> float | None:
    """Cores busy in the interval: as the machine counted, or what its processes add up to where that is more."""
    system = sample.system
    known = [ratio * system.cpus for ratio in (system.cpu_busy_ratio, system.cpu_attributed_ratio) if ratio is not None]
    return max(known, default=None)


_READERS: Final[dict[str, Callable[[Sample], float | None]]] = {
    "cpu_busy_ratio": lambda sample: sample.system.cpu_busy_ratio,
    "cpu_spent_cores": _spent_cores,
    "memory_used_bytes": lambda sample: sample.system.memory_used_bytes,
    "memory_total_bytes": lambda sample: sample.system.memory_total_bytes,
    "swap_used_bytes": lambda sample: sample.system.swap_used_bytes,
    "disk_read_bps": lambda sample: sample.system.disk_read_bps,
    "disk_write_bps": lambda sample: sample.system.disk_write_bps,
    "network_received_bps": lambda sample: sample.system.network_received_bps,
    "network_sent_bps": lambda sample: sample.system.network_sent_bps,
    "cpu_temperature_c": _cpu_c,
    "gpu_temperature_c": _gpu_c,
    "disk_temperature_c": _hottest_of("disk"),
    "hottest_temperature_c": lambda sample: hottest_c(sample.sensors),
    "package_power_w": lambda sample: sample.system.package_watts,
    "cpu_pressure_ratio": lambda sample: sample.system.cpu_pressure_ratio,
    "memory_pressure_ratio": lambda sample: sample.system.memory_pressure_ratio,
    "io_pressure_ratio": lambda sample: sample.system.io_pressure_ratio,
    "gpu_busy_ratio": lambda sample: _largest(gpu.busy_ratio for gpu in sample.gpus),
}

SERIES: Final = tuple(_READERS)
"""Names of what is kept; the busiest graphics card and the hottest sensor of a kind where there are several."""

CPU, SPENT = SERIES.index("cpu_busy_ratio"), SERIES.index("cpu_spent_cores")
MEMORY, MEMORY_TOTAL = SERIES.index("memory_used_bytes"), SERIES.index("memory_total_bytes")
TEMPERATURE = SERIES.index("cpu_temperature_c")


def points(sample: Sample) -> npt.NDArray[np.float64]:
    """One value a series, shape (len(SERIES),); NaN is missing."""
    found = (read(sample) for read in _READERS.values())
    return np.array([math.nan if value is None else float(value) for value in found])
