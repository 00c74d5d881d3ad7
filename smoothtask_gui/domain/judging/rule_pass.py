"""One rule over one table at one moment: whose condition holds, whose alert goes on, who is watched from now on."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from smoothtask_gui.domain.alert import Alert, Phase, advance
from smoothtask_gui.domain.changes import Change, Fired, Resolved, Updated
from smoothtask_gui.domain.culprit import Culprits
from smoothtask_gui.domain.judging.blame import blamed
from smoothtask_gui.domain.judging.rule import ENERGY
from smoothtask_gui.domain.judging.watched import Look, Watched, draft, over_fact, over_title
from smoothtask_gui.domain.judging.words import MOST, placeholders

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from smoothtask_gui.domain.judging.expression import Flags, Floats, Truth
    from smoothtask_gui.domain.judging.rule import Rule
    from smoothtask_gui.domain.judging.table import Key, Table
    from smoothtask_gui.domain.judging.watched import Blamed

MOST_WATCHED: Final = 256
LASTING_RATIO: Final = 0.5
SLACK_NS: Final = 2_000_000_000
"""What began within the look that first found the condition was there all the time."""
_NEVER: Final = 1 << 62


@dataclass(frozen=True, slots=True)
class Moment:
    """When, and how far what is seen may be trusted.

    `blind`: the values say nothing of the interval (the machine slept). Nothing fires before `fewest_looks` found it.
    """

    now_ns: int
    interval_ns: int
    blind: bool = False
    fewest_looks: int = 1


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a rule needs beside its own table: whom it may blame, and on whom the person may act."""

    suspects: Table | None
    may_stop: Callable[[int], bool]
    energy: Callable[[int], Culprits] = lambda _: Culprits()  # who used the processor until then
    wholes: Mapping[str, float] = field(default_factory=dict)  # of series that not all can be asked for (`blame.py`)

    def most(self, series: str) -> tuple[Blamed, ...]:
        return blamed(self.suspects, series, self.wholes)


class _Values(dict[str, "Floats | float"]):
    """The rule's own numbers, and each series of the table once a formula asks for it; NaN where there is none."""

    def __init__(self, rule: Rule, table: Table) -> None:
        super().__init__(rule.numbers)
        self._columns = table.columns

    def __missing__(self, name: str) -> Floats | float:
        found = self[name] = self._columns.get(name, math.nan)
        return found


def begins_anywhere(rule: Rule, table: Table, moment: Moment) -> bool:
    """Whether the condition is found of any row: if not, a rule that watches nobody has nothing to do."""
    count = len(table.rows)
    return count > 0 and not moment.blind and rule.when.of(_Values(rule, table), count).is_anywhere


