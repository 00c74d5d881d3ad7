"""The rule for heat: turns what is hot into alerts, and alerts into what a person reads about it."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from smoothtask_gui.domain.alert import Alert, Phase, Timing, advance, close, trigger
from smoothtask_gui.domain.batch import ThermalEvent
from smoothtask_gui.domain.built_in import HeatSeverity
from smoothtask_gui.domain.changes import Change, Draft, Fired, Key, Resolved, Updated
from smoothtask_gui.domain.heat import CPU_GROUP, Heat, HeatWatch
from smoothtask_gui.domain.incident import ALWAYS, Severity
from smoothtask_gui.domain.judging.expression import is_known
from smoothtask_gui.domain.wording import heat_body, heat_resolved_fact, heat_resolved_title, heat_title

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from smoothtask_gui.domain.batch import CoolingEvent, SensorReading
    from smoothtask_gui.domain.culprit import Culprits
    from smoothtask_gui.domain.incident import Action
    from smoothtask_gui.domain.judging.expression import Condition, Floats
    from smoothtask_gui.domain.rules import Overheating
    from smoothtask_gui.domain.sample import Sample

RULE = "overheating"


@dataclass(slots=True)
class _Group:
    alert: Alert
    subject: str = ""
    name: str = ""
    limit_c: float = math.nan
    peak_c: float = math.nan
    severity: Severity = Severity.WARNING  # the worst so far
    fired_ns: int = 0


class OverheatingRule:
    """One alert per group of sensors.

    `culprits` tells, when asked, who used the CPU up to now_ns; `machine` the machine's series, which conditions name.
    """

    def __init__(
        self,
        culprits: Callable[[int], Culprits],
        may_stop: Callable[[int], bool],
        machine: Callable[[], Mapping[str, Floats | float]],
    ) -> None:
        self._culprits = culprits
        self._may_stop = may_stop
        self._machine = machine
        self._watch = HeatWatch()
        self._groups: dict[str, _Group] = {}

    def receive_event(
        self, event: ThermalEvent | CoolingEvent, sensors: Sequence[SensorReading], rule: Overheating, now_ns: int
    ) -> list[Change]:
        """Trip points and throttling fire at once."""
        name = self._watch.receive_event(event, now_ns)
        if name is None or not rule.enabled:
            return []
        heat = self._watch.judge(sensors, rule, self._firing(), now_ns).get(name)
        if heat is None:
            return []
        critical = isinstance(event, ThermalEvent) and event.trip_type == "critical"
        group = self._group(name, rule)
        was_firing = group.alert.is_firing
        if not was_firing and self._holds(rule.unless, heat, rule):
            return []
        group.alert = trigger(group.alert, now_ns=now_ns, despite_cooldown=critical)
        return self._say(name, group, heat, rule, now_ns, was_firing=was_firing)

    def receive_sample(self, sample: Sample, rule: Overheating, now_ns: int) -> list[Change]:
        """Judge a tick's temperatures."""
        self._watch.observe(sample.sensors, now_ns, rule)
        if not rule.enabled:
            return self.stop(now_ns)
        changes: list[Change] = []
        heats = self._watch.judge(sample.sensors, rule, self._firing(), now_ns)
        for name in sorted({*heats, *self._groups}):
            heat = heats.get(name)
            if name not in self._groups and (heat is None or not heat.holds):
                continue
            group = self._group(name, rule)
            was_firing = group.alert.is_firing
            holds = heat.holds if heat else None
            if heat is not None and holds and not was_firing and self._holds(rule.unless, heat, rule):
                holds = False
            group.alert = advance(group.alert, holds=holds, now_ns=now_ns)
            changes += self._say(name, group, heat, rule, now_ns, was_firing=was_firing)
        return changes

    def note_losses(self, lost_events: int) -> None:
        """How many events the source has lost so far."""
        self._watch.note_losses(lost_events)

    def stop(self, now_ns: int, *, unknown: bool = False) -> list[Change]:
        """End all alerts: the rule was switched off, or (`unknown`) nothing can be read any more."""
        changes: list[Change] = []
        for name, group in self._groups.items():
            if group.alert.is_firing:
                title = heat_resolved_title(None, group.name, now_ns - group.fired_ns, unknown=unknown)
                changes.append(Resolved((RULE, name), title, is_silent=not unknown))
            group.alert = close(group.alert, now_ns=now_ns)
        return changes

    def forget_events(self) -> None:
        """Another source: what events said is not known to hold any more."""
        self._watch.forget()

    def _group(self, name: str, rule: Overheating) -> _Group:
        timing = Timing.of_seconds(rule.for_s, rule.keep_firing_for_s, rule.cooldown_s)
        group = self._groups.setdefault(name, _Group(Alert(timing)))
        group.alert = replace(group.alert, timing=timing)
        return group

    def _firing(self) -> dict[str, str]:
        return {name: group.subject for name, group in self._groups.items() if group.alert.is_firing}

    def _holds(self, condition: Condition | None, heat: Heat, rule: Overheating) -> bool:
        """Whether a condition about the machine and the worst sensor is known to hold."""
        if condition is None:
            return False
        temperature_c = math.nan if heat.temperature_c is None else heat.temperature_c
        limit_c = math.nan if heat.limit_c is None else heat.limit_c
        own = {name: getattr(rule, name) for name in condition.names if hasattr(rule, name)}
        of_sensor = {"temperature_c": temperature_c, "limit_c": limit_c, "headroom_c": limit_c - temperature_c}
        return is_known(condition, {**self._machine(), **own, **of_sensor})

    def _say(
        self, name: str, group: _Group, heat: Heat | None, rule: Overheating, now_ns: int, *, was_firing: bool
    ) -> list[Change]:
        key: Key = (RULE, name)
        if was_firing and group.alert.phase is Phase.RESOLVED:
            lasted_ns = now_ns - group.fired_ns
            unknown = group.alert.ended_unknown
            title = heat_resolved_title(heat, group.name, lasted_ns, unknown=unknown)
            return [Resolved(key, title, fact="" if unknown else heat_resolved_fact(heat, group.name))]
        if not group.alert.is_firing or heat is None or heat.holds is None:
            return []
        if not was_firing:
            fresh = _Group(group.alert, heat.key, heat.name, fired_ns=now_ns)
            group = self._groups[name] = fresh
        culprits = self._culprits(now_ns) if name == CPU_GROUP and rule.blames else None
        if self._severity(heat, rule) is Severity.CRITICAL:
            group.severity = Severity.CRITICAL
        draft = self._draft(group, heat, culprits, rule, now_ns)
        return [Updated(key, draft) if was_firing else Fired(key, draft, now_ns)]

    def _severity(self, heat: Heat, rule: Overheating) -> Severity:
        if rule.severity is HeatSeverity.CRITICAL or self._holds(rule.critical_when, heat, rule):
            return Severity.CRITICAL
        return heat.severity if rule.severity is HeatSeverity.BY_LIMIT else Severity.WARNING

    def _draft(self, group: _Group, heat: Heat, culprits: Culprits | None, rule: Overheating, now_ns: int) -> Draft:
        if heat.temperature_c is not None:
            group.peak_c = max(heat.temperature_c, group.peak_c)  # max(x, NaN) is x
        if heat.limit_c is not None:
            group.limit_c = heat.limit_c
        throttled_ns = self._watch.throttled_ns(now_ns) if heat.group == CPU_GROUP else None
        return Draft(
            severity=group.severity,
            title=heat_title(heat, culprits),
            body=heat_body(heat, culprits, throttled_ns),
            subject=group.subject,
            value=group.peak_c,
            limit=group.limit_c,
            shares=culprits.shares if culprits else (),
            rest_ratio=culprits.rest_ratio if culprits else None,
            method=culprits.method if culprits else "",
            actions=self._actions(culprits, rule),
            named=culprits.blamed.name if culprits and culprits.blamed else "",
        )

    def _actions(self, culprits: Culprits | None, rule: Overheating) -> tuple[Action, ...]:
        blamed = culprits.blamed if culprits else None
        stoppable = blamed is not None and blamed.identity is not None and self._may_stop(blamed.identity.uid)
        return tuple(action for action in rule.remedies if stoppable or action in ALWAYS)
