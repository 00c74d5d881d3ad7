"""What is too hot: sensors against their own limits, trip points crossed, the processor throttled.

Sensors are judged in groups by kind, the worst of a group speaking for all: sixteen hot cores are one cause. Board
sensors (acpitz above all, which on most machines shows the processor's heat) are in the processor's group, so that
one cause never speaks twice. Trip points and throttling come as events; they end when a later reading says so, or
as unknown when nothing is heard of them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from smoothtask_gui.domain.alert import MISSING_NS, judge
from smoothtask_gui.domain.batch import CoolingEvent, ThermalEvent
from smoothtask_gui.domain.cooling import is_processor_cooling
from smoothtask_gui.domain.incident import Severity
from smoothtask_gui.domain.sensors import (
    cpu_sensor,
    driver_limit,
    is_called,
    is_plausible,
    kind_of,
    limit_of,
    may_float,
)
from smoothtask_gui.domain.text import safe_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from smoothtask_gui.domain.batch import SensorReading
    from smoothtask_gui.domain.rules import Overheating

CPU_GROUP: Final = "cpu"
_GROUPS: Final = {"cpu": CPU_GROUP, "board": CPU_GROUP, "gpu": "gpu", "disk": "disk", "memory": "memory"}
_NAMES: Final = {"cpu": "CPU", "gpu": "Graphics card", "disk": "Disk", "memory": "Memory", "board": "Mainboard"}
_MOST_TRACKED: Final = 1024
_NOW_TRIPS: Final = ("hot", "critical")


@dataclass(frozen=True, slots=True)
class Heat:
    """How hot a group is: its worst sensor, or the event that told it."""

    group: str
    key: str  # of the sensor, "zone:TYPE" or "cooling:TYPE" where only an event is known
    name: str  # for people: "CPU"
    temperature_c: float | None
    level_c: float | None  # what it fires at
    limit_c: float | None
    limit_name: str  # as `Limit.name`, or "hot trip point"
    is_critical: bool  # at the driver's critical limit, or a critical trip
    is_over: bool  # at or above the level, or a trip point is crossed
    throttled: bool
    holds: bool | None

    @property
    def severity(self) -> Severity:
        """Critical near a critical limit or past a hot or critical trip point; throttling alone is a warning."""
        serious = self.limit_name == "critical limit" or self.limit_name.endswith("trip point")
        return Severity.CRITICAL if self.is_critical or (self.is_over and serious) else Severity.WARNING


@dataclass(slots=True)
class _Trip:
    event: ThermalEvent
    crossed_c: float  # the event's temperature
    temperature_c: float
    heard_ns: int


class HeatWatch:
    """Remembers what events said until something contradicts it."""

    def __init__(self) -> None:
        self._trips: dict[int, _Trip] = {}
        self._cooling: dict[int, CoolingEvent] = {}
        self._throttled_since_ns: int | None = None
        self._first_c: dict[str, float] = {}
        self._moved: set[str] = set()
        self._lost_events = 0
        self._over_c: dict[str, float | None] = {}  # groups whose events said that it is over, and at what temperature

    def forget(self) -> None:
        """Events of another source or boot say nothing about now."""
        self._trips.clear()
        self._cooling.clear()
        self._over_c.clear()
        self._throttled_since_ns = None

    def throttled_ns(self, now_ns: int) -> int | None:
        """For how long the processor has been throttled, None if it isn't."""
        return None if self._throttled_since_ns is None else max(0, now_ns - self._throttled_since_ns)

    def receive_event(self, event: ThermalEvent | CoolingEvent, now_ns: int) -> str | None:
        """Take in an event; the group that must fire at once because of it, or None."""
        if isinstance(event, CoolingEvent):
            return self._receive_cooling(event, now_ns)
        if event.temperature_c is None or not is_plausible(event.temperature_c):
            return None
        known = self._trips.get(event.zone_id)
        if event.trip_type in _NOW_TRIPS:
            if known is None and len(self._trips) < _MOST_TRACKED:
                self._trips[event.zone_id] = _Trip(event, event.temperature_c, event.temperature_c, now_ns)
            elif known is not None:
                known.temperature_c, known.heard_ns = event.temperature_c, now_ns
                if event.trip_type == "critical" != known.event.trip_type:
                    known.event, known.crossed_c = event, event.temperature_c
            group = group_of(kind_of(event.zone_type))
            self._over_c.pop(group, None)
            return group
        if known is not None:
            known.temperature_c, known.heard_ns = event.temperature_c, now_ns
        return None

    def observe(self, sensors: Sequence[SensorReading], lost_events: int, now_ns: int, rule: Overheating) -> None:
        """Take in a tick's readings: they may contradict what events said."""
        if lost_events != self._lost_events:
            self._lost_events = lost_events  # the event that ends a throttling may be among the lost
            self._cooling.clear()
            self._throttled_since_ns = None
        for sensor in sensors:
            self._note_movement(sensor)
        for zone_id, trip in list(self._trips.items()):
            zone = [reading.temperature_c for reading in sensors if reading.driver == trip.event.zone_type]
            if seen := [value for value in zone if value is not None]:
                trip.temperature_c, trip.heard_ns = max(seen), now_ns
            elif now_ns < trip.heard_ns:
                trip.heard_ns = now_ns
            if trip.temperature_c <= trip.crossed_c - rule.clear_margin_c:
                self._over_c[group_of(kind_of(trip.event.zone_type))] = trip.temperature_c
                del self._trips[zone_id]
            elif now_ns - trip.heard_ns > 2 * MISSING_NS:
                del self._trips[zone_id]

    def judge(
        self, sensors: Sequence[SensorReading], rule: Overheating, firing: dict[str, str], now_ns: int
    ) -> dict[str, Heat]:
        """Each group that a sensor with a limit or an event speaks for; `firing` maps firing groups to sensor keys."""
        heats: dict[str, Heat] = {}
        for sensor in sensors:
            heat = self._judge_sensor(sensor, rule, firing=group_of(sensor.kind) in firing)
            if heat is not None:
                known = heats.get(heat.group)
                heats[heat.group] = heat if known is None else _worse(known, heat)
        for group, key in firing.items():
            heat = _honest(heats.get(group), group, key, sensors)
            if heat.holds is None and group in self._over_c:
                heat = replace(heat, holds=False, temperature_c=heat.temperature_c or self._over_c[group])
            heats[group] = heat
        for heat in self._event_heats(sensors, rule, now_ns):
            heats[heat.group] = _with_event(heats.get(heat.group), heat)
        return heats

    def _receive_cooling(self, event: CoolingEvent, now_ns: int) -> str | None:
        if not is_processor_cooling(event.device_type):
            return None
        if event.target_state <= 0:
            self._cooling.pop(event.device_id, None)
            if not self._cooling and self._throttled_since_ns is not None:
                self._throttled_since_ns = None
                self._over_c[CPU_GROUP] = None
            return None
        if event.device_id in self._cooling or len(self._cooling) >= _MOST_TRACKED:
            return None
        self._cooling[event.device_id] = event
        if self._throttled_since_ns is not None:
            return None
        self._throttled_since_ns = now_ns
        self._over_c.pop(CPU_GROUP, None)
        return CPU_GROUP

    def _note_movement(self, sensor: SensorReading) -> None:
        value = sensor.temperature_c
        if value is None or sensor.key in self._moved or not may_float(sensor.driver):
            return
        if len(self._first_c) < _MOST_TRACKED and self._first_c.setdefault(sensor.key, value) != value:
            self._moved.add(sensor.key)

    def _judge_sensor(self, sensor: SensorReading, rule: Overheating, *, firing: bool) -> Heat | None:
        limit, drivers = limit_of(sensor, rule.own_limits), driver_limit(sensor)
        if limit is None or sensor.temperature_c is None or any(is_called(sensor, name) for name in rule.ignore):
            return None
        if may_float(sensor.driver) and sensor.key not in self._moved:
            return None  # an input that never moved isn't connected
        level = limit.temperature_c - rule.margin_c if limit.is_critical else limit.temperature_c
        return Heat(
            group=group_of(sensor.kind),
            key=sensor.key,
            name=sensor_name(sensor),
            temperature_c=sensor.temperature_c,
            level_c=level,
            limit_c=limit.temperature_c,
            limit_name=limit.name,
            is_critical=drivers is not None and drivers.is_critical and sensor.temperature_c >= drivers.temperature_c,
            is_over=sensor.temperature_c >= level,
            throttled=False,
            holds=judge(sensor.temperature_c, level, level - rule.clear_margin_c, firing=firing),
        )

    def _event_heats(self, sensors: Sequence[SensorReading], rule: Overheating, now_ns: int) -> Iterable[Heat]:
        for trip in self._trips.values():
            yield _trip_heat(trip, fresh=now_ns - trip.heard_ns <= MISSING_NS)
        if self._cooling:
            first = next(iter(self._cooling.values()))
            cpu = cpu_sensor(sensors)
            limit = limit_of(cpu, rule.own_limits) if cpu else None
            yield Heat(
                group=CPU_GROUP,
                key=cpu.key if cpu else f"cooling:{safe_text(first.device_type)}",
                name="CPU",
                temperature_c=cpu.temperature_c if cpu else None,
                level_c=None,
                limit_c=limit.temperature_c if limit else None,
                limit_name=limit.name if limit else "limit",
                is_critical=False,
                is_over=False,
                throttled=True,
                holds=True,
            )


