"""The machine as a table of one row, and its values for the rules of every other scope."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np

from smoothtask_gui.domain.focus import is_full_screen
from smoothtask_gui.domain.judging.growth import GrowthWindow
from smoothtask_gui.domain.judging.table import Columns, Named, Table, Target
from smoothtask_gui.domain.sensors import cpu_sensor, limit_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from smoothtask_gui.domain.sample import Sample
    from smoothtask_gui.domain.sensors import OwnLimits

_MACHINE: Final = np.zeros(1, np.uint64)
SECOND_NS: Final = 1_000_000_000


class MachineSeries:
    """Remembers how memory went down."""

    def __init__(self) -> None:
        self._memory = GrowthWindow(2 * SECOND_NS, 30)
        self._heat = GrowthWindow(2 * SECOND_NS, 15)
        self._grown = GrowthWindow(10 * SECOND_NS, 60)  # as that of processes and apps

    def forget(self) -> None:
        self._memory.clear()
        self._heat.clear()
        self._grown.clear()

    def values(self, sample: Sample, own_limits: OwnLimits, *, memory_alarm: float) -> Columns[float]:
        """Each series of the machine; NaN where it is missing."""
        system = sample.system
        total, used = _or_nan(system.memory_total_bytes), _or_nan(system.memory_used_bytes)
        available = total - used
        left = available + _or_nan(system.swap_free_bytes)
        if self._memory.is_due(sample.boottime_ns):
            self._memory.add(_MACHINE, np.array([left]), sample.boottime_ns)
        if self._grown.is_due(sample.boottime_ns):
            self._grown.add(_MACHINE, np.array([-left]), sample.boottime_ns)
        heat = self._heat_values(sample, own_limits)
        known = {
            "cpus": float(system.cpus),
            "cpu_busy_ratio": _or_nan(system.cpu_busy_ratio),
            "cpu_iowait_ratio": _or_nan(system.cpu_iowait_ratio),
            "cpu_pressure_ratio": _or_nan(system.cpu_pressure_ratio),
            "memory_pressure_ratio": _or_nan(system.memory_pressure_ratio),
            "memory_full_pressure_ratio": _or_nan(system.memory_full_pressure_ratio),
            "io_pressure_ratio": _or_nan(system.io_pressure_ratio),
            "io_full_pressure_ratio": _or_nan(system.io_full_pressure_ratio),
            "memory_total_bytes": total,
            "memory_used_bytes": used,
            "memory_available_bytes": available,
            "memory_available_ratio": available / total if total else math.nan,
            "memory_left_bytes": left,
            "memory_alarm": memory_alarm,
            "all_major_faults_per_s": _or_nan(system.major_faults_per_s),
            "swap_used_bytes": _or_nan(system.swap_used_bytes),
            "swap_in_bps": _or_nan(system.swap_in_bps),
            "swap_out_bps": _or_nan(system.swap_out_bps),
            "disk_bps": _or_nan(system.disk_read_bps) + _or_nan(system.disk_write_bps),
            "network_bps": _or_nan(system.network_received_bps) + _or_nan(system.network_sent_bps),
            "forks_per_s": _or_nan(system.forks_per_s),
            "on_battery": _or_nan(system.on_battery),
            "package_w": _or_nan(system.package_watts),
            **heat,
            "throttled_ratio": _or_nan(system.throttled_ratio),
            "full_screen": _or_nan(is_full_screen(sample.focus)),
        }
        return Columns(self._trends(left, heat["cpu_headroom_c"]), known)

    def _trends(self, left_bytes: float, headroom_c: float) -> dict[str, Callable[[], float]]:
        return {
            "memory_grown_bytes": lambda: float(self._grown.of(_MACHINE).grown[0]),
            "memory_shrinking_bps": lambda: -_slope(self._memory),
            "memory_exhausted_in_s": lambda: time_left_s(left_bytes, -_slope(self._memory)),
            "cpu_limit_in_s": lambda: time_left_s(max(0.0, headroom_c), _slope(self._heat)),
        }

    def _heat_values(self, sample: Sample, own_limits: OwnLimits) -> dict[str, float]:
        cpu = cpu_sensor(sample.sensors)
        limit = limit_of(cpu, own_limits) if cpu else None
        temperature_c = _or_nan(cpu.temperature_c if cpu else None)
        headroom_c = limit.temperature_c - temperature_c if limit else math.nan
        if self._heat.is_due(sample.boottime_ns):
            self._heat.add(_MACHINE, np.array([temperature_c]), sample.boottime_ns)
        return {
            "cpu_temperature_c": temperature_c,
            "cpu_limit_c": limit.temperature_c if limit else math.nan,
            "cpu_headroom_c": headroom_c,
        }


def _slope(window: GrowthWindow) -> float:
    return float(window.of(_MACHINE).per_s[0])


def machine_table(values: Columns[float]) -> Table:
    return Table(Named((Target("", "The computer"),)), values)


def time_left_s(left: float, shrinking_per_s: float) -> float:
    """How long `left` lasts; infinite while it doesn't shrink, NaN while either is missing."""
    if math.isnan(left) or math.isnan(shrinking_per_s):
        return math.nan
    return left / shrinking_per_s if shrinking_per_s > 0 else math.inf


def _or_nan(value: float | None) -> float:
    return math.nan if value is None else float(value)
