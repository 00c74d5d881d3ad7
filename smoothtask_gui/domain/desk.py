"""Keeps the incidents and decides which of them speak.

One incident per cause: a runaway that an open overheating already names stays quiet, and one that spoke earlier is
withdrawn. Nothing speaks while snoozed or dismissed, nor beyond the hourly budget; what stays quiet is still recorded
and shown in the window. Everything kept is bounded.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from smoothtask_gui.domain.changes import Change, Fired, Key, Resolved, Updated
from smoothtask_gui.domain.effects import Effect, Notify, Record, Withdraw
from smoothtask_gui.domain.incident import Incident, IncidentState, Severity

if TYPE_CHECKING:
    from collections.abc import Iterable

HOUR_NS: Final = 3_600_000_000_000
UPDATE_NS: Final = 60_000_000_000
"""A notification that is already shown changes its text at most this often, unless it got more severe."""

MOST_RECENT: Final = 100
MOST_OPEN: Final = 256
MOST_SNOOZED: Final = 256


@dataclass(slots=True)
class _Open:
    key: Key
    incident: Incident
    named: str
    quiet: str = ""  # why it doesn't speak: "joined", "budget", "snoozed", "dismissed"
    spoke_ns: int | None = None
    spoke_severity: Severity = Severity.WARNING
    spoke_named: str = ""

    @property
    def speaks(self) -> bool:
        return self.spoke_ns is not None and not self.quiet


class Desk:
    """The incidents, open and recent, and who may be notified of them."""

    def __init__(self, per_hour: int, first_incident_id: int) -> None:
        self.per_hour = per_hour
        self._next_id = first_incident_id
        self._open: dict[Key, _Open] = {}
        self._recent: deque[tuple[Key, Incident]] = deque(maxlen=MOST_RECENT)
        self._spoken_ns: deque[int] = deque()
        self._snoozed: dict[tuple[str, str | None], int] = {}

    @property
    def open(self) -> tuple[Incident, ...]:
        """Newest first."""
        return tuple(entry.incident for entry in reversed(self._open.values()))

    @property
    def recent(self) -> tuple[Incident, ...]:
        """Resolved, newest first."""
        return tuple(incident for _, incident in reversed(self._recent))

    def apply(self, changes: Iterable[Change], now_ns: int, realtime_ns: int) -> tuple[Effect, ...]:
        """Book the changes; what the person is to see and the history to keep. `realtime_ns` is that of `now_ns`."""
        effects: list[Effect] = []
        for change in changes:
            if isinstance(change, Fired):
                effects += self._fire(change, now_ns, realtime_ns)
            elif isinstance(change, Updated):
                effects += self._update(change, now_ns)
            else:
                effects += self._resolve(change, now_ns)
        return tuple(effects)

    def wake(self, now_ns: int) -> tuple[Effect, ...]:
        """Speak of what is still open when its snooze is over."""
        for key in [key for key, until_ns in self._snoozed.items() if until_ns <= now_ns]:
            del self._snoozed[key]
        waiting = [entry for entry in self._open.values() if entry.quiet == "snoozed" and not self._is_snoozed(entry)]
        return tuple(effect for entry in waiting for effect in self._speak(entry, now_ns))

    def snooze(self, target: str | int, until_ns: int) -> tuple[Effect, ...]:
        """Quiet a rule (name) or the rule and subject of an incident (id) until then."""
        key = (target, None) if isinstance(target, str) else self._key_of(target)
        if key is None:
            return ()
        self._snoozed.pop(key, None)
        self._snoozed[key] = until_ns
        while len(self._snoozed) > MOST_SNOOZED:
            del self._snoozed[next(iter(self._snoozed))]
        return self._hush("snoozed", [entry for entry in self._open.values() if self._is_snoozed(entry)])

    def dismiss(self, incident_id: int) -> tuple[Effect, ...]:
        """Never speak of this incident again."""
        return self._hush("dismissed", [entry for entry in self._open.values() if entry.incident.id == incident_id])

    def _fire(self, change: Fired, now_ns: int, realtime_ns: int) -> list[Effect]:
        if change.key in self._open:
            return self._update(Updated(change.key, change.draft), now_ns)
        began_ns = min(change.began_ns, now_ns)
        draft = change.draft
        incident = Incident(
            id=self._next_id,
            rule=change.key[0],
            severity=draft.severity,
            state=IncidentState.FIRING,
            title=draft.title,
            body=draft.body,
            started_boottime_ns=began_ns,
            started_realtime_ns=max(0, realtime_ns - (now_ns - began_ns)),
            resolved_boottime_ns=None,
            subject=draft.subject,
            value=draft.value,
            limit=draft.limit,
            shares=draft.shares,
            rest_ratio=draft.rest_ratio,
            method=draft.method,
            actions=draft.actions,
        )
        self._next_id += 1
        entry = _Open(change.key, incident, draft.named)
        effects: list[Effect] = [Record(incident), *self._join(entry), *self._speak(entry, now_ns)]
        self._open[change.key] = entry
        return effects + self._overflow(now_ns)

    def _update(self, change: Updated, now_ns: int) -> list[Effect]:
        entry = self._open.get(change.key)
        if entry is None:
            return []
        draft = change.draft
        entry.named = draft.named
        entry.incident = replace(
            entry.incident,
            severity=draft.severity,
            title=draft.title,
            body=draft.body,
            value=draft.value,
            limit=draft.limit,
            shares=draft.shares,
            rest_ratio=draft.rest_ratio,
            method=draft.method,
            actions=draft.actions,
        )
        if not entry.speaks or entry.spoke_ns is None:
            return []
        is_worse = draft.severity is Severity.CRITICAL and entry.spoke_severity is not Severity.CRITICAL
        is_news = draft.named not in ("", entry.spoke_named) and now_ns - entry.spoke_ns >= UPDATE_NS
        if not is_worse and not is_news:
            return []
        entry.spoke_ns, entry.spoke_severity, entry.spoke_named = now_ns, draft.severity, draft.named
        return [Notify(entry.incident)]

    def _resolve(self, change: Resolved, now_ns: int) -> list[Effect]:
        entry = self._open.pop(change.key, None)
        if entry is None:
            return []
        resolved_ns = max(now_ns, entry.incident.started_boottime_ns)
        incident = replace(
            entry.incident,
            state=IncidentState.RESOLVED,
            title=change.title,
            resolved_boottime_ns=resolved_ns,
            actions=(),
        )
        self._recent.append((change.key, incident))
        effects: list[Effect] = [Record(incident)]
        if entry.speaks:
            effects.append(Withdraw(incident.id) if change.is_silent else Notify(incident))
        return effects

    def _speak(self, entry: _Open, now_ns: int) -> list[Effect]:
        if entry.quiet in ("joined", "dismissed"):
            return []
        if self._is_snoozed(entry):
            entry.quiet = "snoozed"
            return []
        while self._spoken_ns and not now_ns - HOUR_NS < self._spoken_ns[0] <= now_ns:
            self._spoken_ns.popleft()
        if len(self._spoken_ns) >= self.per_hour:
            entry.quiet = "budget"
            return []
        self._spoken_ns.append(now_ns)
        entry.quiet, entry.spoke_ns = "", now_ns
        entry.spoke_severity, entry.spoke_named = entry.incident.severity, entry.named
        return [Notify(entry.incident)]

    def _join(self, entry: _Open) -> list[Effect]:
        """One cause speaks once: overheating names its culprits, so their runaways needn't."""
        others = [other for other in self._open.values() if other.speaks]
        if entry.incident.rule == "runaway":
            named = [other for other in others if other.incident.rule == "overheating"]
            if any(_names(other.incident, entry.incident) for other in named):
                entry.quiet = "joined"
            return []
        if entry.incident.rule != "overheating" or self._is_snoozed(entry):
            return []
        runaways = [other for other in others if other.incident.rule == "runaway"]
        return list(self._hush("joined", [other for other in runaways if _names(entry.incident, other.incident)]))

    def _hush(self, why: str, entries: list[_Open]) -> tuple[Effect, ...]:
        effects: list[Effect] = []
        for entry in entries:
            if entry.speaks:
                effects.append(Withdraw(entry.incident.id))
            if not entry.quiet or why == "dismissed":
                entry.quiet = why
        return tuple(effects)

    def _overflow(self, now_ns: int) -> list[Effect]:
        if len(self._open) <= MOST_OPEN:
            return []
        oldest = next(iter(self._open.values()))
        return self._resolve(Resolved(oldest.key, oldest.incident.title, is_silent=True), now_ns)

    def _is_snoozed(self, entry: _Open) -> bool:
        return entry.key in self._snoozed or (entry.key[0], None) in self._snoozed

    def _key_of(self, incident_id: int) -> Key | None:
        everything = [(entry.key, entry.incident) for entry in self._open.values()] + list(self._recent)
        return next((key for key, incident in everything if incident.id == incident_id), None)


def _names(heat: Incident, runaway: Incident) -> bool:
    """Whether the overheating shows the runaway's app among its culprits."""
    culprits = {share.app_id for share in heat.shares if share.app_id}
    return any(share.app_id in culprits for share in runaway.shares)
