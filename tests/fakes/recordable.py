"""Batches and events that a test can compare by eye."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from smoothtask_gui.domain.batch import (
    EXITED,
    PROCESS,
    Batch,
    CoolingEvent,
    Lost,
    OomKill,
    PressureEvent,
    ProcessExit,
    SensorReading,
    SystemReading,
    ThermalEvent,
)
from smoothtask_gui.domain.description import Application
from smoothtask_gui.domain.focus import Focus
from smoothtask_gui.domain.gpu_reading import EngineUse, GpuReading, GpuUse
from smoothtask_gui.domain.origin import Origin
from smoothtask_gui.domain.parts import TRAITS, ClockReading, DiskReading, FanReading, FileSystemReading, Parts

EVENTS = (
    OomKill(7, 5, 0, 3, 4096, "victim"),
    ThermalEvent(8, 0, "acpitz", 97.0, 60.5, None, None),
    ThermalEvent(9, 0, "acpitz", 97.0, 96.0, 1, "hot"),
    CoolingEvent(10, 2, "Processor", 3, 10),
    PressureEvent(11, "memory", "full", 0.05),
)

ORIGINS = (
    Origin(10, 0, "/a.slice", "/bin/\\xff", 10, has_terminal=True, place_entry=Application("org.x", "X ü", "/i.png")),
    Origin(11, 0),
)


def system_reading(boottime_ns: int) -> SystemReading:
    return SystemReading(
        boottime_ns=boottime_ns,
        cpus=2,
        cpu_busy_ns=boottime_ns,
        cpu_idle_ns=boottime_ns,
        cpu_iowait_ns=0,
        cpu_steal_ns=0,
        memory_total_bytes=2**34,
        memory_available_bytes=2**33,
        swap_total_bytes=None,
        swap_free_bytes=None,
        disk_read_bytes=1,
        disk_write_bytes=2,
        network_received_bytes=3,
        network_sent_bytes=None,
        cpu_pressure_us=5,
        memory_pressure_us=None,
        io_pressure_us=None,
        on_battery=True,
        unix_sockets=7,
        package_energy_uj=boottime_ns // 100,
        forks=7,
        disks=(DiskReading("sda", 1, 2, 3, 4, 5, 0, None), DiskReading("nvme0n1", 7, 6, 5, 4, 3, 0, 1)),
    )


PARTS = Parts(
    (FanReading("chip/fan1", "CPU", 900), FanReading("chip/fan2", "fan 2", None)),
    (FileSystemReading("/", "/dev/sda1", 10, 5, 0, 0),),
)


def _traits() -> npt.NDArray[np.void]:
    found = np.zeros(1, TRAITS)
    found["pid"], found["nice"], found["passed_bytes"], found["passed_known"] = 10, -5, 2**40, True
    return found


def _cards(boottime_ns: int) -> tuple[GpuReading, ...]:
    return (
        GpuReading(
            "0000:00:02.0",
            "i915",
            "Intel 1",
            "active",
            boottime_ns,
            memory_used_bytes=2**20,
            energy_uj=boottime_ns // 100,
            processes=(
                GpuUse(10, 0, 4096, None, (EngineUse("render", boottime_ns // 4), EngineUse("rcs", 1, 2, 3))),
                GpuUse(11, 0, None, 0.5),
            ),
        ),
        GpuReading("0000:01:00.0", "nvidia", "n", "asleep", boottime_ns, reason="It sleeps."),
    )


def batch(boottime_ns: int = 10**9, *, source: str = "helper", rows: int = 2, comm: bytes = b"busy") -> Batch:
    """`rows` processes; the first spends half of the boot time."""
    processes = np.zeros(rows, PROCESS)
    processes["pid"], processes["comm"] = np.arange(10, 10 + rows), comm
    processes["state"] = b"R"
    processes["threads"] = 1
    processes["run_ns"][:1] = boottime_ns // 2
    exited = np.zeros(1, EXITED)
    exited[["comm", "count", "run_ns"]] = (b"sh", 3, 10**6)
    return Batch(
        boottime_ns=boottime_ns,
        realtime_ns=boottime_ns + 10**18,
        source=source,
        processes=processes,
        exited=None if source == "procfs" else exited,
        system=system_reading(boottime_ns),
        sensors=(
            SensorReading("k", "coretemp", "Package", "cpu", 61.5, None, 100.0),
            SensorReading("l", "nvme", "c", "disk", None, None, None, "asleep"),
        ),
        exits=(ProcessExit(5, 6, 7, 8, 9, 10, 11, "gone", None, 12),),
        lost=Lost(1, 2, 3),
        unavailable={"io": "not yours"},
        parts=PARTS,
        focus=Focus(True, 7, True, False, (7, 9)),
        traits=_traits(),
        clocks=(ClockReading(10, 0, 3_400_000),),
        gpus=_cards(boottime_ns),
        origins=ORIGINS,
    )
