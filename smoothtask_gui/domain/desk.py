"""Keeps the incidents and decides which of them speak.

Alerts of one cause are one incident (`joining.py`) with one notification, changed in place; when a new alert shows that
two incidents have one cause, the younger goes into the older. Nothing speaks while snoozed, dismissed or expected of
its app, nor beyond the hourly budget, nor, from samples, in the first minute unless the next sample says the same.
What stays quiet is still recorded and shown in tray and window, with the reason. Everything kept is bounded.
"""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from smoothtask_gui.domain.budget import Budget
from smoothtask_gui.domain.case import MOST_DEEDS, Case, Ended, Member, in_force
from smoothtask_gui.domain.changes import Change, Fired, Key, Resolved, Updated
from smoothtask_gui.domain.choices import Choices, Scope, ScopeKind, Snoozes
from smoothtask_gui.domain.effects import Effect, Notify, Record, Remember, Withdraw
from smoothtask_gui.domain.expectations import Expectations, app_of
from smoothtask_gui.domain.incident import PASSING, Deed, Hushed, Incident, IncidentState, Severity
from smoothtask_gui.domain.wording import below_line, expected_title

if TYPE_CHECKING:
    from collections.abc import Iterable

    from smoothtask_gui.domain.incident import Action, ProcessIdentity

UPDATE_NS: Final = 60_000_000_000
"""A notification that is already shown changes its text at most this often, unless it got more severe."""

CONFIRM_NS: Final = 30_000_000_000
"""An alert that waits for a second sample and is neither confirmed nor over by then is raised all the same."""

MOST_RECENT: Final = 100
MOST_OPEN: Final = 256


