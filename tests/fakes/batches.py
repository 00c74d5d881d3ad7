"""Builders of batches: single rows for exact cases, and a small machine whose counters go on by themselves."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from smoothtask_gui.domain.apps import AppGrouper
from smoothtask_gui.domain.batch import (
    EXITED,
    PROCESS,
    Batch,
    CoolingEvent,
    Lost,
    OomKill,
    ProcessExit,
    SensorReading,
    SystemReading,
    ThermalEvent,
)
from smoothtask_gui.domain.rates import rates

if TYPE_CHECKING:
    from smoothtask_gui.domain.focus import Focus
    from smoothtask_gui.domain.sample import Sample
from smoothtask_gui.domain.parts import TRAITS, ClockReading, Parts

SECOND = 1_000_000_000
BOOT_REALTIME = 1_700_000_000 * SECOND


def process(pid: int, **values: Any) -> dict[str, Any]:
    """One row; what isn't named is 0, the start is pid seconds after boot."""
    return {"pid": pid, "start_ns": pid * SECOND, "comm": b"app", "state": b"S", "threads": 1, **values}


def rows(*found: dict[str, Any], dtype: np.dtype[Any] = PROCESS) -> npt.NDArray[np.void]:
    """Rows as a structured array; fields not named are 0."""
    array = np.zeros(len(found), dtype)
    for index, row in enumerate(found):
        for name, value in row.items():
            array[name][index] = value
    return array


def exited_row(comm: bytes, first_ns: int, run_ns: int, **values: Any) -> dict[str, Any]:
    return {"comm": comm, "first_ns": first_ns, "last_ns": first_ns, "run_ns": run_ns, "count": 1, **values}


def system(boottime_ns: int, busy_ns: int = 0, cpus: int = 4, **values: Any) -> SystemReading:
    """Counters of the machine; what isn't named is missing."""
    missing = dict.fromkeys(
        [
            "memory_total_bytes",
            "memory_available_bytes",
            "swap_total_bytes",
            "swap_free_bytes",
            "disk_read_bytes",
            "disk_write_bytes",
            "network_received_bytes",
            "network_sent_bytes",
            "cpu_pressure_us",
            "memory_pressure_us",
            "io_pressure_us",
            "on_battery",
        ]
    )
    idle_ns = max(0, boottime_ns * cpus - busy_ns)
    reading = SystemReading(boottime_ns, cpus, busy_ns, idle_ns, 0, 0, **missing)
    return replace(reading, **values)


def batch(boottime_ns: int, *processes: dict[str, Any], **values: Any) -> Batch:
    """A batch of the helper at `boottime_ns`; `exited` is an empty table unless given."""
    base = Batch(
        boottime_ns=boottime_ns,
        realtime_ns=BOOT_REALTIME + boottime_ns,
        source="helper",
        processes=rows(*processes),
        exited=rows(dtype=EXITED),
        system=system(boottime_ns),
    )
    return replace(base, **values)


def package_sensor(temperature_c: float | None, **values: Any) -> SensorReading:
    reading = SensorReading(
        "coretemp/coretemp.0/Package id 0", "coretemp", "Package id 0", "cpu", temperature_c, 80.0, 100.0
    )
    return replace(reading, **values)


def trip(boottime_ns: int, temperature_c: float, trip_type: str | None = "hot", **values: Any) -> ThermalEvent:
    event = ThermalEvent(boottime_ns, 0, "x86_pkg_temp", temperature_c, temperature_c - 2, 0, trip_type)
    return replace(event, **values)


def throttle(boottime_ns: int, target_state: int, **values: Any) -> CoolingEvent:
    return replace(CoolingEvent(boottime_ns, 3, "Processor", target_state, 10), **values)


def oom_kill(boottime_ns: int, comm: str = "chromium", rss_bytes: int = 3_100_000_000) -> OomKill:
    return OomKill(boottime_ns, 77, 1000, 77 * SECOND, rss_bytes, comm)


@dataclass
class App:
    """A running process: how many cores it uses until told otherwise."""

    pid: int
    start_ns: int
    comm: bytes
    cores: float = 0.0
    run_ns: int = 0
    row: dict[str, Any] = field(default_factory=dict)


@dataclass
class Machine:
    """Counts CPU time like a machine would; `tick` moves time on and gives the batch of that moment."""

    cpus: int = 4
    now_ns: int = 100 * SECOND
    source: str = "helper"
    busy_ns: int = 0
    apps: list[App] = field(default_factory=list)
    sensors: tuple[SensorReading, ...] = ()
    lost: Lost = field(default_factory=Lost)
    next_pid: int = 1000
    values: dict[str, Any] = field(default_factory=dict)  # of the machine's reading, beside CPU time
    unavailable: dict[str, str] = field(default_factory=dict)
    exited: list[dict[str, Any]] = field(default_factory=list)  # rows of `exited_row`, whose counts a test moves on
    clocks_khz: dict[int, int] = field(default_factory=dict)  # by pid; empty: the machine tells none
    traits: dict[int, dict[str, Any]] | None = None  # by pid; None: nobody reads them
    parts: Parts = field(default_factory=Parts)
    exits: list[ProcessExit] = field(default_factory=list)
    focus: Focus | None = None
    grouper: AppGrouper = field(default_factory=AppGrouper)

    def start(self, comm: str, cores: float = 0.0, **row: Any) -> App:
        app = App(self.next_pid, self.now_ns, comm.encode(), cores, row=row)
        self.next_pid += 1
        self.apps.append(app)
        return app

    def end(self, app: App) -> None:
        self.apps.remove(app)
        self.exits.append(
            ProcessExit(self.now_ns, app.pid, 1, 1000, app.start_ns, app.run_ns, 0, app.comm.decode(), None, None)
        )

    def hot(self, temperature_c: float | None, **values: Any) -> None:
        self.sensors = (package_sensor(temperature_c, **values),)

    def tick(self, seconds: float = 1.0) -> Batch:
        span_ns = round(seconds * SECOND)
        self.now_ns += span_ns
        for app in self.apps:
            app.run_ns = max(0, app.run_ns + round(app.cores * span_ns))
            self.busy_ns = max(0, self.busy_ns + round(app.cores * span_ns))
        made = [
            process(app.pid, start_ns=app.start_ns, comm=app.comm, uid=1000, run_ns=app.run_ns, parent_pid=1) | app.row
            for app in self.apps
        ]
        found = batch(
            self.now_ns,
            *made,
            source=self.source,
            system=system(self.now_ns, self.busy_ns, self.cpus, **self.values),
            traits=None if self.traits is None else rows(*self.traits.values(), dtype=TRAITS),
            parts=self.parts,
            focus=self.focus,
            sensors=self.sensors,
            lost=self.lost,
            exits=tuple(self.exits),
            unavailable=self.unavailable,
            exited=rows(*self.exited, dtype=EXITED),
            clocks=tuple(
                ClockReading(app.pid, app.start_ns, self.clocks_khz[app.pid])
                for app in self.apps
                if app.pid in self.clocks_khz
            ),
        )
        self.exits = []
        return found if self.source == "helper" else replace(found, exited=None)

    def sample(self, before: Batch, after: Batch) -> Sample:
        """What happened between two of its batches, by app."""
        made = rates(before, after)
        assert made is not None
        return self.grouper.group(made)
