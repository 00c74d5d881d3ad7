"""One open incident with the alerts that belong to it: what it says, what it offers, what was done about it.

A `Case` is the desk's own, changeable; what leaves the desk is the frozen `Incident` that `assemble` makes of it. The
most severe alert, or else the one that says most, gives title and evidence; the others are named below it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from smoothtask_gui.domain.incident import (
    Action,
    Deed,
    Hushed,
    Incident,
    IncidentState,
    Severity,
)
from smoothtask_gui.domain.joining import arrange, belong_together, first_named, leads
from smoothtask_gui.domain.wording import also_line, below_line, resolved_after_deed, took_sentence

if TYPE_CHECKING:
    from smoothtask_gui.domain.changes import Draft, Key, Resolved
    from smoothtask_gui.domain.incident import Share

MOST_ALERTS: Final = 16
MOST_DEEDS: Final = 32
ENDINGS: Final = frozenset({Action.STOP, Action.KILL})
UNDONE_BY: Final = {Action.PAUSE: Action.RESUME, Action.LIMIT: Action.UNLIMIT}


@dataclass(slots=True)
class Member:
    """One alert of a case, as its rule last told it."""

    draft: Draft
    began_ns: int


@dataclass(frozen=True, slots=True)
class Ended:
    """An alert of a case that is over, with its rule's last words."""

    member: Member
    change: Resolved


@dataclass(slots=True)
class Case:
    """An open incident."""

    incident: Incident
    members: dict[Key, Member]
    ended: dict[Key, Ended] = field(default_factory=dict)
    hushed: Hushed | None = None
    spoke_ns: int | None = None
    spoke_severity: Severity = Severity.WARNING
    spoke_named: str = ""
    spoke_lead: Key | None = None

    def spoke(self, now_ns: int) -> None:
        """Its notification says from now on what the incident says now."""
        self.spoke_ns, self.spoke_severity = now_ns, self.incident.severity
        self.spoke_named, self.spoke_lead = self.named, self.lead[0]

    @property
    def is_shown(self) -> bool:
        """Whether the person may have a notification of it before them."""
        return self.spoke_ns is not None

    @property
    def lead(self) -> tuple[Key, Member]:
        return min(self.members.items(), key=lambda entry: leads(entry[0], entry[1].draft, entry[1].began_ns))

    @property
    def named(self) -> str:
        return self.lead[1].draft.named if self.members else ""

    @property
    def apps(self) -> tuple[str, ...]:
        """How a snooze may know whoever its remedies would reach; empty for nobody."""
        return () if self.incident.culprit is None else ids_of(self.incident.culprit)

    @property
    def units(self) -> dict[Key, Key]:
        """What a snooze of each of its alerts, those that are over included, is about."""
        drafts = {key: ended.member.draft for key, ended in self.ended.items()}
        drafts |= {key: member.draft for key, member in self.members.items()}
        return {key: (key[0], unit_of(key[1], draft)) for key, draft in drafts.items()}

    def belongs(self, key: Key, draft: Draft) -> bool:
        """Whether this alert has the same cause as one of the case's."""
        if len(self.members) >= MOST_ALERTS:
            return False
        return any(belong_together((key, draft), (other, member.draft)) for other, member in self.members.items())

    def take(self, other: Case) -> None:
        """Make the alerts and deeds of `other` this case's own."""
        self.members.update(other.members)
        self.ended.update(other.ended)
        deeds = sorted((*self.incident.deeds, *other.incident.deeds), key=lambda deed: deed.realtime_ns)
        self.incident = replace(
            self.incident,
            deeds=tuple(deeds[-MOST_DEEDS:]),
            started_boottime_ns=min(self.incident.started_boottime_ns, other.incident.started_boottime_ns),
            started_realtime_ns=min(self.incident.started_realtime_ns, other.incident.started_realtime_ns),
        )

    def assemble(self) -> Incident:
        """Renew `incident` from the alerts and the deeds; returns it."""
        (rule, _), lead = self.lead
        draft = lead.draft
        others = [member.draft.title for member in self.members.values() if member is not lead]
        shares = draft.shares or next((member.draft.shares for member in self.members.values()), ())
        offered = [action for member in self.members.values() for action in member.draft.actions]
        self.incident = replace(
            self.incident,
            rule=rule,
            severity=draft.severity,
            title=draft.title,
            body=also_line(draft.body, others),
            subject=draft.subject,
            value=draft.value,
            limit=draft.limit,
            shares=shares,
            rest_ratio=draft.rest_ratio,
            method=draft.method,
            actions=offers(arrange(rule, offered), self.incident.deeds),
            joined=tuple(others),
            hushed=self.hushed,
        )
        return self.incident

    @property
    def _last_words(self) -> Ended:
        ended = self.ended.items()
        return min(ended, key=lambda entry: leads(entry[0], entry[1].member.draft, entry[1].member.began_ns))[1]

    def was_ended_by(self, deed: Deed) -> bool:
        """Whether a deed that is told only now made the end: who has ended could have been stopped only before."""
        return deed.succeeded and deed.action in ENDINGS and self._last_words.change.has_ended

    def close(self, now_ns: int) -> Incident:
        """The incident, over: the last words of the alert that says most, with what was done about it."""
        last = self._last_words
        started_ns = self.incident.started_boottime_ns
        resolved_ns = max(now_ns, started_ns)
        title, body, deed = last.change.title, self.incident.body, credited(self.incident.deeds)
        if deed is not None and last.change.fact:
            title = resolved_after_deed(last.change.fact, deed, resolved_ns - started_ns)
            body = below_line(took_sentence(resolved_ns - started_ns), body)
        return replace(
            self.incident,
            state=IncidentState.RESOLVED,
            title=title,
            body=body,
            resolved_boottime_ns=resolved_ns,
            actions=tuple(UNDONE_BY[action] for action in in_force(self.incident.deeds)),
            hushed=self.hushed,
        )


def ids_of(who: Share) -> tuple[str, ...]:
    """How an app may be known in what the person chose: by its id, in choices of before 1.0 by its process's name."""
    names = (who.app_id, who.identity.comm if who.identity else "")
    return tuple(name for name in names if name)


def unit_of(subject: str, draft: Draft) -> str:
    """Whom a snooze of an alert silences: of an alert about one process its app, else the alert's own subject."""
    who = first_named(draft)
    if who is None or who.identity is None or not who.app_id:
        return subject
    return who.app_id if subject == f"{who.identity.pid}:{who.identity.start_ns}" else subject


def offers(remedies: tuple[Action, ...], deeds: tuple[Deed, ...]) -> tuple[Action, ...]:
    """What can be done now: `remedies` without what is in force, whose undoing comes first."""
    held = in_force(deeds)
    return (*(UNDONE_BY[action] for action in held), *(action for action in remedies if action not in held))


def in_force(deeds: tuple[Deed, ...]) -> tuple[Action, ...]:
    """The pause and the limit that were made and not undone, oldest first."""
    held: dict[Action, None] = {}
    for deed in deeds:
        if not deed.succeeded:
            continue
        if deed.action in UNDONE_BY:
            held[deed.action] = None
        elif deed.action in ENDINGS:
            held.clear()
        else:
            held = {action: None for action in held if UNDONE_BY[action] is not deed.action}
    return tuple(held)


def credited(deeds: tuple[Deed, ...]) -> Deed | None:
    """The deed that may have helped: the latest that stopped something, or is in force."""
    helping = {*in_force(deeds), *ENDINGS}
    return next((deed for deed in reversed(deeds) if deed.succeeded and deed.action in helping), None)
