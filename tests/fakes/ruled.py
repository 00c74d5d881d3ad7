"""A machine under the shipped rules, whose counters grow as a test says."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from smoothtask_gui.adapters.shipped_rules import shipped_rules
from smoothtask_gui.domain.monitor import Monitor
from smoothtask_gui.domain.parts import DiskReading
from tests.fakes.batches import App, Machine
from tests.fakes.watching import told

if TYPE_CHECKING:
    from collections.abc import Callable

    from smoothtask_gui.domain.effects import Effect
    from smoothtask_gui.domain.incident import Incident

GB = 10**9
MB = 10**6


@dataclass
class Desk:
    """A machine under the shipped rules; counters grow by what `per_s` says."""

    monitor: Monitor = field(default_factory=lambda: Monitor(shipped_rules()))
    machine: Machine = field(default_factory=lambda: Machine(cpus=4))
    per_s: dict[str, int] = field(default_factory=dict)
    disk: DiskReading | None = None
    disk_per_s: dict[str, int] = field(default_factory=dict)
    grows: dict[int, dict[str, int]] = field(default_factory=dict)  # by pid: field of its row, per second

    def __post_init__(self) -> None:
        kinds = ("memory_pressure_us", "memory_full_pressure_us", "io_pressure_us", "io_full_pressure_us")
        zero = dict.fromkeys(kinds, 0)
        memory = {"memory_total_bytes": 16 * GB, "memory_available_bytes": 10 * GB}
        swap = {"swap_total_bytes": 2 * GB, "swap_free_bytes": 2 * GB, "swap_in_bytes": 0, "swap_out_bytes": 0}
        disk = {"disk_read_bytes": 0, "disk_write_bytes": 0}
        self.machine.values = zero | memory | swap | disk | {"forks": 0, "throttled_ms": 0, "on_battery": False}

    def start(self, comm: str, cores: float = 0.0, **grows: int) -> App:
        app = self.machine.start(comm, cores, rss_bytes=100 * MB)
        self.grows[app.pid] = grows
        return app

    def run(self, seconds: int, each: Callable[[], object] = lambda: None) -> list[Effect]:
        effects: list[Effect] = []
        for _ in range(seconds):
            for name, step in self.per_s.items():
                self.machine.values[name] += step
            for app in self.machine.apps:
                for name, step in self.grows.get(app.pid, {}).items():
                    app.row[name] = app.row.get(name, 0) + step
            if self.disk is not None:
                values = {name: getattr(self.disk, name) + step for name, step in self.disk_per_s.items()}
                self.disk = DiskReading(**{name: getattr(self.disk, name) for name in DiskReading.__slots__} | values)
                self.machine.values["disks"] = (self.disk,)
            each()
            effects += self.monitor.receive_batch(self.machine.tick())
        return effects

    def said(self, seconds: int, each: Callable[[], object] = lambda: None) -> list[Incident]:
        return told(self.run(seconds, each))


def only(incidents: list[Incident], rule: str) -> Incident:
    assert {incident.rule for incident in incidents} == {rule}
    return incidents[0]
