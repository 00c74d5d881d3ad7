"""Sensors, fans, disks, file systems and graphics cards as tables."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Final

import numpy as np

from smoothtask_gui.domain.heat import CPU_GROUP, group_of, sensor_name
from smoothtask_gui.domain.judging.growth import GrowthWindow
from smoothtask_gui.domain.judging.machine import time_left_s
from smoothtask_gui.domain.judging.series import Scope
from smoothtask_gui.domain.judging.table import Columns, Named, Table, Target
from smoothtask_gui.domain.sensors import limit_of
from smoothtask_gui.domain.text import safe_text

if TYPE_CHECKING:
    import numpy.typing as npt

    from smoothtask_gui.domain.batch import SensorReading
    from smoothtask_gui.domain.judging.expression import Floats
    from smoothtask_gui.domain.parts import FileSystemReading
    from smoothtask_gui.domain.sample import Sample
    from smoothtask_gui.domain.sensors import OwnLimits

SECOND_NS: Final = 1_000_000_000
MOST_KNOWN: Final = 1024


class PartSeries:
    """Remembers which fans have turned, since when disks answer nothing, and how file systems fill up."""

    def __init__(self) -> None:
        self._turned: set[str] = set()
        self._stuck_since_ns: dict[str, int] = {}
        self._numbers: dict[str, int] = {}
        self._free = GrowthWindow(10 * SECOND_NS, 60)
        self._read: tuple[FileSystemReading, ...] = ()  # of which `_told` tells: they are read less often than a tick
        self._told: _Rows = ((), ())
        self._sensor_numbers: dict[str, int] = {}
        self._heat = GrowthWindow(2 * SECOND_NS, 15)

    def forget(self) -> None:
        self._read, self._told = (), ((), ())
        self._stuck_since_ns.clear()
        self._free.clear()
        self._heat.clear()

    def tables(self, sample: Sample, own_limits: OwnLimits, machine: Mapping[str, float]) -> dict[Scope, Table]:
        """A table for each scope of parts."""
        parts = sample.parts
        return {
            Scope.SENSOR: self._sensors(sample, own_limits, machine),
            Scope.FAN: _table(machine, *self._fans(sample), is_read=not parts.no_fans, reason=parts.no_fans),
            Scope.DISK: _table(machine, *self._disks(sample), is_read=bool(sample.system.disks)),
            Scope.FILE_SYSTEM: _table(
                machine, *self._file_systems(sample), is_read=not parts.no_file_systems, reason=parts.no_file_systems
            ),
            Scope.GPU: _table(machine, *_gpus(sample), is_read=bool(sample.gpus)),
        }

    def _sensors(self, sample: Sample, own_limits: OwnLimits, machine: Mapping[str, float]) -> Table:
        sensors = sample.sensors
        limits = [limit_of(sensor, own_limits) for sensor in sensors]
        temperature_c = np.array([_or_nan(sensor.temperature_c) for sensor in sensors])
        headroom_c = np.array([limit.temperature_c if limit else math.nan for limit in limits]) - temperature_c
        keys = self._numbered([sensor.key for sensor in sensors])
        if self._heat.is_due(sample.boottime_ns):
            self._heat.add(keys[keys > 0], temperature_c[keys > 0], sample.boottime_ns)
        columns = {
            "temperature_c": lambda: temperature_c,
            "limit_c": lambda: headroom_c + temperature_c,
            "headroom_c": lambda: headroom_c,
            "limit_in_s": lambda: _limit_in_s(headroom_c, self._heat.of(keys).per_s),
            "is_cpu": lambda: np.array([group_of(sensor.kind) == CPU_GROUP for sensor in sensors], np.float64),
        }
        targets = [Target(sensor.key, sensor_name(sensor), aliases=_aliases(sensor)) for sensor in sensors]
        return Table(Named(targets), Columns(columns, machine), is_read=bool(sensors))

    def _numbered(self, keys: Sequence[str]) -> npt.NDArray[np.uint64]:
        """A number from 1 on for each sensor; 0 for those beyond MOST_KNOWN, and for a second one of the same key."""
        found: list[int] = []
        for key in keys:
            if len(self._sensor_numbers) < MOST_KNOWN:
                self._sensor_numbers.setdefault(key, len(self._sensor_numbers) + 1)
            number = self._sensor_numbers.get(key, 0)
            found.append(0 if number in found else number)
        return np.array(found, np.uint64)

    def _fans(self, sample: Sample) -> _Rows:
        targets, rows = [], []
        for fan in sample.parts.fans:
            if fan.speed_rpm and len(self._turned) < MOST_KNOWN:
                self._turned.add(fan.key)
            targets.append(Target(fan.key, safe_text(fan.label)))
            turned = 1.0 if fan.key in self._turned else 0.0
            rows.append({"fan_rpm": _or_nan(fan.speed_rpm), "has_turned": turned})
        return targets, rows

    def _disks(self, sample: Sample) -> _Rows:
        targets, rows = [], []
        stuck: dict[str, int] = {}
        for disk in sample.system.disks:
            if disk.in_flight > 0 and disk.requests_per_s == 0:
                began_ns = sample.boottime_ns - sample.interval_ns
                stuck[disk.name] = min(self._stuck_since_ns.get(disk.name, began_ns), sample.boottime_ns)
            targets.append(Target(disk.name, safe_text(disk.name)))
            rows.append(
                {
                    "disk_read_bps": _or_nan(disk.read_bps),
                    "disk_write_bps": _or_nan(disk.write_bps),
                    "requests_per_s": _or_nan(disk.requests_per_s),
                    "wait_ms": _or_nan(disk.wait_ms),
                    "disk_busy_ratio": _or_nan(disk.busy_ratio),
                    "in_flight": float(disk.in_flight),
                    "flushes_per_s": _or_nan(disk.flushes_per_s),
                    "stuck_s": _stuck_s(disk.requests_per_s, stuck.get(disk.name), sample.boottime_ns),
                }
            )
        self._stuck_since_ns = stuck
        return targets, rows

    def _file_systems(self, sample: Sample) -> _Rows:
        found = sample.parts.file_systems
        if found is self._read and not self._free.is_due(sample.boottime_ns):
            return self._told
        for one in found:
            if len(self._numbers) < MOST_KNOWN:
                self._numbers.setdefault(one.path, len(self._numbers))
        known = [one for one in found if one.path in self._numbers]
        keys = np.array([self._numbers[one.path] for one in known], np.uint64)
        free = np.array([float(one.free_bytes) for one in known])
        growth = self._free.observe(keys, -free, sample.boottime_ns)
        targets, rows = [], []
        steps = zip(known, growth.per_s.tolist(), growth.steadiness.tolist(), strict=True)
        for one, fill_bps, steadiness in steps:
            targets.append(Target(one.path, safe_text(one.path)))
            rows.append(
                {
                    "free_bytes": float(one.free_bytes),
                    "size_bytes": float(one.total_bytes),
                    "free_ratio": one.free_bytes / one.total_bytes if one.total_bytes else math.nan,
                    "free_files_ratio": one.free_files / one.total_files if one.total_files else math.nan,
                    "fill_bps": fill_bps,
                    "fill_steadiness_ratio": steadiness,
                    "full_in_s": time_left_s(float(one.free_bytes), fill_bps),
                }
            )
        self._read, self._told = found, (targets, rows)
        return self._told


_Rows = tuple[Sequence[Target], Sequence[Mapping[str, float]]]


def _gpus(sample: Sample) -> _Rows:
    targets, rows = [], []
    for card in sample.gpus:
        used, total = card.memory_used_bytes, card.memory_total_bytes
        targets.append(Target(card.key, safe_text(card.name)))
        rows.append(
            {
                "gpu_busy_ratio": _or_nan(card.busy_ratio),
                "gpu_temperature_c": _or_nan(card.temperature_c),
                "gpu_memory_ratio": used / total if used is not None and total else math.nan,
                "gpu_power_w": _or_nan(card.power_w),
            }
        )
    return targets, rows


def _table(
    machine: Mapping[str, float],
    targets: Sequence[Target],
    rows: Sequence[Mapping[str, float]],
    *,
    is_read: bool,
    reason: str = "",
) -> Table:
    made = {name: partial(np.array, [row[name] for row in rows]) for name in rows[0]} if rows else {}
    return Table(Named(targets), Columns(made, machine), reason, is_read)


def _limit_in_s(headroom_c: Floats, rising_per_s: Floats) -> Floats:
    """When each limit will be reached; infinite while it cools, NaN while unknown."""
    with np.errstate(all="ignore"):
        left_s = np.maximum(headroom_c, 0.0) / rising_per_s
    return np.where(np.isnan(headroom_c + rising_per_s), np.nan, np.where(rising_per_s > 0, left_s, np.inf))


def _aliases(sensor: SensorReading) -> tuple[str, ...]:
    return tuple(safe_text(name) for name in (sensor.driver, sensor.label) if name)


def _stuck_s(requests_per_s: float | None, since_ns: int | None, now_ns: int) -> float:
    if requests_per_s is None:
        return math.nan
    return 0.0 if since_ns is None else (now_ns - since_ns) / 1e9


def _or_nan(value: float | None) -> float:
    return math.nan if value is None else float(value)