def group_of(kind: str) -> str:
    return _GROUPS.get(kind, "other")


def sensor_name(sensor: SensorReading) -> str:
    """What people call it: "CPU"; its label where the kind says too little."""
    if sensor.kind in ("cpu", "gpu", "memory", "board"):
        return _NAMES[sensor.kind]
    label = safe_text(sensor.label or sensor.driver)
    return f"Disk ({label})" if sensor.kind == "disk" else f"Sensor {label}"


def _trip_heat(trip: _Trip, *, fresh: bool) -> Heat:
    event = trip.event
    kind = kind_of(event.zone_type)
    zone = safe_text(event.zone_type)
    return Heat(
        group=group_of(kind),
        key=f"zone:{zone}",
        name="CPU" if group_of(kind) == CPU_GROUP else _NAMES.get(kind, f"Sensor {zone}"),
        temperature_c=trip.temperature_c,
        level_c=event.temperature_c,
        limit_c=event.temperature_c,
        limit_name=f"{event.trip_type} trip point",
        is_critical=event.trip_type == "critical",
        is_over=True,
        throttled=False,
        holds=True if fresh else None,
    )


def _worse(one: Heat, other: Heat) -> Heat:
    """The one that is further above its level; a processor's own sensor before a board's at equal distance."""
    return other if _excess(other) > _excess(one) else one


