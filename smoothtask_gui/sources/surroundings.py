"""What every source reads in the app beside its processes: machine-wide counters and temperatures.

Temperatures are read in a thread, since a slow driver must not hold up events, and waited for only so long, since one
that hangs must not hold up ticks: then the sensors stay in the list without a value, and no second thread is sent
after it.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from smoothtask_gui.sources.sensors import SensorReader
from smoothtask_gui.sources.system import SystemReader

if TYPE_CHECKING:
    from collections.abc import Callable

    from smoothtask_gui.domain.batch import SensorReading, SystemReading

SENSOR_LIMIT_S: Final = 1.0
"""A disk that answers over SMART may take some 100 ms (drivetemp), i2c chips some ms each."""
_LATE: Final = "a sensor's driver has not answered yet"


class Surroundings:
    """Reads /proc and /sys under two roots; `kind_of(driver)` names the kind of a sensor."""

    def __init__(
        self,
        kind_of: Callable[[str], str],
        proc_root: Path = Path("/proc"),
        sysfs_root: Path = Path("/sys"),
        sensor_limit_s: float = SENSOR_LIMIT_S,
    ) -> None:
        self._system = SystemReader(proc_root, sysfs_root)
        self._sensors = SensorReader(kind_of, sysfs_root)
        self._limit_s = sensor_limit_s
        self._reading: asyncio.Future[tuple[SensorReading, ...]] | None = None
        self._latest: tuple[SensorReading, ...] = ()

    def read_system(self) -> SystemReading:
        """Read the machine's counters. Raises SourceError."""
        return self._system.read()

    async def read_sensors(self) -> tuple[SensorReading, ...]:
        """Read all temperatures; those of a driver that doesn't answer in time are None with the reason."""
        if self._reading is None:
            self._reading = asyncio.ensure_future(asyncio.to_thread(self._sensors.read))
        reading = self._reading
        await asyncio.wait((reading,), timeout=self._limit_s)
        if not reading.done():
            return tuple(replace(sensor, temperature_c=None, reason=_LATE) for sensor in self._latest)
        if self._reading is reading:
            self._reading = None
        self._latest = reading.result()
        return self._latest
