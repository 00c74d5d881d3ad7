"""Plays a situation's recording through the rules and holds what they said against its label.

Deterministic: the same recording and rules give the same marks. Time is that of the recording.
"""

from __future__ import annotations

import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from laboratory.keeping import RECORDINGS, label_of, unpacked
from smoothtask_gui.adapters.shipped_rules import shipped_rules
from smoothtask_gui.cli.alerts import judge
from smoothtask_gui.domain.batch import Batch
from smoothtask_gui.domain.effects import Notify, Record
from smoothtask_gui.domain.incident import IncidentState
from smoothtask_gui.domain.monitor import Monitor
from smoothtask_gui.sources.recording import RecordingReader

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from laboratory.situation import Expectation, Situation
    from smoothtask_gui.domain.incident import Incident
    from smoothtask_gui.domain.rules import Rules


@dataclass(frozen=True, slots=True)
class Alert:
    """An incident as a rule first led it; alerts that join it may take the lead. `at_ns`: boot time of that item."""

    at_ns: int
    rule: str
    culprit: str
    title: str


@dataclass(frozen=True, slots=True)
class Played:
    """What the rules made of a recording. `took_s`: CPU time, reading included; others' load doesn't count."""

    alerts: tuple[Alert, ...]
    notifications: int
    recorded_s: float
    took_s: float


@dataclass(frozen=True, slots=True)
class Hit:
    """An expected alert that came. `delay_s`: beyond the beginning and the rule's own `for`; negative if foreseen."""

    expected: Expectation
    delay_s: float
    is_named: bool


@dataclass(frozen=True, slots=True)
class Marks:
    """Of one situation."""

    situation: Situation
    played: Played
    hits: tuple[Hit, ...]
    missed: tuple[Expectation, ...]
    false_alarms: tuple[Alert, ...]


def mark_all(situations: Sequence[Situation], cores: int, folder: Path = RECORDINGS) -> list[Marks]:
    """The marks of the shipped rules, in the situations' order, on so many cores. Raises as `mark` does."""
    with ProcessPoolExecutor(max_workers=cores) as workers:
        return list(workers.map(_mark_shipped, situations, [folder] * len(situations)))


def _mark_shipped(situation: Situation, folder: Path) -> Marks:
    rules = shipped_rules()
    for_s = {rule.name: rule.for_s for rule in rules.declared}
    for_s |= {"runaway": rules.runaway.for_s, "overheating": rules.overheating.for_s}
    return mark(situation, rules, for_s, folder)


def mark(situation: Situation, rules: Rules, for_s: Mapping[str, float], folder: Path) -> Marks:
    """The marks of one situation. Raises RecordingError, and OSError where its recording is missing."""
    with unpacked(situation.name, folder) as recording:
        played = play(recording, lambda: Monitor(rules))
    began_ns = label_of(situation.name, folder).began_ns
    left = [alert for alert in played.alerts if alert.rule not in situation.tolerated]
    hits: list[Hit] = []
    missed: list[Expectation] = []
    for expected in situation.expected:
        alert = _best(expected, left)
        if alert is None:
            missed.append(expected)
            continue
        left.remove(alert)
        delay_s = (alert.at_ns - began_ns) / 1e9 - expected.begins_s - for_s.get(expected.rule, 0.0)
        hits.append(Hit(expected, delay_s, is_named=names(alert, expected.culprit)))
    return Marks(situation, played, tuple(hits), tuple(missed), tuple(left))


def play(recording: Path, make_monitor: Callable[[], Monitor]) -> Played:
    """All of a recording through a new monitor, as fast as it goes."""
    monitor = make_monitor()
    alerts: dict[tuple[int, str], Alert] = {}
    notified: set[int] = set()
    first_ns = last_ns = 0
    began = time.process_time()
    for item in RecordingReader(recording).items():
        effects = judge(monitor, item)
        if isinstance(item, Batch):
            last_ns = item.boottime_ns
            first_ns = first_ns or last_ns
        for effect in effects:
            if isinstance(effect, Notify):
                notified.add(effect.incident.id)
            if isinstance(effect, Notify | Record) and effect.incident.state is IncidentState.FIRING:
                incident = effect.incident
                alerts.setdefault((incident.id, incident.rule), _alert(incident, last_ns))
    took_s = time.process_time() - began
    return Played(tuple(alerts.values()), len(notified), (last_ns - first_ns) / 1e9, took_s)


def _alert(incident: Incident, at_ns: int) -> Alert:
    culprit = incident.shares[0].name if incident.shares else ""
    return Alert(at_ns, incident.rule, culprit, incident.title)


def names(alert: Alert, culprit: str) -> bool:
    """Whether it is named first. One who is gone already, stopped by the kernel, has no share: the title names it."""
    return alert.culprit == culprit or (not alert.culprit and culprit in alert.title.split())


def _best(expected: Expectation, alerts: list[Alert]) -> Alert | None:
    """The first alert of the rule that names the culprit, else the first of the rule."""
    of_rule = [alert for alert in alerts if alert.rule == expected.rule]
    named = [alert for alert in of_rule if names(alert, expected.culprit)]
    return next(iter(named or of_rule), None)