class Desk:
    """The incidents, open and recent, and who may be notified of them."""

    def __init__(self, per_hour: int, first_incident_id: int) -> None:
        self.budget = Budget(per_hour)
        self._next_id = first_incident_id
        self._cases: dict[int, Case] = {}
        self._recent: deque[tuple[Case, Incident]] = deque(maxlen=MOST_RECENT)
        self._moved: dict[int, int] = {}  # incidents that went into another, and into which
        self._snoozes = Snoozes()
        self._expectations = Expectations()
        self._unconfirmed: dict[Key, tuple[Fired, int]] = {}

    @property
    def open(self) -> tuple[Incident, ...]:
        """Newest first."""
        return tuple(case.incident for case in reversed(self._cases.values()))

    @property
    def recent(self) -> tuple[Incident, ...]:
        """Resolved, newest first."""
        return tuple(incident for _, incident in reversed(self._recent))

    def find(self, incident_id: int) -> Incident | None:
        """The incident of this id, or the one it went into; None if neither is kept any more."""
        wanted = self._moved.get(incident_id, incident_id)
        return next((one for one in (*self.open, *self.recent) if one.id == wanted), None)

    def holding(self, process: ProcessIdentity, action: Action) -> Incident | None:
        """The incident for which `action` was done to `process` and is in force."""
        for incident in (*self.open, *self.recent):
            reached = [deed.process for deed in incident.deeds if deed.action is action and deed.succeeded]
            if action in in_force(incident.deeds) and process in reached:
                return incident
        return None

    def choices(self, now_ns: int, realtime_ns: int) -> Choices:
        """What the person chose, to be kept."""
        return Choices(self._snoozes.kept(now_ns, realtime_ns), self._expectations.kept)

    def resume(self, choices: Choices, now_ns: int, realtime_ns: int) -> None:
        """Go on with what was kept."""
        self._snoozes.resume(choices.snoozes, now_ns, realtime_ns)
        self._expectations.resume(choices.expected)

    def apply(
        self, changes: Iterable[Change], now_ns: int, realtime_ns: int, *, settling_ns: int | None = None
    ) -> tuple[Effect, ...]:
        """Book the changes; what the person is to see and the history to keep. `realtime_ns` is that of `now_ns`.

        `settling_ns`: they come from a sample of this length shortly after the start or a resume: what fires without
        having been seen before it waits for the next sample.
        """
        effects: list[Effect] = []
        for change in changes:
            if isinstance(change, Resolved):
                effects += self._resolve(change, now_ns)
            elif isinstance(change, Fired) and self._must_wait(change, now_ns, settling_ns):
                self._unconfirmed[change.key] = (change, now_ns)
            elif change.key in self._unconfirmed:
                fired = replace(self._unconfirmed.pop(change.key)[0], draft=change.draft)
                effects += self._fire(fired, now_ns, realtime_ns)
            elif isinstance(change, Fired):
                effects += self._fire(change, now_ns, realtime_ns)
            else:
                effects += self._update(change, now_ns, realtime_ns)
        late = [key for key, (_, since_ns) in self._unconfirmed.items() if not 0 <= now_ns - since_ns < CONFIRM_NS]
        for key in late:
            effects += self._fire(self._unconfirmed.pop(key)[0], now_ns, realtime_ns)
        return _latest_words(effects)

    def wake(self, now_ns: int, realtime_ns: int) -> tuple[Effect, ...]:
        """Speak of what is still open when its snooze is over."""
        if not self._snoozes.expire(now_ns):
            return ()
        effects = [effect for case in self._hushed_by(Hushed.SNOOZED) for effect in self._speak(case, now_ns)]
        return (*effects, Remember(self.choices(now_ns, realtime_ns)))

    def snooze(self, scope: Scope, until_ns: int, now_ns: int, realtime_ns: int) -> tuple[Effect, ...]:
        """Quiet `scope` until then; a time that is over ends its snooze."""
        if until_ns <= now_ns:
            self._snoozes.end(scope)
            effects = [effect for case in self._hushed_by(Hushed.SNOOZED) for effect in self._speak(case, now_ns)]
        else:
            self._snoozes.set(scope, until_ns)
            effects = self._hush(Hushed.SNOOZED, [case for case in self._cases.values() if self._is_snoozed(case)])
        return (*effects, Remember(self.choices(now_ns, realtime_ns)))

    def snooze_incident(self, incident_id: int, until_ns: int, now_ns: int, realtime_ns: int) -> tuple[Effect, ...]:
        """Quiet what this incident is about: each of its alerts. An unknown id does nothing."""
        effects: list[Effect] = []
        incident = self.find(incident_id)
        for rule, subject in sorted(self._units_of(incident_id)):
            scope = Scope(ScopeKind.ALERT, rule, subject, incident.title if incident else "")
            effects = [*effects, *self.snooze(scope, until_ns, now_ns, realtime_ns)]
        return tuple(effects)

    def snoozed_until(self, scope: Scope) -> int | None:
        """The boot time until which exactly this scope is snoozed, None if it isn't."""
        return self._snoozes.until(scope)

    def dismiss(self, incident_id: int) -> tuple[Effect, ...]:
        """Never speak of this incident again."""
        case = self._cases.get(self._moved.get(incident_id, incident_id))
        return () if case is None else tuple(self._hush(Hushed.DISMISSED, [case]))

    def expect(self, incident_id: int, now_ns: int, realtime_ns: int) -> tuple[Effect, ...]:
        """The person says that this is normal for this app: no more warnings of these rules about it."""
        case = self._cases.get(self._moved.get(incident_id, incident_id))
        if case is None or not case.apps:
            return ()
        effects: list[Effect] = []
        for key, member in list(case.members.items()):
            if app_of(member.draft)[0]:
                self._expectations.learn(key[0], member.draft, realtime_ns)
            if self._expectations.mute(key, member):
                effects += self._leave(Resolved(key, expected_title(app_of(member.draft)[1]), is_silent=True), now_ns)
        return (*effects, Remember(self.choices(now_ns, realtime_ns)))

    def unexpect(self, rule: str, app: str, now_ns: int, realtime_ns: int) -> tuple[Effect, ...]:
        """Take it back: what is going on of it fires now."""
        effects: list[Effect] = []
        for key, member in self._expectations.forget(rule, app):
            effects += self._fire(Fired(key, member.draft, member.began_ns), now_ns, realtime_ns)
        return (*effects, Remember(self.choices(now_ns, realtime_ns)))

    def hold(self, incident_id: int, why: Hushed) -> None:
        """The surroundings want quiet: it wasn't announced. `release` announces it if it is still open then."""
        case = self._cases.get(self._moved.get(incident_id, incident_id))
        if case is not None and case.hushed is None:
            case.hushed = why
            if case.spoke_ns is not None:
                self.budget.give_back(case.spoke_ns)
            case.spoke_ns = None
            case.assemble()

    def release(self, now_ns: int) -> tuple[Effect, ...]:
        """The surroundings allow announcements again."""
        return tuple(effect for case in self._hushed_by(*PASSING) for effect in self._speak(case, now_ns))

    def book(self, incident_id: int, deed: Deed) -> tuple[Effect, ...]:
        """Write down what was done about an incident and show it, with its undoing, in the incident's notification."""
        wanted = self._moved.get(incident_id, incident_id)
        case = self._cases.get(wanted)
        if case is None:
            return self._book_late(wanted, deed)
        case.incident = replace(case.incident, deeds=(*case.incident.deeds, deed)[-MOST_DEEDS:])
        incident = case.assemble()
        told = replace(incident, body=below_line(deed.result, incident.body))
        return (Record(incident), Notify(told)) if deed.succeeded and not case.hushed else (Record(incident),)

    def _book_late(self, incident_id: int, deed: Deed) -> tuple[Effect, ...]:
        for at, (case, incident) in enumerate(self._recent):
            if incident.id == incident_id:
                undone = tuple(action for action in incident.actions if not deed.succeeded or action is not deed.action)
                booked = replace(incident, deeds=(*incident.deeds, deed)[-MOST_DEEDS:], actions=undone)
                if is_cause := case.was_ended_by(deed):  # a sample may be quicker than the answer of who stopped it
                    case.incident = replace(case.incident, deeds=booked.deeds)
                    booked = case.close(incident.resolved_boottime_ns or 0)
                self._recent[at] = (case, booked)
                is_told = is_cause and case.is_shown and not case.hushed
                return (Record(booked), Notify(booked)) if is_told else (Record(booked),)
        return ()

    def _fire(self, change: Fired, now_ns: int, realtime_ns: int) -> list[Effect]:
        if self._case_of(change.key) is not None:
            return self._update(Updated(change.key, change.draft), now_ns, realtime_ns)
        began_ns = min(change.began_ns, now_ns)
        member = Member(change.draft, began_ns)
        if self._expectations.mute(change.key, member):
            return [Remember(self.choices(now_ns, realtime_ns))] if self._expectations.take_news() else []
        incident = _first_state(self._next_id, change, began_ns, max(0, realtime_ns - (now_ns - began_ns)))
        case = Case(incident, {change.key: member})
        self._next_id += 1
        akin = self._akin(case)
        if akin:
            return self._gather([*akin, case], now_ns)
        case.assemble()
        self._cases[incident.id] = case
        effects = self._speak(case, now_ns)
        return [Record(case.incident), *effects, *self._overflow(now_ns)]

    def _gather(self, cases: list[Case], now_ns: int) -> list[Effect]:
        """Make one case of several with one cause: the oldest of those that spoke, else the oldest."""
        first, *others = sorted(cases, key=lambda case: (not case.is_shown, case.incident.id))
        effects: list[Effect] = []
        for other in others:
            first.take(other)
            if self._cases.pop(other.incident.id, None) is not None:
                effects += self._move(other, first, now_ns)
        first.assemble()
        critical = first.incident.severity is Severity.CRITICAL
        if first.hushed is Hushed.DISMISSED and critical and first.spoke_severity is not Severity.CRITICAL:
            first.hushed = None  # what was dismissed was less than this
        effects.append(Record(first.incident))
        return effects + (self._tell_news(first, now_ns) if first.is_shown else self._speak(first, now_ns))

    def _move(self, case: Case, into: Case, now_ns: int) -> list[Effect]:
        """The history's end of an incident that turned out to be a part of another."""
        old, new = case.incident, into.incident.id
        self._moved = {each: new if target == old.id else target for each, target in self._moved.items()}
        self._moved[old.id] = new
        while len(self._moved) > MOST_RECENT:
            del self._moved[next(iter(self._moved))]
        resolved_ns = max(now_ns, old.started_boottime_ns)
        gone = replace(old, state=IncidentState.RESOLVED, actions=(), resolved_boottime_ns=resolved_ns)
        return [Record(gone), *([Withdraw(old.id)] if case.is_shown else [])]

    def _update(self, change: Updated, now_ns: int, realtime_ns: int) -> list[Effect]:
        muted = self._expectations.unmute(change.key)
        if muted is not None:
            return self._fire(Fired(change.key, change.draft, muted.began_ns), now_ns, realtime_ns)
        case = self._case_of(change.key)
        if case is None:
            return []
        case.members[change.key].draft = change.draft
        akin = self._akin(case) if len(self._cases) > 1 else []
        if akin:
            return self._gather([*akin, case], now_ns)
        case.assemble()
        return self._tell_news(case, now_ns) if case.is_shown else []

    def _tell_news(self, case: Case, now_ns: int) -> list[Effect]:
        """Change a notification that is shown, if it is worth it."""
        if case.hushed is not None or case.spoke_ns is None:
            return []
        incident = case.incident
        is_worse = incident.severity is Severity.CRITICAL and case.spoke_severity is not Severity.CRITICAL
        is_news = case.named not in ("", case.spoke_named) and now_ns - case.spoke_ns >= UPDATE_NS
        if not is_worse and not is_news and case.lead[0] == case.spoke_lead:
            return []
        case.spoke(now_ns)
        return [Notify(incident)]

    def _resolve(self, change: Resolved, now_ns: int) -> list[Effect]:
        self._unconfirmed.pop(change.key, None)
        self._expectations.unmute(change.key)
        return self._leave(change, now_ns)

    def _leave(self, change: Resolved, now_ns: int) -> list[Effect]:
        """An alert leaves its case, and ends it if it was the last."""
        case = self._case_of(change.key)
        if case is None:
            return []
        case.ended[change.key] = Ended(case.members.pop(change.key), change)
        if case.members:
            case.assemble()
            return self._tell_news(case, now_ns)
        del self._cases[case.incident.id]
        incident = case.close(now_ns)
        self._recent.append((case, incident))
        effects: list[Effect] = [Record(incident)]
        if case.is_shown:
            is_silent = all(ended.change.is_silent for ended in case.ended.values())
            effects.append(Withdraw(incident.id) if is_silent or case.hushed else Notify(incident))
        return effects

    def _speak(self, case: Case, now_ns: int) -> list[Effect]:
        if case.hushed is Hushed.DISMISSED:
            return []
        critical = case.incident.severity is Severity.CRITICAL
        if self._is_snoozed(case):
            case.hushed = Hushed.SNOOZED
        elif not self.budget.take(now_ns, critical=critical):
            case.hushed = Hushed.BUDGET
        else:
            case.hushed = None
            case.spoke(now_ns)
        case.assemble()
        return [] if case.hushed else [Notify(case.incident)]

    def _hush(self, why: Hushed, cases: Iterable[Case]) -> list[Effect]:
        effects: list[Effect] = []
        for case in cases:
            if case.is_shown:
                effects.append(Withdraw(case.incident.id))
                case.spoke_ns = None
            if not case.hushed or why is Hushed.DISMISSED:
                case.hushed = why
                case.assemble()
        return effects

    def _overflow(self, now_ns: int) -> list[Effect]:
        if len(self._cases) <= MOST_OPEN:
            return []
        oldest = next(iter(self._cases.values()))
        title = oldest.incident.title
        return [
            effect
            for key in list(oldest.members)
            for effect in self._leave(Resolved(key, title, is_silent=True), now_ns)
        ]

    def _akin(self, case: Case) -> list[Case]:
        """The other cases with the same cause."""
        others = [other for other in self._cases.values() if other is not case]
        return [other for other in others if any(other.belongs(key, one.draft) for key, one in case.members.items())]

    def _must_wait(self, change: Fired, now_ns: int, settling_ns: int | None) -> bool:
        is_new = change.key not in self._unconfirmed and self._case_of(change.key) is None
        return settling_ns is not None and now_ns - change.began_ns <= settling_ns and is_new

    def _case_of(self, key: Key) -> Case | None:
        return next((case for case in self._cases.values() if key in case.members), None)

    def _hushed_by(self, *reasons: Hushed) -> list[Case]:
        return [case for case in self._cases.values() if case.hushed in reasons and not self._is_snoozed(case)]

    def _is_snoozed(self, case: Case) -> bool:
        """One with several alerts is quiet only if each is."""
        units = case.units
        return all(
            self._snoozes.cover(rule, {subject, units[rule, subject][1]}, case.apps) for rule, subject in case.members
        )

    def _units_of(self, incident_id: int) -> frozenset[Key]:
        wanted = self._moved.get(incident_id, incident_id)
        case = self._cases.get(wanted)
        if case is not None:
            return frozenset(unit for key, unit in case.units.items() if key in case.members)
        past = (frozenset(case.units.values()) for case, incident in self._recent if incident.id == wanted)
        return next(past, frozenset())


def _first_state(incident_id: int, change: Fired, began_ns: int, began_realtime_ns: int) -> Incident:
    draft = change.draft
    return Incident(
        id=incident_id,
        rule=change.key[0],
        severity=draft.severity,
        state=IncidentState.FIRING,
        title=draft.title,
        body=draft.body,
        started_boottime_ns=began_ns,
        started_realtime_ns=began_realtime_ns,
        resolved_boottime_ns=None,
        subject=draft.subject,
        value=draft.value,
        limit=draft.limit,
        shares=draft.shares,
        rest_ratio=draft.rest_ratio,
        method=draft.method,
        actions=draft.actions,
    )


def _latest_words(effects: list[Effect]) -> tuple[Effect, ...]:
    """`effects` with the last word to each notification alone: what fires together shows once."""
    last: dict[int, Effect] = {}
    for effect in effects:
        if isinstance(effect, Notify):
            last[effect.incident.id] = effect
        elif isinstance(effect, Withdraw):
            last[effect.incident_id] = effect
    return tuple(one for one in effects if not isinstance(one, Notify) or last[one.incident.id] is one)
