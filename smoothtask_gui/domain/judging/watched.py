"""What is remembered of one target while a rule has its eye on it, and what is said about it."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from smoothtask_gui.domain.changes import Draft
from smoothtask_gui.domain.culprit import BLAME_RATIO, HIDDEN
from smoothtask_gui.domain.incident import ALWAYS, Severity, Share
from smoothtask_gui.domain.judging.series import SERIES
from smoothtask_gui.domain.judging.words import counted, filled, measure, shown
from smoothtask_gui.domain.text import duration, elide, percent
from smoothtask_gui.domain.wording import TITLE_WIDTH, WORTH_A_WORD, begun, shares_line, titled

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from smoothtask_gui.domain.alert import Alert
    from smoothtask_gui.domain.culprit import Culprits
    from smoothtask_gui.domain.judging.rule import Rule
    from smoothtask_gui.domain.judging.table import Target

CREDIT: Final = 1.1
"""How much a second above the level may make up for one below it: a tenth, so that a burst can't stand for minutes."""


@dataclass(slots=True)
class Watched:
    """One target of one rule."""

    alert: Alert
    target: Target
    began_ns: int  # start of the interval in which the condition first held
    looks: int = 0  # that found it in a row
    seen_ns: int = 0  # time since then with a value
    sum_ns: float = 0.0  # value times time since then
    capped_ns: float = 0.0  # the same, each interval capped at CREDIT times the level
    peak: float = math.nan
    severity: Severity = Severity.WARNING
    title: str = ""  # the latest that could be said in full

    def begin(self, began_ns: int) -> None:
        self.began_ns, self.seen_ns, self.sum_ns, self.capped_ns, self.peak = began_ns, 0, 0.0, 0.0, math.nan

    def add(self, value: float, level: float, interval_ns: int) -> None:
        if math.isnan(value):
            return
        self.sum_ns += value * interval_ns
        self.capped_ns += min(value, CREDIT * level) * interval_ns if not math.isnan(level) else 0.0
        self.seen_ns += interval_ns
        self.peak = max(value, self.peak)  # max(x, NaN) is x

    def forgives(self, value: float, level: float, interval_ns: int) -> bool:
        """Whether a value below the level is only a dip: the capped mean since it began stays at the level.

        On a busy machine even a process that never sleeps gets less in a second now and then.
        """
        capped_ns = self.capped_ns + min(value, CREDIT * level) * interval_ns
        return capped_ns >= level * (self.seen_ns + interval_ns)

    @property
    def mean(self) -> float:
        return self.sum_ns / self.seen_ns if self.seen_ns else math.nan


@dataclass(frozen=True, slots=True)
class Blamed:
    """One who has much of what a rule blames: how much, and which part of all (0..1)."""

    target: Target
    value: float
    ratio: float


@dataclass(frozen=True, slots=True)
class Look:
    """The numbers of one target at one tick."""

    value: float
    level: float
    share: float
    is_critical: bool
    blamed: tuple[Blamed, ...]
    series: Mapping[str, float]  # what the texts name
    energy: Culprits | None = None  # who used the processor, where that is to blame
    most: Mapping[str, Blamed] = field(default_factory=dict)  # who has most of what the texts name so


def draft(rule: Rule, watched: Watched, look: Look, now_ns: int, may_stop: Callable[[int], bool]) -> Draft:
    """What a person reads of a rule that fires."""
    target = watched.target
    if look.is_critical or rule.severity is Severity.CRITICAL:
        watched.severity = Severity.CRITICAL
    words = _words(rule, watched, look, now_ns)
    if not watched.title or filled(rule.title, {"name": target.name, **words}) is not None:
        watched.title = _title(rule.title, target.name, words)
    said = (filled(line, words | {"name": target.name}) for line in rule.body)
    sentences = [begun(sentence) for sentence in said if sentence is not None]
    shares = _shares(target, look)
    reached = _reached(shares, look)
    who = next((share.identity for share in reached if share.identity is not None), None)
    stoppable = who is not None and may_stop(who.uid)
    known = [share.ratio for share in shares if not math.isnan(share.ratio)]
    energy = look.energy
    return Draft(
        severity=watched.severity,
        title=watched.title,
        body=" ".join(sentences),
        subject=target.subject,
        value=watched.peak,
        limit=look.level,
        shares=shares,
        rest_ratio=(max(0.0, 1.0 - sum(known)) if known else None) if energy is None else energy.rest_ratio,
        method=(_method(rule) if known else "") if energy is None else energy.method,
        named=_named(look),
        actions=tuple(action for action in rule.remedies if stoppable or action in ALWAYS),
    )


