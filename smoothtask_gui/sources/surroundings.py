"""What every source reads in the app beside its processes: machine-wide counters, temperatures, graphics cards.

Cards, and sensors where there are others than the processor's own, are read in threads, since a slow driver must not
hold up events, and waited for only so long, since one that hangs must not hold up ticks: then they stay in the list
without a value, and no second thread is sent after the first.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from smoothtask_gui.domain.gpu_reading import GpuReading
from smoothtask_gui.domain.parts import Parts
from smoothtask_gui.sources.cooling import CoolingStates
from smoothtask_gui.sources.energy import EnergyReader
from smoothtask_gui.sources.gpu.reader import GpuReader
from smoothtask_gui.sources.parts import PartsReader
from smoothtask_gui.sources.patience import PatientReader
from smoothtask_gui.sources.sensors import SensorReader
from smoothtask_gui.sources.system import SystemReader
from smoothtask_gui.sources.traits import TraitsReader

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    import numpy.typing as npt

    from smoothtask_gui.domain.batch import SensorReading, SystemReading
    from smoothtask_gui.domain.parts import ClockReading

SENSOR_LIMIT_S: Final = 1.0
"""A disk that answers over SMART may take some 100 ms (drivetemp), i2c chips some ms each."""
PARTS_LIMIT_S: Final = 0.2
"""statvfs(3) answers from memory unless a disk or its driver is stuck."""
PARTS_KEEP_S: Final = 5.0
UNWATCHED_KEEP_S: Final = 10.0
"""How often graphics cards are asked while nobody looks: the rules need no more, heat comes slowly."""
GPU_LIMIT_S: Final = 0.5
"""NVML takes some 100 ms to start, milliseconds afterwards."""
_LATE: Final = "a sensor's driver has not answered yet"
_LATE_PART: Final = "a disk or a fan's chip has not answered yet"
_CARD_LATE: Final = "The card's driver has not answered yet."


class Surroundings:
    """Reads /proc and /sys under two roots; `kind_of(driver)` names the kind of a sensor.

    `wants_gpus` says whether anyone looks at graphics cards now: otherwise they are asked every UNWATCHED_KEEP_S, and
    what they said holds that long.
    """

    def __init__(
        self,
        kind_of: Callable[[str], str],
        proc_root: Path = Path("/proc"),
        sysfs_root: Path = Path("/sys"),
        *,
        sensor_limit_s: float = SENSOR_LIMIT_S,
        gpu_limit_s: float = GPU_LIMIT_S,
        wants_gpus: Callable[[], bool] = lambda: True,
    ) -> None:
        self._system = SystemReader(proc_root, sysfs_root)
        self._energy = EnergyReader(sysfs_root)
        self.cooling = CoolingStates(sysfs_root)
        sensors = SensorReader(kind_of, sysfs_root)
        self._sensors = PatientReader(sensors.read, sensor_limit_s, sensors.is_prompt)
        self._gpu_reader = GpuReader(sysfs_root, proc_root)
        self._wants_gpus = wants_gpus
        self._gpus = PatientReader(self._gpu_reader.read, gpu_limit_s, self._gpu_reader.has_none)
        self._parts = PatientReader(PartsReader(proc_root, sysfs_root).read, PARTS_LIMIT_S)
        self._traits = TraitsReader(proc_root, sysfs_root)
        self._latest: tuple[SensorReading, ...] = ()
        self._latest_gpus: tuple[GpuReading, ...] = ()

    @property
    def unavailable(self) -> dict[str, str]:
        """What the latest readings lack, key to reason, for `Batch.unavailable`."""
        return {"energy": self._energy.reason} if self._energy.reason else {}

    def read_system(self) -> SystemReading:
        """Read the machine's counters. Raises SourceError."""
        return replace(self._system.read(), package_energy_uj=self._energy.read())

    def read_traits(self, processes: npt.NDArray[np.void]) -> npt.NDArray[np.void]:
        """Read what shows why the busy ones of `processes` are busy."""
        return self._traits.read(processes)

    def read_clocks(self) -> tuple[ClockReading, ...]:
        """At what clock those ran whose traits were read last."""
        return self._traits.clocks

    async def read_parts(self) -> Parts:
        """Read fans and file systems; while one of them doesn't answer none is known, with the reason."""
        return await self._parts.read(PARTS_KEEP_S) or Parts(no_fans=_LATE_PART, no_file_systems=_LATE_PART)

    async def read_sensors(self) -> tuple[SensorReading, ...]:
        """Read all temperatures; those of a driver that doesn't answer in time are None with the reason."""
        found = await self._sensors.read()
        if found is None:
            return tuple(replace(sensor, temperature_c=None, reason=_LATE) for sensor in self._latest)
        self._latest = found
        return found

    async def read_gpus(self) -> tuple[GpuReading, ...]:
        """Read all graphics cards; while a driver doesn't answer, all are without values, with the reason."""
        found = await self._gpus.read(0.0 if self._wants_gpus() else UNWATCHED_KEEP_S)
        if found is None:
            return tuple(_late(card) for card in self._latest_gpus)
        self._latest_gpus = found
        return found

    def close(self) -> None:
        """Let go of handles that keep graphics cards awake, unless a driver hangs with one."""
        if not self._gpus.is_reading:
            self._gpu_reader.close()


def _late(card: GpuReading) -> GpuReading:
    return GpuReading(card.key, card.driver, card.name, card.state, card.boottime_ns, reason=_CARD_LATE)
