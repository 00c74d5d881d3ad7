"""Rates: what two successive batches say about the time between them.

Everything the user sees or a rule judges is a `Sample`; only `domain/rates.py` makes one. NaN (bulk) and None
(scalars) mean missing, never zero.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from smoothtask_gui.domain.activity_rates import ActivityRates
from smoothtask_gui.domain.app import Apps
from smoothtask_gui.domain.parts import ClockReading, Parts

if TYPE_CHECKING:
    from collections.abc import Callable

    from smoothtask_gui.domain.batch import Lost, SensorReading
    from smoothtask_gui.domain.focus import Focus
    from smoothtask_gui.domain.gpu_rates import GpuRates

RATE: Final = np.dtype(
    [
        ("pid", "u4"),
        ("parent_pid", "u4"),
        ("uid", "u4"),
        ("threads", "u4"),
        ("start_ns", "u8"),
        ("cgroup_id", "u8"),
        ("cpu_ratio", "f8"),  # 1.0 = one core
        ("run_delay_ratio", "f8"),  # seconds waited for a CPU per second, all threads
        ("rss_bytes", "f8"),
        ("read_bps", "f8"),
        ("write_bps", "f8"),
        ("received_bps", "f8"),  # payload over TCP and UDP, whatever the interface
        ("sent_bps", "f8"),
        ("major_faults_per_s", "f8"),
        ("switches_per_s", "f8"),
        ("gpu_ratio", "f8"),  # of the busiest engine of the card it uses most; NaN where no card tells
        ("rss_growth_bps", "f8"),  # below zero where memory was given back
        ("state", "S1"),
        ("is_kernel", "?"),
        ("comm", "S16"),
    ],
    align=True,
)


@dataclass(frozen=True, slots=True)
class ExitedRate:
    """Processes of one name that ended in this interval: the CPU time no row of `processes` shows."""

    comm: str
    parent_pid: int
    uid: int
    count: int
    cpu_ratio: float
    cgroup_id: int = 0


@dataclass(frozen=True, slots=True)
class DiskRates:
    """One whole disk in this interval; None where a counter ran backwards, or the disk wasn't there before."""

    name: str
    read_bps: float | None
    write_bps: float | None
    requests_per_s: float | None
    wait_ms: float | None  # of a request, from its allocation to its end; None if none ended
    busy_ratio: float | None
    in_flight: int  # requests that haven't ended yet
    flushes_per_s: float | None  # None before kernel 5.5


@dataclass(frozen=True, slots=True)
class SystemRates:
    """The machine in this interval; ratios are 0..1 of all CPUs, None where missing."""

    cpus: int
    cpu_busy_ratio: float | None
    cpu_iowait_ratio: float | None
    cpu_attributed_ratio: float | None  # of all CPUs: what the rows of this sample add up to
    memory_total_bytes: int | None
    memory_used_bytes: int | None  # total - available
    swap_used_bytes: int | None
    disk_read_bps: float | None
    disk_write_bps: float | None
    network_received_bps: float | None
    network_sent_bps: float | None
    cpu_pressure_ratio: float | None
    memory_pressure_ratio: float | None
    io_pressure_ratio: float | None
    on_battery: bool | None
    package_watts: float | None = None  # processor packages (RAPL)
    unix_sockets: int | None = None
    memory_full_pressure_ratio: float | None = None
    io_full_pressure_ratio: float | None = None
    swap_free_bytes: int | None = None
    swap_in_bps: float | None = None
    swap_out_bps: float | None = None
    forks_per_s: float | None = None  # threads included
    major_faults_per_s: float | None = None
    throttled_ratio: float | None = None  # share of the time that the processors were slowed down for heat
    disks: tuple[DiskRates, ...] = ()


def no_connections() -> None:
    """For a source that sees none."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One interval, between two batches of one source."""

    boottime_ns: int
    realtime_ns: int
    interval_ns: int
    source: str
    processes: npt.NDArray[np.void]  # dtype RATE, ordered by pid
    exited: tuple[ExitedRate, ...]
    system: SystemRates
    sensors: tuple[SensorReading, ...]
    lost: Lost
    unavailable: dict[str, str]
    find_connections: Callable[[], npt.NDArray[np.void] | None] = field(default=no_connections, compare=False)
    gpus: tuple[GpuRates, ...] = ()
    activity: ActivityRates = field(default_factory=ActivityRates)
    apps: Apps = field(default_factory=Apps)  # filled by domain/apps.py
    parts: Parts = field(default_factory=Parts)
    traits: npt.NDArray[np.void] | None = None  # dtype traits.TRAIT, of the busy processes; None where unknown
    focus: Focus | None = None  # None where nobody can tell
    clocks: tuple[ClockReading, ...] = ()  # of the busy processes

    @property
    def connections(self) -> npt.NDArray[np.void] | None:
        """Dtype connections.CONNECTION; None where the source sees none. Worked out when first asked for."""
        return self.find_connections()
