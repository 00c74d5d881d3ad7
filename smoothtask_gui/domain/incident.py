"""What a person sees of an alert: the fact, who causes it, and what can be done."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """Of an alert; a notification has an urgency instead."""

    WARNING = "warning"
    CRITICAL = "critical"


class IncidentState(StrEnum):
    FIRING = "firing"
    RESOLVED = "resolved"


class Action(StrEnum):
    """What a person may do from an incident; each also exists in the window."""

    SHOW = "show"
    STOP = "stop"
    SNOOZE = "snooze"


@dataclass(frozen=True, slots=True)
class ProcessIdentity:
    """A process for good: a pid alone may be reused (start_ns is its boot-time start)."""

    pid: int
    start_ns: int
    uid: int
    comm: str


@dataclass(frozen=True, slots=True)
class Share:
    """A culprit's part of what was used in the window judged: energy or CPU time, as the method says.

    `identity` is the process that Stop would stop, an app's oldest; None if none lives or it is the kernel. `ratio`
    is 0..1 of the whole.
    """

    name: str
    ratio: float
    identity: ProcessIdentity | None
    app_id: str = ""
    gpu_ratio: float | None = None  # mean use of the graphics card in the same window, None if none is known


@dataclass(frozen=True, slots=True)
class Incident:
    """One thing that is (or was) wrong. Frozen: an update is a new Incident with the same id."""

    id: int
    rule: str  # "overheating", "runaway"
    severity: Severity
    state: IncidentState
    title: str  # fact and name, at most 60 characters
    body: str  # evidence, at most two lines; plain text
    started_boottime_ns: int
    started_realtime_ns: int
    resolved_boottime_ns: int | None
    subject: str  # sensor key, or "pid:start_ns"
    value: float  # the judged value at its peak, in the rule's unit
    limit: float
    shares: tuple[Share, ...]
    rest_ratio: float | None  # the part of the window that no share explains
    method: str  # of `domain/culprit.py`: "estimated from CPU time"
    actions: tuple[Action, ...]

    @property
    def target(self) -> ProcessIdentity | None:
        """The process that Stop would stop: the first culprit still identified."""
        return next((share.identity for share in self.shares if share.identity), None)
