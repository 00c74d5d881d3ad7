"""What every source yields: the readings of one tick, cumulative and raw.

A `Batch` is the same whether it came from the helper's stream, from /proc or from a recording, so that
nothing downstream knows its source. Bulk is numpy structured arrays, one row a process; missing values are
flagged in the row's `missing` mask (the bits of `enum st_missing` in bpf/records.h), never zeros.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntFlag
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from smoothtask_gui.domain.activity import Activity
from smoothtask_gui.domain.parts import ClockReading, DiskReading, Parts

if TYPE_CHECKING:
    from smoothtask_gui.domain.focus import Focus
    from smoothtask_gui.domain.gpu_reading import GpuReading
    from smoothtask_gui.domain.network import Network
    from smoothtask_gui.domain.origin import Origin


class Missing(IntFlag):
    """Fields of a row that hold no reading; the bits of `enum st_missing`, and some that only /proc needs."""

    IO = 1 << 0
    RSS = 1 << 1
    RUN_DELAY = 1 << 2
    PARENT = 1 << 3
    IDENTITY = 1 << 4
    FAULTS = 1 << 5
    EXIT_CODE = 1 << 6
    CGROUP = 1 << 7
    SWITCHES = 1 << 16


PROCESS: Final = np.dtype(
    [
        ("pid", "u4"),
        ("parent_pid", "u4"),
        ("uid", "u4"),
        ("threads", "u4"),
        ("start_ns", "u8"),  # boot time; with pid it is the identity
        ("run_ns", "u8"),  # CPU time of all threads, the exited ones included
        ("run_delay_ns", "u8"),  # runnable but waiting for a CPU, live threads only
        ("rss_bytes", "u8"),
        ("minor_faults", "u8"),
        ("major_faults", "u8"),
        ("read_bytes", "u8"),  # caused from storage
        ("write_bytes", "u8"),
        ("voluntary_switches", "u8"),
        ("involuntary_switches", "u8"),
        ("cgroup_id", "u8"),
        ("missing", "u4"),
        ("state", "S1"),
        ("is_kernel", "?"),
        ("comm", "S16"),
    ],
    align=True,
)
"""One process: all its threads summed. Ordered by pid in a Batch."""

EXITED: Final = np.dtype(
    [
        ("parent_pid", "u4"),
        ("uid", "u4"),
        ("cgroup_id", "u8"),
        ("comm", "S16"),
        ("first_ns", "u8"),
        ("last_ns", "u8"),
        ("count", "u8"),
        ("run_ns", "u8"),
        ("run_delay_ns", "u8"),
        ("major_faults", "u8"),
        ("read_bytes", "u8"),
        ("write_bytes", "u8"),
        ("missing", "u4"),
        ("uids_differ", "u4"),
    ]
)
"""Processes that lived between two snapshots, rolled up; `struct st_exited`. Cumulative since first_ns."""


@dataclass(frozen=True, slots=True)
class ProcessExit:
    """A process that a snapshot may have seen is gone; totals of its whole life (`struct st_event_exit`)."""

    boottime_ns: int
    pid: int
    parent_pid: int
    uid: int
    start_ns: int
    run_ns: int
    exit_code: int | None
    comm: str
    read_bytes: int | None
    write_bytes: int | None


@dataclass(frozen=True, slots=True)
class OomKill:
    """The kernel's OOM killer chose a victim (`struct st_event_oom_kill`)."""

    boottime_ns: int
    pid: int
    uid: int
    start_ns: int
    rss_bytes: int
    comm: str


@dataclass(frozen=True, slots=True)
class ThermalEvent:
    """A thermal zone was updated (`trip_type` None) or crossed a trip point (`struct st_event_thermal`).

    Temperatures are None where the zone has no reading.
    """

    boottime_ns: int
    zone_id: int
    zone_type: str
    temperature_c: float | None
    last_temperature_c: float | None
    trip_index: int | None
    trip_type: str | None  # "active", "passive", "hot", "critical"


@dataclass(frozen=True, slots=True)
class CoolingEvent:
    """A cooling device changed state; a target above 0 on a processor device is throttling."""

    boottime_ns: int
    device_id: int  # below 0 where the BCC loader's programs can't see it
    device_type: str
    target_state: int
    max_state: int  # 0 where nobody tells it: before kernel 6.2, and with BCC


