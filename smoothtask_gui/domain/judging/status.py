"""Which rules can be judged here, and why others can't: one that can never fire must not look as if all were well."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

import numpy as np

from smoothtask_gui.domain.built_in import HeatSeverity
from smoothtask_gui.domain.incident import Severity
from smoothtask_gui.domain.judging.series import Scope
from smoothtask_gui.domain.sensors import limit_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from smoothtask_gui.domain.judging.rule import Rule
    from smoothtask_gui.domain.judging.table import Table
    from smoothtask_gui.domain.rules import Rules
    from smoothtask_gui.domain.sample import Sample


class State(StrEnum):
    OFF = "off"
    WATCHING = "watching"
    BLIND = "blind"  # can't be judged here


@dataclass(frozen=True, slots=True)
class RuleStatus:
    """One rule: whether it can be judged, and what is missing (also where it can be judged without that)."""

    name: str
    scope: str
    severity: str
    for_s: float
    state: State
    missing: tuple[str, ...] = ()  # reasons, in words for people


_NOBODY: Final = {
    Scope.SENSOR: "no temperature sensor was found",
    Scope.FAN: "no fan reports its speed",
    Scope.DISK: "no whole disk was found in /proc/diskstats and /sys/block",
    Scope.FILE_SYSTEM: "no file system that is stored here is mounted",
    Scope.GPU: "no graphics card was found",
}
_PRESSURE: Final = "this kernel doesn't measure pressure (boot parameter psi=1 switches it on)"
_UNAVAILABLE: Final = {  # series: key of Sample.unavailable
    "connections": "network",
    "connections_per_min": "network",
    "connections_steadiness_ratio": "network",
    "sent_bps": "network",
    "received_bps": "network",
    "exited_per_s": "exited",
    "memory_alarm": "pressure_events",
    "package_w": "energy",
    "read_bps": "io",
    "write_bps": "io",
    "in_focus": "focus",
    "has_window": "focus",
    "unused_s": "focus",
    "full_screen": "focus",
}
_REASONS: Final = {
    "cpu_pressure_ratio": _PRESSURE,
    "memory_pressure_ratio": _PRESSURE,
    "memory_full_pressure_ratio": _PRESSURE,
    "io_pressure_ratio": _PRESSURE,
    "io_full_pressure_ratio": _PRESSURE,
    "cpu_temperature_c": "no sensor of the processor's temperature was found",
    "cpu_limit_c": "no sensor of the processor's temperature has a limit",
    "cpu_headroom_c": "no sensor of the processor's temperature has a limit",
    "headroom_c": "no sensor has a limit",
    "throttled_ratio": "no driver counts throttling here (only Intel's does)",
    "on_battery": "the kernel doesn't tell whether a battery feeds the machine",
    "flushes_per_s": "this kernel doesn't count flushes (before 5.5)",
    "gpu_busy_ratio": "no graphics card tells how busy it is",
    "gpu_temperature_c": "no graphics card tells its temperature",
    "gpu_ratio": "no graphics card tells who uses it",
}
_LATER: Final = {  # what is known some ticks after the series that it is made of
    "memory_exhausted_in_s": "memory_left_bytes",
    "memory_shrinking_bps": "memory_left_bytes",
    "cpu_limit_in_s": "cpu_headroom_c",
    "limit_in_s": "headroom_c",
    "growth_bps": "rss_bytes",
    "grown_bytes": "rss_bytes",
    "growth_steadiness_ratio": "rss_bytes",
    "exhausts_in_s": "rss_bytes",
    "fill_bps": "free_bytes",
    "full_in_s": "free_bytes",
    "fill_steadiness_ratio": "free_bytes",
    "wait_ms": "requests_per_s",
    "unused_s": "in_focus",
}
_OF_THE_BUSY: Final = ("is_background", "is_foreground", "lost_terminal", "passed_bps")


def statuses(
    rules: Rules, declared: tuple[Rule, ...], tables: Mapping[Scope, Table], sample: Sample
) -> list[RuleStatus]:
    """Every rule's, ordered by name; `declared` are those that the engine judges."""
    found = [*(_declared(rule, tables, sample) for rule in declared), _overheating(rules, sample), _oom(rules, sample)]
    return sorted(found, key=lambda status: status.name)


def _declared(rule: Rule, tables: Mapping[Scope, Table], sample: Sample) -> RuleStatus:
    status = RuleStatus(rule.name, str(rule.scope), str(rule.severity), rule.for_s, State.WATCHING)
    if not rule.enabled:
        return _with(status, State.OFF)
    table = tables.get(rule.scope)
    if table is None or not len(table.rows):
        reason = table.reason if table is not None else ""
        return _with(status, State.BLIND, reason or _NOBODY.get(rule.scope, "nothing has been read yet"))
    missing = {name: _why_missing(_LATER.get(name, name), table, sample) for name in sorted(rule.needed)}
    reasons = tuple(dict.fromkeys(reason for reason in missing.values() if reason))
    unknown = frozenset(name for name, reason in missing.items() if reason and _is_nowhere(name, table))
    return _with(status, State.WATCHING if rule.when.can_hold(unknown) else State.BLIND, *reasons)


def _why_missing(name: str, table: Table, sample: Sample) -> str:
    """Why a series has no values, or not for all; "" if nothing is missing."""
    key = _UNAVAILABLE.get(name)
    if key is not None and key in sample.unavailable:
        return sample.unavailable[key]
    if name in _OF_THE_BUSY:
        return "" if sample.traits is not None else "this recording holds no traits of processes"
    if not _is_nowhere(name, table):
        return ""
    return _REASONS.get(name, f"{name} can't be read here")


def _is_nowhere(name: str, table: Table) -> bool:
    column = table.columns.get(name)
    return column is None or bool(np.isnan(column).all())


def _overheating(rules: Rules, sample: Sample) -> RuleStatus:
    rule = rules.overheating
    severity = Severity.CRITICAL if rule.severity is HeatSeverity.BY_LIMIT else rule.severity
    status = RuleStatus("overheating", str(Scope.SENSOR), str(severity), rule.for_s, State.WATCHING)
    if not rule.enabled:
        return _with(status, State.OFF)
    limited = [one for one in sample.sensors if limit_of(one, rule.own_limits) is not None]
    if "events" not in sample.unavailable or limited:
        return status
    reason = "no temperature sensor has a limit" if sample.sensors else _NOBODY[Scope.SENSOR]
    return _with(status, State.BLIND, reason)


def _oom(rules: Rules, sample: Sample) -> RuleStatus:
    status = RuleStatus("oom", "process", str(rules.oom.severity), 0.0, State.WATCHING)
    if not rules.oom.enabled:
        return _with(status, State.OFF)
    return _with(status, State.BLIND, sample.unavailable["events"]) if "events" in sample.unavailable else status


def _with(status: RuleStatus, state: State, *missing: str) -> RuleStatus:
    return RuleStatus(status.name, status.scope, status.severity, status.for_s, state, missing)