def _reached(shares: tuple[Share, ...], look: Look) -> tuple[Share, ...]:
    """Whom remedies may reach: where some are hidden, nobody who isn't known to be the cause."""
    if look.energy is not None:
        return tuple(filter(None, (look.energy.blamed,)))
    first = look.blamed[0] if look.blamed else None
    if first is not None and (first.target.app_id == HIDDEN.app_id or math.isnan(first.ratio)):
        return ()
    return shares


def _culprit_words(rule: Rule, look: Look) -> dict[str, str]:
    if look.energy is not None:
        first = look.energy.shares[0] if look.energy.shares else None
        return {
            "culprit": elide(first.name, 32) if first else "",
            "culprit_value": percent(first.ratio) if first else "",
            "shares": shares_line(look.energy),
        }
    first_blamed = look.blamed[0] if look.blamed else None
    return {
        "culprit": elide(first_blamed.target.name, 32) if first_blamed else "",
        "culprit_value": shown(rule.blames, first_blamed.value) if first_blamed else "",
        "shares": _series_shares(rule, look.blamed),
    }


def _series_shares(rule: Rule, found: tuple[Blamed, ...]) -> str:
    """As in "java 60 %, the rest 40 % of resident memory (measured)."; "" where parts of the whole aren't known."""
    known = [one for one in found if not math.isnan(one.ratio)]
    if not known:
        return ""
    named = [f"{elide(one.target.name, 24)} {percent(one.ratio)}" for one in known]
    rest = 1.0 - sum(one.ratio for one in known)
    if rest >= WORTH_A_WORD:
        named.append(f"the rest {percent(rest)}")
    return f"{', '.join(named)} of {counted(rule.blames)} (measured)."


def _shares(target: Target, look: Look) -> tuple[Share, ...]:
    """Who is blamed; else the target itself, if it is a process."""
    if look.energy is not None:
        return look.energy.shares
    if look.blamed:
        return tuple(Share(one.target.name, one.ratio, one.target.identity, one.target.app_id) for one in look.blamed)
    if target.identity is None:
        return ()
    ratio = look.share if math.isnan(look.share) else min(1.0, max(0.0, look.share))
    return (Share(target.name, ratio, target.identity, target.app_id),)


def _named(look: Look) -> str:
    """Whom the alert blames, "" where nobody stands out."""
    if look.energy is not None:
        return look.energy.blamed.name if look.energy.blamed else ""
    first = look.blamed[0] if look.blamed else None
    return first.target.name if first is not None and first.ratio >= BLAME_RATIO else ""


def _method(rule: Rule) -> str:
    if rule.blames:
        return measure(rule.blames)
    own = SERIES[rule.scope]
    return measure(next((name for name in (rule.share or rule.value).names if name in own), rule.value.text))


def over_title(rule: Rule, watched: Watched, now_ns: int, *, ended: bool, unknown: bool) -> str:
    """As in "node calmed down after 2 min"."""
    if unknown:
        return titled("{name}: it can't be read any more", watched.target.name or rule.name)
    lasted = duration(max(0, now_ns - watched.began_ns))
    if ended:
        return titled(f"{{name}} ended after {lasted}", watched.target.name)
    return _title(rule.over, watched.target.name, {"lasted": lasted})


def over_fact(rule: Rule, watched: Watched, *, ended: bool, unknown: bool) -> str:
    """The same without the time, to go on with who made an end of it; "" where that can't be said."""
    said = ("{name} ended" if ended else rule.over).removesuffix(" after {lasted}")
    return "" if unknown or "{lasted}" in said else _title(said, watched.target.name, {})


def _title(template: str, name: str, words: Mapping[str, str]) -> str:
    text = filled(template, {"name": "{name}", **words})
    return titled(text if text is not None else "{name}", name)[:TITLE_WIDTH]


def _words(rule: Rule, watched: Watched, look: Look, now_ns: int) -> dict[str, str]:
    started_ns = watched.target.started_ns
    unit = rule.value.text if rule.value.text.isidentifier() else ""
    return {
        **{name: shown(name, value) for name, value in look.series.items()},
        **{name: shown(name, value) for name, value in rule.numbers},
        **{name: f"{elide(one.target.name, 24)} ({shown(name, one.value)})" for name, one in look.most.items()},
        "value": shown(unit, look.value),
        "mean": shown(unit, watched.mean),
        "peak": shown(unit, watched.peak),
        "level": shown(unit, look.level),
        "lasted": duration(max(0, now_ns - watched.began_ns)),
        "parent": watched.target.parent,
        "process": _process(watched.target),
        "age": "" if started_ns is None or started_ns > now_ns else duration(now_ns - started_ns),
        **_culprit_words(rule, look),
    }


def _process(target: Target) -> str:
    """The process that remedies reach, where the target's name doesn't say so; else ""."""
    who = target.identity
    return "" if who is None or who.comm == target.name else f"{who.comm} (process {who.pid})"