def _excess(heat: Heat) -> float:
    if heat.temperature_c is None or heat.level_c is None:
        return float("-inf")
    return heat.temperature_c - heat.level_c


def _honest(heat: Heat | None, group: str, key: str, sensors: Sequence[SensorReading]) -> Heat:
    """While the sensor that fired can't be read or judged, cooler neighbours don't prove that it is over."""
    sensor = next((reading for reading in sensors if reading.key == key), None)
    if heat is not None and (heat.holds or sensor is None or sensor.temperature_c is not None):
        return heat
    return Heat(
        group=group,
        key=key,
        name=sensor_name(sensor) if sensor else _NAMES.get(group, "Sensor"),
        temperature_c=sensor.temperature_c if sensor else None,
        level_c=None,
        limit_c=None,
        limit_name="limit",
        is_critical=False,
        is_over=False,
        throttled=False,
        holds=None,
    )


def _with_event(heat: Heat | None, event: Heat) -> Heat:
    """A group's heat with an event's word added (which holds, or is stale); the sensor's own values come first."""
    if heat is None or heat.temperature_c is None:
        return event
    shown = event if event.is_over and not heat.is_over else heat
    return replace(
        shown,
        key=heat.key,
        name=heat.name,
        is_critical=heat.is_critical or event.is_critical,
        is_over=heat.is_over or event.is_over,
        throttled=heat.throttled or event.throttled,
        holds=True if heat.holds or event.holds else None,
    )
