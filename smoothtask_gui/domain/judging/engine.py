"""Judges all rules a tick at a time: conditions for whole tables at once, the life of an alert for few targets.

Only targets whose condition holds, or that are watched already, cost anything beyond the formulas. What is remembered
is bounded: at most MOST_WATCHED targets a rule, the strongest first. A target that is gone resolves its alert at once;
one whose values are missing is given up after `alert.MISSING_NS`. No alert begins from a single look.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np

from smoothtask_gui.domain.alert import Alert, Phase, advance
from smoothtask_gui.domain.changes import Change, Fired, Resolved, Updated
from smoothtask_gui.domain.judging.series import Scope
from smoothtask_gui.domain.judging.watched import Blamed, Look, Watched, draft, over_title
from smoothtask_gui.domain.judging.words import placeholders

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from smoothtask_gui.domain.judging.expression import Floats, Truth
    from smoothtask_gui.domain.judging.rule import Rule
    from smoothtask_gui.domain.judging.table import Key, Table

MOST_WATCHED: Final = 256
MOST_BLAMED: Final = 3
LASTING_RATIO: Final = 0.5
SLACK_NS: Final = 2_000_000_000
"""What began within the look that first found the condition was there all the time."""
FEWEST_LOOKS: Final = 2
"""One sample may be anything: a hiccup, the first after a resume."""


class Engine:
    """`may_stop(uid)` says whose processes the person may act on."""

    def __init__(self, may_stop: Callable[[int], bool]) -> None:
        self._may_stop = may_stop
        self._rules: dict[str, Rule] = {}
        self._watched: dict[str, dict[Key, Watched]] = {}

    def set_rules(self, rules: Iterable[Rule], now_ns: int) -> list[Change]:
        """Judge by these from now on; alerts of a rule that is gone, switched off or watches others end silently."""
        new = {rule.name: rule for rule in rules if rule.enabled}
        changes: list[Change] = []
        for name, before in self._rules.items():
            if name not in new or new[name].scope is not before.scope:
                changes += self._end_all(name, now_ns, is_silent=True)
        self._rules = new
        return changes

    def stop(self, now_ns: int) -> list[Change]:
        """Nothing can be read any more: open alerts end as unknown."""
        return [change for name in self._rules for change in self._end_all(name, now_ns, unknown=True)]

    def judge(
        self,
        tables: Mapping[Scope, Table],
        now_ns: int,
        interval_ns: int,
        *,
        blind: bool = False,
        careful: bool = False,
    ) -> list[Change]:
        """One tick.

        `blind`: what the values say of the interval can't be trusted (the machine slept). `careful`: it is so early
        that a single sample may be anything; nothing fires before FEWEST_LOOKS have found it.
        """
        changes: list[Change] = []
        for rule in self._rules.values():
            table = tables.get(rule.scope)
            watched = self._watched.setdefault(rule.name, {})
            if table is not None and (len(table.rows) or watched):
                one = _Pass(rule, table, tables.get(Scope.APP), watched, self._may_stop)
                changes += one.judge(now_ns, interval_ns, blind=blind, fewest_looks=FEWEST_LOOKS if careful else 1)
        return changes

    def _end_all(self, name: str, now_ns: int, *, is_silent: bool = False, unknown: bool = False) -> list[Change]:
        rule = self._rules[name]
        return [
            Resolved(
                (name, watched.target.subject),
                over_title(rule, watched, now_ns, ended=False, unknown=unknown),
                is_silent=is_silent,
            )
            for watched in self._watched.pop(name, {}).values()
            if watched.alert.is_firing
        ]


class _Pass:
    """One rule over one table."""

    def __init__(
        self,
        rule: Rule,
        table: Table,
        suspects: Table | None,
        watched: dict[Key, Watched],
        may_stop: Callable[[int], bool],
    ) -> None:
        self._rule, self._table, self._suspects = rule, table, suspects
        self._watched, self._may_stop = watched, may_stop
        self._count = len(table.rows)
        self._values: dict[str, Floats | float] = {name: table.columns.get(name, math.nan) for name in rule.names}
        self._values.update(rule.numbers)
        self._shown: Floats | None = None
        self._limits: Floats | None = None
        self._fewest_looks = 1

    def judge(self, now_ns: int, interval_ns: int, *, blind: bool, fewest_looks: int) -> list[Change]:
        rule, self._fewest_looks = self._rule, fewest_looks
        holds = rule.when.of(self._values, self._count)
        clear = rule.clear_when.of(self._values, self._count) if rule.clear_when is not None and self._watched else None
        rows = {key: self._table.rows.find(key) for key in self._watched} if self._count else {}
        changes: list[Change] = []
        for key, watched in list(self._watched.items()):
            row = rows.get(key)
            if row is None and self._table.is_read:
                changes += self._end(key, now_ns, ended=True)
            elif watched.target.is_called(rule.ignore):
                changes += self._end(key, now_ns, is_silent=True)
            else:
                changes += self._advance(key, watched, row, holds, clear, now_ns, interval_ns, blind=blind)
        if not blind:
            changes += self._begin(holds, {row for row in rows.values() if row is not None}, now_ns, interval_ns)
        return changes

    def _begin(self, holds: Truth, known: set[int], now_ns: int, interval_ns: int) -> list[Change]:
        """Watch the strongest of those that hold now and aren't watched yet."""
        rule = self._rule
        fresh = [row for row in np.flatnonzero(holds.true).tolist() if row not in known]
        changes: list[Change] = []
        if not fresh:
            return changes
        fresh.sort(key=lambda row: (math.inf if math.isnan(value := self._value(row)) else -value, row))
        self._make_room(len(fresh))
        for row in fresh:
            if len(self._watched) >= MOST_WATCHED:
                break
            target = self._table.rows.target(row)
            if target.is_called(rule.ignore):
                continue
            key = self._table.rows.key(row)
            self._watched[key] = watched = Watched(Alert(rule.timing), target, now_ns - interval_ns)
            changes += self._advance(key, watched, row, holds, None, now_ns, interval_ns, blind=False)
        return changes

    def _make_room(self, wanted: int) -> None:
        """Forget cooldowns, the oldest first, where new targets need the place."""
        resolved = [key for key, watched in self._watched.items() if not _is_live(watched.alert)]
        for key in resolved[: max(0, len(self._watched) + wanted - MOST_WATCHED)]:
            del self._watched[key]

    def _advance(
        self,
        key: Key,
        watched: Watched,
        row: int | None,
        holds: Truth,
        clear: Truth | None,
        now_ns: int,
        interval_ns: int,
        *,
        blind: bool,
    ) -> list[Change]:
        before = replace(watched.alert, timing=self._rule.timing)
        found = None if row is None or blind else self._holds(watched, row, holds, clear, interval_ns)
        timing = before.timing
        if found and not before.is_firing and (watched.looks + 1 < self._fewest_looks or not self._lasts(watched, row)):
            timing = replace(timing, for_ns=_NEVER)
        alert = advance(replace(before, timing=timing), holds=found, now_ns=now_ns, covers_ns=interval_ns)
        watched.alert = alert = replace(alert, timing=self._rule.timing)
        watched.looks = watched.looks + 1 if found else watched.looks if found is None else 0
        if alert.phase is Phase.INACTIVE or (alert.phase is Phase.RESOLVED and not before.is_firing):
            if alert.quiet_until_ns is None or now_ns >= alert.quiet_until_ns:
                del self._watched[key]
            return []
        if row is not None and not blind:
            if alert.phase is Phase.PENDING and before.phase is not Phase.PENDING:
                watched.begin(now_ns - interval_ns)
            watched.add(self._value(row), self._level(row), interval_ns)
        return self._say(key, watched, row, now_ns, was_firing=before.is_firing)

    def _holds(self, watched: Watched, row: int, holds: Truth, clear: Truth | None, interval_ns: int) -> bool | None:
        """Whether the condition goes on for one that is watched, None if that can't be known."""
        found = True if holds.true[row] else False if holds.false[row] else None
        is_clear = None if clear is None else True if clear.true[row] else False if clear.false[row] else None
        if watched.alert.is_firing and clear is not None:
            return None if is_clear is None else not is_clear
        if found is False and self._rule.forgives_dips and watched.alert.phase is Phase.PENDING and is_clear is False:
            value, level = self._value(row), self._level(row)
            if not math.isnan(value) and not math.isnan(level):
                return watched.forgives(value, level, interval_ns)
        return found

    def _lasts(self, watched: Watched, row: int | None) -> bool:
        """Whether enough of the value is by what was there all the time, not by one short-lived process after another."""
        if not self._rule.lasting or row is None:
            return True
        part = self._table.rows.lasting(row, self._rule.value.text, watched.began_ns + SLACK_NS)
        return part is None or part >= LASTING_RATIO * self._level(row)

    def _say(self, key: Key, watched: Watched, row: int | None, now_ns: int, *, was_firing: bool) -> list[Change]:
        rule, alert = self._rule, watched.alert
        subject = (rule.name, watched.target.subject)
        if was_firing and alert.phase is Phase.RESOLVED:
            return [Resolved(subject, over_title(rule, watched, now_ns, ended=False, unknown=alert.ended_unknown))]
        if not alert.is_firing or row is None:
            return []
        said = draft(rule, watched, self._look(row), now_ns, self._may_stop)
        return [Updated(subject, said)] if was_firing else [Fired(subject, said, watched.began_ns)]

    def _end(self, key: Key, now_ns: int, *, ended: bool = False, is_silent: bool = False) -> list[Change]:
        watched = self._watched.pop(key)
        if not watched.alert.is_firing:
            return []
        title = over_title(self._rule, watched, now_ns, ended=ended, unknown=False)
        return [Resolved((self._rule.name, watched.target.subject), title, is_silent=is_silent)]

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
            blamed=() if self._suspects is None or not rule.blames else blamed(self._suspects, rule.blames),
            series={name: float(np.broadcast_to(columns[name], self._count)[row]) for name in named},
        )


def blamed(suspects: Table, series: str) -> tuple[Blamed, ...]:
    """The MOST_BLAMED rows with most of a series, each with its part of the sum of all."""
    column = suspects.columns.get(series)
    if column is None or not len(suspects.rows):
        return ()
    amounts = np.maximum(np.nan_to_num(column, nan=0.0, posinf=0.0), 0.0)
    total = float(amounts.sum())
    if total <= 0:
        return ()
    first = np.argsort(-amounts, kind="stable")[:MOST_BLAMED]
    return tuple(
        Blamed(suspects.rows.target(int(row)), float(amounts[row]), float(amounts[row]) / total)
        for row in first
        if amounts[row] > 0
    )


_NEVER: Final = 1 << 62


def _is_live(alert: Alert) -> bool:
    return alert.phase in (Phase.PENDING, Phase.FIRING)