@dataclass(frozen=True, slots=True)
class PressureEvent:
    """Tasks stalled for at least `threshold_ratio` of a window of time (Documentation/accounting/psi.rst)."""

    boottime_ns: int
    resource: str  # "cpu", "memory", "io"
    extent: str  # "some" task stalled, or "full": all that aren't idle
    threshold_ratio: float


KernelEvent = ProcessExit | OomKill | ThermalEvent | CoolingEvent | PressureEvent
"""What a source yields between ticks, at once."""


@dataclass(frozen=True, slots=True)
class SystemReading:
    """Machine-wide counters from /proc, cumulative where they are counters; None where /proc has none.

    CPU times are sums over all CPUs in ns (proc_stat(5), USER_HZ resolution); `cpu_busy_ns` is everything but idle,
    iowait; guest time isn't counted twice. Disk bytes are whole disks only (proc_diskstats), network bytes all
    interfaces but lo (proc_net_dev). Pressure is the `some`/`full` total in µs (proc pressure). Energy is in µJ.
    """

    boottime_ns: int
    cpus: int
    cpu_busy_ns: int
    cpu_idle_ns: int
    cpu_iowait_ns: int
    cpu_steal_ns: int
    memory_total_bytes: int | None
    memory_available_bytes: int | None
    swap_total_bytes: int | None
    swap_free_bytes: int | None
    disk_read_bytes: int | None
    disk_write_bytes: int | None
    network_received_bytes: int | None
    network_sent_bytes: int | None
    cpu_pressure_us: int | None
    memory_pressure_us: int | None
    io_pressure_us: int | None
    on_battery: bool | None
    unix_sockets: int | None = None  # proc_net(5), /proc/net/protocols: of this network namespace
    package_energy_ns: int | None = None  # boot time of package_energy_uj, where it isn't that of the reading
    package_energy_uj: int | None = None  # RAPL, all packages; never wraps (sources/energy.py)
    memory_full_pressure_us: int | None = None
    io_full_pressure_us: int | None = None
    swap_in_bytes: int | None = None
    swap_out_bytes: int | None = None
    forks: int | None = None  # threads included
    major_faults: int | None = None  # page faults that waited for storage, of all processes
    throttled_ms: int | None = None  # processor packages slowed down for heat (sources/throttling.py)
    disks: tuple[DiskReading, ...] = ()  # whole disks; empty where /proc or /sys doesn't tell


@dataclass(frozen=True, slots=True)
class SensorReading:
    """One temperature, from hwmon or a thermal zone.

    `key` is stable over reboots (driver name, device path tail and label), not hwmonN. Limits are the driver's own,
    None where it gives none or gives nonsense (hwmon sysfs-interface; thermal zone trip points).
    """

    key: str
    driver: str
    label: str
    kind: str  # "cpu", "gpu", "disk", "memory", "board", "other": by driver name, smoothtask_gui/domain/sensors.py
    temperature_c: float | None
    max_c: float | None
    critical_c: float | None
    reason: str = ""  # why temperature_c is None


@dataclass(frozen=True, slots=True)
class Lost:
    """Cumulative losses of a source since it opened."""

    ticks: int = 0
    events: int = 0
    exits: int = 0


@dataclass(frozen=True, slots=True)
class Batch:
    """All readings of one tick.

    `exited` is None where the source can't see processes that lived between two ticks (the /proc source).
    `unavailable` maps what this source can't see to the reason, in words for people.
    """

    boottime_ns: int
    realtime_ns: int
    source: str  # "helper" or "procfs"; a recording says what it was recorded from
    processes: npt.NDArray[np.void]  # dtype PROCESS, ordered by pid
    exited: npt.NDArray[np.void] | None  # dtype EXITED
    system: SystemReading
    sensors: tuple[SensorReading, ...] = ()
    exits: tuple[ProcessExit, ...] = ()  # since the batch before
    lost: Lost = Lost()
    unavailable: dict[str, str] = field(default_factory=dict)
    network: Network | None = None  # None where the source can't see connections
    block_io: npt.NDArray[np.void] | None = None  # dtype BLOCK_IO
    activity: Activity = field(default_factory=Activity)
    gpus: tuple[GpuReading, ...] = ()
    origins: tuple[Origin, ...] = ()  # what was learned of processes since the batch before
    parts: Parts = field(default_factory=Parts)
    traits: npt.NDArray[np.void] | None = None  # dtype TRAITS, of the busy processes; None where nobody reads them
    focus: Focus | None = None  # None where nobody can tell
    clocks: tuple[ClockReading, ...] = ()  # of the busy processes; none where cpufreq tells none
