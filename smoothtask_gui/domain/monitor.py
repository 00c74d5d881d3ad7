"""The core that decides: items of a source in, effects out, nothing performed.

`Monitor` is deterministic: the same items and commands in the same order give the same effects, on a live machine and
on a recording. It never reads a clock; time is what the items say. Time that runs backwards and sources that come and
go make it start afresh, never raise.
"""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from smoothtask_gui.domain.apps import AppGrouper
from smoothtask_gui.domain.batch import OomKill, PressureEvent, ProcessExit
from smoothtask_gui.domain.culprit import Culprits
from smoothtask_gui.domain.desk import Desk
from smoothtask_gui.domain.judging.judge import Judge
from smoothtask_gui.domain.judging.runaway import runaway_rule
from smoothtask_gui.domain.judging.series import Scope
from smoothtask_gui.domain.judging.status import RuleStatus, statuses
from smoothtask_gui.domain.matching import row_of
from smoothtask_gui.domain.oom import OomRule
from smoothtask_gui.domain.overheating import OverheatingRule
from smoothtask_gui.domain.rates import rates
from smoothtask_gui.domain.store import Store
from smoothtask_gui.domain.target import target_for
from smoothtask_gui.domain.view import View, make_view

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from smoothtask_gui.domain.batch import Batch, KernelEvent
    from smoothtask_gui.domain.changes import Change
    from smoothtask_gui.domain.choices import Choices
    from smoothtask_gui.domain.choices import Scope as SnoozeScope
    from smoothtask_gui.domain.effects import Effect
    from smoothtask_gui.domain.incident import Action, Deed, Incident
    from smoothtask_gui.domain.judging.expression import Floats
    from smoothtask_gui.domain.judging.rule import Rule
    from smoothtask_gui.domain.rules import Rules
    from smoothtask_gui.domain.sample import Sample
    from smoothtask_gui.domain.target import Target

WARM_UP_NS: Final = 3_000_000_000
"""After a start or a change of source nothing is judged from samples for this long, nor from the first one alone."""

SETTLING_NS: Final = 60_000_000_000
"""After a start, a change of source or a resume what fires from a sample waits this long for a second one to agree."""

SUSPENDED_NS: Final = 15_000_000_000
"""Two batches further apart than this, and than thrice the usual, had a suspend between them."""

NEWS_NS: Final = 15_000_000_000
"""How long it is news that the helper answers again; afterwards all is normal, and nothing is said."""

MOST_PENDING_EXITS: Final = 65_536


