"""What every source reads in the app beside its processes: machine-wide counters and temperatures."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from smoothtask_gui.sources.sensors import SensorReader
from smoothtask_gui.sources.system import SystemReader

if TYPE_CHECKING:
    from collections.abc import Callable

    from smoothtask_gui.domain.batch import SensorReading, SystemReading


class Surroundings:
    """Reads /proc and /sys under two roots; `kind_of(driver)` names the kind of a sensor."""

    def __init__(
        self,
        kind_of: Callable[[str], str],
        proc_root: Path = Path("/proc"),
        sysfs_root: Path = Path("/sys"),
    ) -> None:
        self._system = SystemReader(proc_root, sysfs_root)
        self._sensors = SensorReader(kind_of, sysfs_root)
        self._one_reader = asyncio.Lock()

    def read_system(self) -> SystemReading:
        """Read the machine's counters. Raises SourceError."""
        return self._system.read()

    async def read_sensors(self) -> tuple[SensorReading, ...]:
        """Read all temperatures in a thread: a slow driver must not hold up events."""
        async with self._one_reader:
            return await asyncio.to_thread(self._sensors.read)
