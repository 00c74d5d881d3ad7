"""The life of an alert: inactive, pending, firing, resolved.

Pure: a condition and a time in, the next state out. A missing value never fires and never counts towards `for`; an
alert whose value stays missing is resolved as unknown instead of staying open for ever. Time that runs backwards
(another boot, a broken recording) starts the clocks anew and never raises.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

SECOND_NS: Final = 1_000_000_000
MISSING_NS: Final = 30 * SECOND_NS
"""How long a value may stay missing before what was known of it is given up."""

GAP_NS: Final = 125 * SECOND_NS
"""More than twice the longest period (60 s): what lies between two such looks was not observed."""


class Phase(StrEnum):
    INACTIVE = "inactive"
    PENDING = "pending"
    FIRING = "firing"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True)
class Timing:
    """What a rule asks of time."""

    for_ns: int
    keep_firing_for_ns: int
    cooldown_ns: int

    @classmethod
    def of_seconds(cls, for_s: float, keep_firing_for_s: float, cooldown_s: float) -> Timing:
        return cls(*(round(seconds * SECOND_NS) for seconds in (for_s, keep_firing_for_s, cooldown_s)))


@dataclass(frozen=True, slots=True)
class Alert:
    """Where one alert stands. `seen_ns` is its latest look, `since_ns` when it entered its phase."""

    timing: Timing
    phase: Phase = Phase.INACTIVE
    since_ns: int = 0
    seen_ns: int | None = None
    held_ns: int = 0  # pending: how long the condition was seen to hold
    held_last: bool = False  # the latest look found that it holds
    clear_since_ns: int | None = None  # firing: since when the condition is over
    missing_since_ns: int | None = None
    quiet_until_ns: int | None = None  # cooldown: doesn't fire before
    ended_unknown: bool = False  # resolved because the value stayed missing

    @property
    def is_firing(self) -> bool:
        return self.phase is Phase.FIRING


def judge(value: float | None, level: float, clear_level: float, *, firing: bool) -> bool | None:
    """Whether the condition holds, with hysteresis: from `level` on, and once firing until `clear_level` or below.

    None for a missing value (None or NaN).
    """
    if value is None or math.isnan(value):
        return None
    return value > min(level, clear_level) if firing else value >= level


def advance(alert: Alert, *, holds: bool | None, now_ns: int, covers_ns: int = 0) -> Alert:
    """The alert after one more look at its condition at `now_ns`; `holds` is None when the value is missing.

    `covers_ns` is the time before `now_ns` that the value speaks for: a rate's interval; 0 for a momentary reading.
    """
    before_ns = alert.seen_ns
    alert = _on_clock(alert, now_ns)
    if holds is None:
        return _advance_missing(alert, now_ns)
    alert = replace(alert, missing_since_ns=None)
    if alert.phase is Phase.FIRING:
        return _advance_firing(alert, holds, now_ns)
    seen_for_ns = covers_ns if before_ns is None or not alert.held_last else now_ns - before_ns
    return _advance_quiet(alert, holds, now_ns, seen_for_ns if 0 <= seen_for_ns <= GAP_NS else 0)


def trigger(alert: Alert, *, now_ns: int, despite_cooldown: bool = False) -> Alert:
    """The alert after an event that needs no `for`: firing at once, unless it is in its cooldown."""
    alert = _on_clock(alert, now_ns)
    quiet = alert.quiet_until_ns is not None and now_ns < alert.quiet_until_ns
    if alert.phase is Phase.FIRING:
        return replace(alert, clear_since_ns=None, missing_since_ns=None, held_last=True)
    if quiet and not despite_cooldown:
        return alert
    return _fire(alert, now_ns)


def close(alert: Alert, *, now_ns: int) -> Alert:
    """The alert after its subject is gone for good (the process ended, the rule was switched off)."""
    alert = _on_clock(alert, now_ns)
    if alert.phase is Phase.FIRING:
        return _resolve(alert, now_ns, unknown=False)
    return replace(alert, phase=Phase.INACTIVE, since_ns=now_ns, held_ns=0, held_last=False)


def _on_clock(alert: Alert, now_ns: int) -> Alert:
    """The alert with its look at `now_ns` booked; clocks start anew when time ran backwards or nobody looked."""
    seen_ns = alert.seen_ns
    if seen_ns is None:
        return replace(alert, seen_ns=now_ns, since_ns=now_ns)
    if now_ns < seen_ns:
        quiet = alert.quiet_until_ns
        return replace(
            alert,
            seen_ns=now_ns,
            since_ns=min(alert.since_ns, now_ns),
            held_ns=0,
            held_last=False,
            clear_since_ns=None,
            missing_since_ns=None,
            quiet_until_ns=None if quiet is None else min(quiet, now_ns + alert.timing.cooldown_ns),
        )
    if now_ns - seen_ns > GAP_NS:
        return replace(alert, seen_ns=now_ns, held_ns=0, held_last=False)
    return replace(alert, seen_ns=now_ns)


def _advance_quiet(alert: Alert, holds: bool, now_ns: int, seen_for_ns: int) -> Alert:
    """Only time between two looks that both found the condition, or that the value covers, counts towards `for`."""
    if not holds:
        return replace(_idle(alert, now_ns), held_ns=0, held_last=False)
    if alert.phase is not Phase.PENDING:
        alert = replace(alert, phase=Phase.PENDING, since_ns=now_ns, held_ns=0)
    alert = replace(alert, held_ns=alert.held_ns + seen_for_ns, held_last=True)
    quiet = alert.quiet_until_ns is not None and now_ns < alert.quiet_until_ns
    if alert.held_ns >= alert.timing.for_ns and not quiet:
        return _fire(alert, now_ns)
    return alert


def _advance_firing(alert: Alert, holds: bool, now_ns: int) -> Alert:
    if holds:
        return replace(alert, clear_since_ns=None, held_last=True)
    clear_since_ns = now_ns if alert.clear_since_ns is None else alert.clear_since_ns
    alert = replace(alert, clear_since_ns=clear_since_ns, held_last=False)
    if now_ns - clear_since_ns >= alert.timing.keep_firing_for_ns:
        return _resolve(alert, now_ns, unknown=False)
    return alert


def _advance_missing(alert: Alert, now_ns: int) -> Alert:
    missing_since_ns = now_ns if alert.missing_since_ns is None else alert.missing_since_ns
    alert = replace(alert, missing_since_ns=missing_since_ns, held_last=False)
    if now_ns - missing_since_ns < MISSING_NS:
        return alert
    if alert.phase is Phase.FIRING:
        return _resolve(alert, now_ns, unknown=True)
    return replace(_idle(alert, now_ns), held_ns=0)


def _idle(alert: Alert, now_ns: int) -> Alert:
    return alert if alert.phase is Phase.INACTIVE else replace(alert, phase=Phase.INACTIVE, since_ns=now_ns)


def _fire(alert: Alert, now_ns: int) -> Alert:
    return replace(
        alert,
        phase=Phase.FIRING,
        since_ns=now_ns,
        held_last=True,
        clear_since_ns=None,
        missing_since_ns=None,
        quiet_until_ns=None,
        ended_unknown=False,
    )


def _resolve(alert: Alert, now_ns: int, *, unknown: bool) -> Alert:
    return replace(
        alert,
        phase=Phase.RESOLVED,
        since_ns=now_ns,
        held_ns=0,
        held_last=False,
        clear_since_ns=None,
        missing_since_ns=None,
        quiet_until_ns=now_ns + alert.timing.cooldown_ns,
        ended_unknown=unknown,
    )