class RulePass:
    """`watched` is what is remembered from moment to moment; it is changed in place."""

    def __init__(
        self, rule: Rule, table: Table, watched: dict[Key, Watched], moment: Moment, around: Surroundings
    ) -> None:
        self._rule, self._table, self._watched = rule, table, watched
        self._moment, self._around = moment, around
        self._count = len(table.rows)
        self._values = _Values(rule, table)
        self._when = rule.when.of(self._values, self._count)
        self._excused: Flags | None = None
        if rule.unless is not None and (watched or self._when.is_anywhere):
            self._excused = rule.unless.of(self._values, self._count).true
        self._clear: Truth | None = None
        if rule.clear_when is not None and watched:
            self._clear = rule.clear_when.of(self._values, self._count)
        self._shown: Floats | None = None
        self._limits: Floats | None = None

    def judge(self) -> list[Change]:
        """What this moment changes."""
        rows = {key: self._table.rows.find(key) for key in self._watched} if self._count else {}
        changes: list[Change] = []
        for key, watched in list(self._watched.items()):
            row = rows.get(key)
            if row is None and self._table.is_read:
                changes += self._end(key, ended=True)
            elif watched.target.is_called(self._rule.ignore):
                changes += self._end(key, is_silent=True)
            else:
                changes += self._advance(key, watched, row)
        if not self._moment.blind:
            changes += self._begin({row for row in rows.values() if row is not None})
        return changes

    def _begin(self, known: set[int]) -> list[Change]:
        """Watch the strongest of those that hold now and aren't watched yet."""
        rule = self._rule
        if not self._when.is_anywhere:
            return []
        begins = self._when.true if self._excused is None else self._when.true & ~self._excused
        fresh = [row for row in np.flatnonzero(begins).tolist() if row not in known]
        changes: list[Change] = []
        if not fresh:
            return changes
        fresh.sort(key=lambda row: (math.inf if math.isnan(value := self._value(row)) else -value, row))
        self._make_room(len(fresh))
        for row in fresh:
            if len(self._watched) >= MOST_WATCHED:
                break
            key = self._table.rows.key(row)
            if self._table.rows.find(key) is None:
                continue  # it has just ended
            target = self._table.rows.target(row, rule.value.names[0] if rule.value.names else "")
            if target.is_called(rule.ignore):
                continue
            self._watched[key] = watched = Watched(Alert(rule.timing), target, self._began_ns)
            changes += self._advance(key, watched, row)
        return changes

    def _make_room(self, wanted: int) -> None:
        """Forget cooldowns, the oldest first, where new targets need the place."""
        resolved = [key for key, watched in self._watched.items() if not _is_live(watched.alert)]
        for key in resolved[: max(0, len(self._watched) + wanted - MOST_WATCHED)]:
            del self._watched[key]

    @property
    def _began_ns(self) -> int:
        return self._moment.now_ns - self._moment.interval_ns

    def _advance(self, key: Key, watched: Watched, row: int | None) -> list[Change]:
        moment = self._moment
        before = replace(watched.alert, timing=self._rule.timing)
        found = None if row is None or moment.blind else self._holds(watched, row)
        may_fire = watched.looks + 1 >= moment.fewest_looks and self._lasts(watched, row)
        timing = before.timing if may_fire else replace(before.timing, for_ns=_NEVER)
        alert = replace(before, timing=timing)
        alert = advance(alert, holds=found, now_ns=moment.now_ns, covers_ns=moment.interval_ns)
        watched.alert = alert = replace(alert, timing=self._rule.timing)
        watched.looks = watched.looks + 1 if found else watched.looks if found is None else 0
        if alert.phase is Phase.INACTIVE or (alert.phase is Phase.RESOLVED and not before.is_firing):
            if alert.quiet_until_ns is None or moment.now_ns >= alert.quiet_until_ns:
                del self._watched[key]
            return []
        if row is not None and not moment.blind:
            if alert.phase is Phase.PENDING and before.phase is not Phase.PENDING:
                watched.begin(self._began_ns)
            watched.add(self._value(row), self._level(row), moment.interval_ns)
        return self._say(watched, row, was_firing=before.is_firing, is_over=found is False)

    def _holds(self, watched: Watched, row: int) -> bool | None:
        """Whether the condition goes on for one that is watched, None if that can't be known."""
        if self._excused is not None and self._excused[row] and not watched.alert.is_firing:
            return False
        found, is_clear = _known(self._when, row), None if self._clear is None else _known(self._clear, row)
        if watched.alert.is_firing and self._clear is not None:
            return None if is_clear is None else not is_clear
        if found is False and self._rule.forgives_dips and watched.alert.phase is Phase.PENDING and is_clear is False:
            value, level = self._value(row), self._level(row)
            if not math.isnan(value) and not math.isnan(level):
                return watched.forgives(value, level, self._moment.interval_ns)
        return found

    def _lasts(self, watched: Watched, row: int | None) -> bool:
        """Whether enough of the value is by what was there all the time, not by one short life after another."""
        if not self._rule.lasting or row is None:
            return True
        part = self._table.rows.lasting(row, self._rule.value.text, watched.began_ns + SLACK_NS)
        return part is None or part >= LASTING_RATIO * self._level(row)

    def _say(self, watched: Watched, row: int | None, *, was_firing: bool, is_over: bool) -> list[Change]:
        rule, alert, now_ns = self._rule, watched.alert, self._moment.now_ns
        subject = (rule.name, watched.target.subject)
        if was_firing and alert.phase is Phase.RESOLVED:
            unknown = alert.ended_unknown
            title = over_title(rule, watched, now_ns, ended=False, unknown=unknown)
            return [Resolved(subject, title, fact=over_fact(rule, watched, ended=False, unknown=unknown))]
        if not alert.is_firing or row is None or (was_firing and is_over):
            return []  # whoever has most of what is left, when a storm has passed, wasn't the storm
        said = draft(rule, watched, self._look(row), now_ns, self._around.may_stop)
        return [Updated(subject, said)] if was_firing else [Fired(subject, said, watched.began_ns)]

    def _end(self, key: Key, *, ended: bool = False, is_silent: bool = False) -> list[Change]:
        watched = self._watched.pop(key)
        if not watched.alert.is_firing:
            return []
        title = over_title(self._rule, watched, self._moment.now_ns, ended=ended, unknown=False)
        fact = over_fact(self._rule, watched, ended=ended, unknown=False)
        subject = (self._rule.name, watched.target.subject)
        return [Resolved(subject, title, is_silent=is_silent, fact=fact, has_ended=ended)]

    def _value(self, row: int) -> float:
        if self._shown is None:
            self._shown = self._rule.value.of(self._values, self._count)
        return float(self._shown[row])

    def _level(self, row: int) -> float:
        level = self._rule.level
        if level is None:
            return math.nan
        if self._limits is None:
            self._limits = level.of(self._values, self._count)
        return float(self._limits[row])

    def _look(self, row: int) -> Look:
        rule, columns = self._rule, self._table.columns
        named = {name for text in (rule.title, *rule.body) for name in placeholders(text)} & columns.keys()
        share = math.nan if rule.share is None else float(rule.share.of(self._values, self._count)[row])
        critical = rule.critical_when
        return Look(
            value=self._value(row),
            level=self._level(row),
            share=share,
            is_critical=critical is not None and bool(critical.of(self._values, self._count).true[row]),
            blamed=self._around.most(rule.blames),
            energy=self._around.energy(self._moment.now_ns) if rule.blames == ENERGY else None,
            most={
                name: found[0]
                for text in rule.body
                for name in placeholders(text)
                if name.startswith(MOST) and (found := self._around.most(name.removeprefix(MOST)))
            },
            series={name: float(np.broadcast_to(columns[name], self._count)[row]) for name in named},
        )


def _known(truth: Truth, row: int) -> bool | None:
    return True if truth.true[row] else False if truth.false[row] else None


def _is_live(alert: Alert) -> bool:
    return alert.phase in (Phase.PENDING, Phase.FIRING)
