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
    PAUSE = "pause"
    RESUME = "resume"
    LIMIT = "limit"
    UNLIMIT = "unlimit"
    STOP = "stop"
    KILL = "kill"
    NORMAL = "normal priority"
    LOWER = "low priority"
    LOWEST = "lowest priority"
    SNOOZE = "snooze"
    EXPECTED = "expected"


PRIORITIES = frozenset({Action.NORMAL, Action.LOWER, Action.LOWEST})
REMEDIES = frozenset({Action.PAUSE, Action.RESUME, Action.LIMIT, Action.UNLIMIT, Action.STOP, Action.KILL}) | PRIORITIES
"""What is done to a process; everything else stays within SmoothTask."""


ALWAYS = (Action.SHOW, Action.SNOOZE)
"""What may be done about what isn't the person's to touch."""


class Hushed(StrEnum):
    """Why an incident isn't announced, though it is shown in the tray and the window."""

    BUDGET = "budget"
    SNOOZED = "snoozed"
    DISMISSED = "dismissed"
    DO_NOT_DISTURB = "do not disturb"
    FULL_SCREEN = "full screen"
    QUIET_HOURS = "quiet hours"


PASSING = frozenset({Hushed.DO_NOT_DISTURB, Hushed.FULL_SCREEN, Hushed.QUIET_HOURS})
"""Reasons of the surroundings: what they held back is announced once they are over."""


@dataclass(frozen=True, slots=True)
class ProcessIdentity:
    """A process for good: a pid alone may be reused (start_ns is its boot-time start)."""

    pid: int
    start_ns: int
    uid: int
    comm: str


@dataclass(frozen=True, slots=True)
class Share:
    """A culprit's part of what the incident's `method` names: energy, CPU time, memory, bytes written.

    `identity` is the process that Stop would stop, an app's oldest or busiest; None if none lives or it is the kernel.
    `ratio` is 0..1 of the whole, NaN where that isn't known.
    """

    name: str
    ratio: float
    identity: ProcessIdentity | None
    app_id: str = ""
    gpu_ratio: float | None = None  # mean use of the graphics card in the same window, None if none is known


@dataclass(frozen=True, slots=True)
class Deed:
    """Something done about an incident: when, by whom, to whom, and how it ended."""

    realtime_ns: int
    who: str  # "you", or "SmoothTask" where a lease ran out
    action: Action
    target: str  # the app's name, as shown
    result: str  # a sentence for people
    succeeded: bool
    process: ProcessIdentity | None = None  # whom it was asked for: undoing reaches the same


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
    joined: tuple[str, ...] = ()  # titles of the other alerts that belong to it
    hushed: Hushed | None = None  # why it isn't announced
    deeds: tuple[Deed, ...] = ()  # what was done about it, oldest first

    @property
    def target(self) -> ProcessIdentity | None:
        """The process that Stop would stop: that of the culprit."""
        return None if self.culprit is None else self.culprit.identity

    @property
    def culprit(self) -> Share | None:
        """Whom its remedies would reach: the first share whose process is still identified."""
        return next((share for share in self.shares if share.identity), None)