class Monitor:
    """Judges what a source yields by `rules`.

    `own_uid`: whose processes the person may stop; None offers Stop for every process that isn't the kernel's.
    Incident ids count from `first_incident_id`, so that a history may go on where it stopped.
    """

    def __init__(
        self, rules: Rules, store: Store | None = None, *, own_uid: int | None = None, first_incident_id: int = 1
    ) -> None:
        self._rules = rules
        self._store = store if store is not None else Store()
        self._own_uid = own_uid
        self._desk = Desk(rules.notifications.per_hour, first_incident_id)
        self._declared = Judge(self._may_stop, self._culprits)
        self._heat = OverheatingRule(self._culprits, self._may_stop, self._machine)
        self._oom = OomRule(self._machine)
        self._declared.set_rules(_declared(rules), 0)
        self._pending_exits: deque[ProcessExit] = deque(maxlen=MOST_PENDING_EXITS)
        self._previous: Batch | None = None
        self._sample: Sample | None = None
        self._apps = AppGrouper()
        self._first_ns: int | None = None  # of the batches that can be compared
        self._settled_ns = 0  # boot time from which one sample is enough
        self._now_ns = 0
        self._source = ""
        self._notice = ""
        self._news_ns = 0  # boot time of the first batch that came with the notice

    @property
    def rules(self) -> Rules:
        return self._rules

    @property
    def sample(self) -> Sample | None:
        """The latest sample; None until two batches of one source have come."""
        return self._sample

    @property
    def incidents(self) -> tuple[Incident, ...]:
        """Open ones first, then the recently resolved, each newest first."""
        return self._desk.open + self._desk.recent

    @property
    def desk(self) -> Desk:
        """What may be asked and told about incidents, by whoever carries out what the person wants."""
        return self._desk

    def incident(self, incident_id: int) -> Incident | None:
        """The incident of this id, or the one it went into; None if neither is kept any more."""
        return self._desk.find(incident_id)

    @property
    def store(self) -> Store:
        return self._store

    def receive_batch(self, batch: Batch) -> tuple[Effect, ...]:
        """Judge one tick."""
        effects: tuple[Effect, ...] = ()
        previous = self._previous
        if previous is not None and batch.source != previous.source:
            effects = self.source_changed(batch.source, "")
            previous = None
        if previous is not None and batch.boottime_ns == previous.boottime_ns:
            self._pending_exits.extend(batch.exits)
            self._apps.learn(batch.origins)
            return effects
        if previous is not None and batch.boottime_ns < previous.boottime_ns:
            self._restart_clock()
            previous = None
        if previous is None:
            self._first_ns = self._news_ns = batch.boottime_ns
        if previous is None or self._was_suspended(batch.boottime_ns - previous.boottime_ns):
            self._settled_ns = batch.boottime_ns + SETTLING_NS
        if self._source == "helper" and batch.boottime_ns - self._news_ns >= NEWS_NS:
            self._notice = ""
        self._source = batch.source
        self._now_ns = batch.boottime_ns
        self._previous = batch = replace(batch, exits=(*self._pending_exits, *batch.exits))
        self._pending_exits.clear()
        self._apps.learn(batch.origins)
        self._heat.note_losses(batch.lost.events)
        if previous is None:
            return effects
        sample = rates(previous, batch)
        self._sample = None if sample is None else self._apps.group(sample)
        return effects + self._judge()

    def receive_event(self, event: KernelEvent) -> tuple[Effect, ...]:
        """Judge what the kernel said between two ticks, at once."""
        if isinstance(event, ProcessExit):
            self._pending_exits.append(event)
            return ()
        if isinstance(event, PressureEvent):
            self._declared.receive_pressure(event)
            return ()
        now_ns = max(event.boottime_ns, self._now_ns)
        if isinstance(event, OomKill):
            return self._apply(self._oom.receive_event(event, self._rules.oom, now_ns, self._app_of(event)), now_ns)
        sensors = self._sample.sensors if self._sample else ()
        return self._apply(self._heat.receive_event(event, sensors, self._rules.overheating, now_ns), now_ns)

    def source_changed(self, source: str, reason: str) -> tuple[Effect, ...]:
        """Readings come from elsewhere (or from nowhere, "none") now: rates start afresh.

        From nowhere, open incidents end as unknown: nothing stale is shown as live. The same source again is only
        another reason: its readings go on.
        """
        goes_on = source == self._source != "none" and self._previous is not None
        self._source, self._notice = source, reason
        if goes_on:
            return ()
        self._previous = self._sample = self._first_ns = None
        self._pending_exits.clear()
        self._store.gap(self._now_ns)
        self._store.forget_processes()
        self._heat.forget_events()
        self._declared.forget()
        if source != "none":
            return ()
        changes = self._heat.stop(self._now_ns, unknown=True) + self._declared.stop(self._now_ns)
        return self._apply(changes, self._now_ns)

    def snooze(self, target: SnoozeScope | int, until_boottime_ns: int) -> tuple[Effect, ...]:
        """No notifications of a scope, or of what an incident (id) is about, until then.

        What is still open afterwards is notified again. An unknown id does nothing.
        """
        now_ns, realtime_ns = self._now_ns, self._realtime_ns(self._now_ns)
        if isinstance(target, int):
            return self._desk.snooze_incident(target, until_boottime_ns, now_ns, realtime_ns)
        return self._desk.snooze(target, until_boottime_ns, now_ns, realtime_ns)

    def expect(self, incident_id: int) -> tuple[Effect, ...]:
        """What this incident is about is normal for its app."""
        return self._desk.expect(incident_id, self._now_ns, self._realtime_ns(self._now_ns))

    def unexpect(self, rule: str, app: str) -> tuple[Effect, ...]:
        """It isn't any more; what goes on of it fires now."""
        return self._desk.unexpect(rule, app, self._now_ns, self._realtime_ns(self._now_ns))

    def resume(self, choices: Choices, now_ns: int, realtime_ns: int) -> None:
        """Go on with what the person chose in an earlier run."""
        self._desk.resume(choices, now_ns, realtime_ns)

    def choices(self) -> Choices:
        """What is snoozed and expected now."""
        return self._desk.choices(self._now_ns, self._realtime_ns(self._now_ns))

    def book(self, incident_id: int, deed: Deed) -> tuple[Effect, ...]:
        """Something was done about an incident."""
        return self._desk.book(incident_id, deed)

    def target_for(self, incident: Incident, action: Action) -> Target | None:
        """Whom an action of this incident reaches now; None if nobody is left."""
        return target_for(incident, action, self._sample)

    def release(self) -> tuple[Effect, ...]:
        """The surroundings allow notifications again."""
        return self._desk.release(self._now_ns)

    def dismiss(self, incident_id: int) -> tuple[Effect, ...]:
        """The person has seen it: no more notifications of this incident."""
        return self._desk.dismiss(incident_id)

    def set_rules(self, rules: Rules) -> tuple[Effect, ...]:
        """Judge by other rules from now on; incidents of a rule that was switched off end without a word."""
        self._rules = rules
        self._desk.budget.per_hour = rules.notifications.per_hour
        changes: list[Change] = self._declared.set_rules(_declared(rules), self._now_ns)
        if not rules.overheating.enabled:
            changes += self._heat.stop(self._now_ns)
        if not rules.oom.enabled:
            changes += self._oom.receive_time(self._now_ns, rules.oom)
        return self._apply(changes, self._now_ns)

    def rule_statuses(self) -> list[RuleStatus]:
        """Which rules can be judged here; empty until two batches of one source have come."""
        if self._sample is None:
            return []
        return statuses(self._rules, _declared(self._rules), self._declared.tables, self._sample)

    def view(self) -> View:
        """One frozen picture for the user interface, made when asked for."""
        now_ns, counts = self._now_ns, self._sample is not None
        return make_view(
            source=self._source,
            notice=self._notice,
            sample=self._sample,
            culprits=lambda: self._culprits(now_ns) if counts else Culprits(),
            open_incidents=self._desk.open,
            recent_incidents=self._desk.recent,
            own_limits=self._rules.overheating.own_limits,
        )

    def _judge(self) -> tuple[Effect, ...]:
        sample, now_ns = self._sample, self._now_ns
        if sample is None:
            return ()
        self._store.append(sample)
        changes: list[Change] = self._oom.receive_time(now_ns, self._rules.oom)
        watched_ns = 0 if self._first_ns is None else now_ns - self._first_ns
        judges = watched_ns >= WARM_UP_NS and watched_ns > sample.interval_ns
        changes += self._declared.receive_sample(sample, self._rules.overheating.own_limits, judges=judges)
        if judges:
            changes += self._heat.receive_sample(sample, self._rules.overheating, now_ns)
        effects = self._apply(changes, now_ns, settling_ns=sample.interval_ns if now_ns < self._settled_ns else None)
        return effects + self._desk.wake(now_ns, self._realtime_ns(now_ns))

    def _apply(self, changes: Iterable[Change], now_ns: int, *, settling_ns: int | None = None) -> tuple[Effect, ...]:
        return self._desk.apply(changes, now_ns, self._realtime_ns(now_ns), settling_ns=settling_ns)

    def _realtime_ns(self, now_ns: int) -> int:
        latest = self._previous
        return 0 if latest is None else latest.realtime_ns + (now_ns - latest.boottime_ns)

    def _was_suspended(self, interval_ns: int) -> bool:
        usual_ns = self._sample.interval_ns if self._sample is not None else interval_ns
        return interval_ns > max(SUSPENDED_NS, 3 * usual_ns)

    def _restart_clock(self) -> None:
        """Boot time ran backwards: another boot's readings, nothing kept can be compared."""
        self._store.clear()
        self._apps = AppGrouper()
        self._heat.forget_events()
        self._declared.forget()
        self._sample = None

    def _app_of(self, event: OomKill) -> str:
        """The name of the app that the process was part of in the latest sample, "" if it wasn't there."""
        sample = self._sample
        at = None if sample is None else row_of(sample.processes, event.pid, event.start_ns)
        return "" if sample is None or at is None else sample.apps.apps[sample.apps.app_of[at]].name

    def _culprits(self, now_ns: int) -> Culprits:
        return self._store.culprits(now_ns)

    def _machine(self) -> Mapping[str, Floats | float]:
        """The machine's series as of the latest sample, empty before the first."""
        table = self._declared.tables.get(Scope.MACHINE)
        return {} if table is None else table.columns

    def _may_stop(self, uid: int) -> bool:
        return self._own_uid is None or uid == self._own_uid


def _declared(rules: Rules) -> tuple[Rule, ...]:
    """What the engine judges."""
    return (runaway_rule(rules.runaway), *rules.declared)
