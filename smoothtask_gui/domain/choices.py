"""What the person chose about alerts, kept across starts: what is snoozed until when, and what is expected of whom.

Within a run snoozes are kept in boot time, which no clock change touches; what is written down says wall-clock time,
and `Snoozes.resume` bounds it again, so that a clock that was wrong when it was written can't silence an alert for
good. Both collections are bounded.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

MOST_SNOOZES: Final = 256
MOST_EXPECTED: Final = 256
LONGEST_SNOOZE_NS: Final = 31 * 24 * 3_600_000_000_000


class ScopeKind(StrEnum):
    EVERYTHING = "everything"
    RULE = "rule"
    APP = "app"
    ALERT = "alert"  # one rule about one subject


@dataclass(frozen=True, slots=True)
class Scope:
    """What a snooze silences. `rule` for RULE and ALERT.

    `subject` is the app's id for APP (of before 1.0: its process's name) and for ALERT about one of its processes;
    the alert's own for any other ALERT.
    """

    kind: ScopeKind
    rule: str = ""
    subject: str = ""
    name: str = ""  # how people know it; no part of its identity

    @property
    def identity(self) -> tuple[ScopeKind, str, str]:
        return self.kind, self.rule, self.subject


@dataclass(frozen=True, slots=True)
class Snooze:
    scope: Scope
    until_realtime_ns: int


@dataclass(frozen=True, slots=True)
class Expected:
    """The person said that this rule's condition is normal for this app: its warnings aren't raised."""

    rule: str
    app: str  # its id (`App.id`); a process's name where no app is known, and in entries of before 1.0
    since_realtime_ns: int
    name: str = ""  # how people know it; no part of its identity


@dataclass(frozen=True, slots=True)
class Choices:
    """All of them, as kept on disk and listed in the settings."""

    snoozes: tuple[Snooze, ...] = ()
    expected: tuple[Expected, ...] = ()


class Snoozes:
    """Scopes, each until a boot time."""

    def __init__(self) -> None:
        self._until_ns: dict[tuple[ScopeKind, str, str], tuple[Scope, int]] = {}

    def set(self, scope: Scope, until_ns: int) -> None:
        """Silence `scope` until then, in the place of an earlier snooze of it."""
        self._until_ns.pop(scope.identity, None)
        self._until_ns[scope.identity] = (scope, until_ns)
        while len(self._until_ns) > MOST_SNOOZES:
            del self._until_ns[next(iter(self._until_ns))]

    def end(self, scope: Scope) -> bool:
        """Let `scope` speak again; whether it was snoozed."""
        return self._until_ns.pop(scope.identity, None) is not None

    def expire(self, now_ns: int) -> bool:
        """Drop those that are over; whether there were any."""
        over = [identity for identity, (_, until_ns) in self._until_ns.items() if until_ns <= now_ns]
        for identity in over:
            del self._until_ns[identity]
        return bool(over)

    def cover(self, rule: str, subjects: Iterable[str], apps: Iterable[str]) -> bool:
        """Whether an alert of `rule`, known by any of these subjects and caused by any of these apps, is silenced."""
        wanted = (
            (ScopeKind.EVERYTHING, "", ""),
            (ScopeKind.RULE, rule, ""),
            *((ScopeKind.ALERT, rule, subject) for subject in subjects),
            *((ScopeKind.APP, "", app) for app in apps),
        )
        return any(identity in self._until_ns for identity in wanted)

    def until(self, scope: Scope) -> int | None:
        """The boot time until which `scope` itself is snoozed, None if it isn't."""
        found = self._until_ns.get(scope.identity)
        return None if found is None else found[1]

    def kept(self, now_ns: int, realtime_ns: int) -> tuple[Snooze, ...]:
        """What to write down; `realtime_ns` is the wall clock at `now_ns`."""
        return tuple(Snooze(scope, realtime_ns + until_ns - now_ns) for scope, until_ns in self._until_ns.values())

    def resume(self, kept: Iterable[Snooze], now_ns: int, realtime_ns: int) -> None:
        """Go on with what was written down, never for longer than LONGEST_SNOOZE_NS from now."""
        for snooze in kept:
            left_ns = min(snooze.until_realtime_ns - realtime_ns, LONGEST_SNOOZE_NS)
            if left_ns > 0:
                self.set(snooze.scope, now_ns + left_ns)
