"""Judges all rules a tick at a time: conditions for whole tables at once, the life of an alert for few targets.

Only targets whose condition holds, or that are watched already, cost anything beyond the formulas. What is remembered
is bounded: at most MOST_WATCHED targets a rule, the strongest first. A target that is gone resolves its alert at once;
one whose values are missing is given up after `alert.MISSING_NS`. No alert begins from a single look.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from smoothtask_gui.domain.changes import Change, Resolved
from smoothtask_gui.domain.culprit import Culprits
from smoothtask_gui.domain.judging.rule_pass import Moment, RulePass, Surroundings, begins_anywhere
from smoothtask_gui.domain.judging.series import Scope
from smoothtask_gui.domain.judging.watched import Watched, over_title

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from smoothtask_gui.domain.judging.rule import Rule
    from smoothtask_gui.domain.judging.table import Key, Table


class Engine:
    """`may_stop(uid)` says on whose processes the person may act, `energy(now_ns)` who used the processor till then."""

    def __init__(
        self, may_stop: Callable[[int], bool], energy: Callable[[int], Culprits] = lambda _: Culprits()
    ) -> None:
        self._may_stop, self._energy = may_stop, energy
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
        self, tables: Mapping[Scope, Table], moment: Moment, wholes: Mapping[str, float] | None = None
    ) -> list[Change]:
        """One tick; `wholes`: the machine's own counts where not all processes are seen (`blame.unseen`)."""
        around = Surroundings(tables.get(Scope.APP), self._may_stop, self._energy, wholes or {})
        changes: list[Change] = []
        for rule in self._rules.values():
            table = tables.get(rule.scope)
            watched = self._watched.setdefault(rule.name, {})
            if table is not None and (watched or begins_anywhere(rule, table, moment)):
                changes += RulePass(rule, table, watched, moment, around).judge()
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
