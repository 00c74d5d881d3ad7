"""From a rule's TOML table to a `Rule`: each key checked, each formula read, each name in it known.

A table may say a whole new rule, or only what it changes of a shipped one. A number that isn't one of the keys below
is the rule's own and may be named in its formulas; one that no formula names is a mistake, and refused as one.
"""

from __future__ import annotations

import math
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, NoReturn

from smoothtask_gui.domain.incident import Severity
from smoothtask_gui.domain.judging.expression import condition, expression
from smoothtask_gui.domain.judging.places import RulesError, nearest
from smoothtask_gui.domain.judging.rule import ENERGY, Rule
from smoothtask_gui.domain.judging.series import SERIES, Scope, known_series
from smoothtask_gui.domain.judging.values import (
    DAY_S,
    MOST_IGNORED,
    actions,
    flag,
    formula,
    line,
    number,
    one_of,
    strings,
)
from smoothtask_gui.domain.judging.words import MOST, TEXTS, placeholders

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from smoothtask_gui.domain.judging.places import Places

MOST_SENTENCES: Final = 6
_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,63}")
_CONDITIONS: Final = ("when", "clear_when", "critical_when", "unless")
_FORMULAS: Final = ("value", "level", "share")
_TIMES: Final = ("for_s", "keep_firing_for_s", "cooldown_s")


def read_rule(name: str, table: dict[str, Any], base: Rule | None, where: Places) -> Rule:
    """The rule that `table` says, `base` for what it leaves out. Raises RulesError naming file, line and key."""
    if not _NAME.fullmatch(name):
        raise RulesError(f"{where.of(name)}: {name!r} is no name of a rule: small letters, digits and _ (at most 64)")
    rule = base or _begun(name, table, where)
    for key, value in table.items():
        try:
            rule = _with(rule, key, value)
        except RulesError as error:
            raise RulesError(f"{where.of(name, key)}: {name}.{key} {error}") from None
    _check_names(rule, table, where)
    return rule


def _begun(name: str, table: dict[str, Any], where: Places) -> Rule:
    """A new rule with its scope and condition; what it watches is the first series that its condition names."""
    absent = [key for key in ("scope", "when") if key not in table]
    if absent:
        raise RulesError(f"{where.of(name)}: the rule {name} needs {' and '.join(absent)}")
    try:
        scope = one_of(Scope, table["scope"])
    except RulesError as error:
        raise RulesError(f"{where.of(name, 'scope')}: {name}.scope {error}") from None
    try:
        when = formula(condition, table["when"])
    except RulesError as error:
        raise RulesError(f"{where.of(name, 'when')}: {name}.when {error}") from None
    named = [series for series in when.names if series in known_series(scope)]
    if not named and "value" not in table:
        said = f"{when.names[0]!r}, which is no series" if when.names else "no series"
        hint = nearest(when.names[0] if when.names else "", known_series(scope))
        raise RulesError(f"{where.of(name, 'when')}: {name}.when names {said}{hint}")
    value = expression(named[0] if named else "0")
    return Rule(name, scope, when, value, title=f"{{name}}: {name}", body=("{value}.",) if named else ())


def _with(rule: Rule, key: str, value: object) -> Rule:
    if key in _READERS:
        changed: dict[str, Any] = {key: _READERS[key](rule, value)}
        return replace(rule, **changed)
    numbers = dict(rule.numbers) | {key: number(value, -math.inf, math.inf)}
    return replace(rule, numbers=tuple(sorted(numbers.items())))


def _same_scope(rule: Rule, value: object) -> Scope:
    scope = one_of(Scope, value)
    if scope is not rule.scope:
        raise RulesError(f"is {str(rule.scope)!r} and can't be changed: make a rule with a name of its own")
    return scope


def _blamed(rule: Rule, value: object) -> str:
    if rule.scope in (Scope.PROCESS, Scope.APP):
        raise RulesError(f"is for rules about neither apps nor processes: this one's scope is {str(rule.scope)!r}")
    if not isinstance(value, str) or (value and value not in (ENERGY, *SERIES[Scope.APP])):
        raise RulesError(
            f"must be a series of apps or {ENERGY!r}, not {value!r}{nearest(str(value), SERIES[Scope.APP])}"
        )
    return value


def _check_names(rule: Rule, table: dict[str, Any], where: Places) -> None:
    """Every name in a formula and text is a series or one of the rule's numbers; every number is named somewhere."""
    known = known_series(rule.scope)
    own = {name for name, _ in rule.numbers}

    def fail(key: str, said: str) -> NoReturn:
        raise RulesError(f"{where.of(rule.name, key)}: {said}")

    for key in (*_CONDITIONS, *_FORMULAS):
        formula = getattr(rule, key)
        for name in formula.names if formula is not None else ():
            if name not in known and name not in own:
                fail(key, f"{rule.name}.{key} names {name!r}, which is no series{nearest(name, [*own, *known])}")
    for name in sorted(own):
        if name in known:
            fail(name, f"{rule.name}.{name} is a series, so no number can be called so")
        if name not in rule.names and name in table:
            fail(name, f"unknown key {rule.name}.{name}{nearest(name, [*KEYS, *own - {name}])}")
    _check_texts(rule, {*known, *own}, fail)


def _check_texts(rule: Rule, known: set[str], fail: Callable[[str, str], NoReturn]) -> None:
    for key, text in (("title", rule.title), ("over", rule.over), *(("body", sentence) for sentence in rule.body)):
        for name in placeholders(text):
            of_apps = name.removeprefix(MOST) if name.startswith(MOST) else ""
            if name not in known and name not in TEXTS and of_apps not in SERIES[Scope.APP]:
                hint = nearest(name, [*TEXTS, *sorted(known)])
                fail(key, f"{rule.name}.{key} has {{{name}}}, which is no series{hint}")


_READERS: Final[Mapping[str, Callable[[Rule, object], Any]]] = {
    "enabled": lambda _, value: flag(value),
    "scope": _same_scope,
    **dict.fromkeys(_CONDITIONS, lambda _, value: formula(condition, value)),
    **dict.fromkeys(_FORMULAS, lambda _, value: formula(expression, value)),
    **dict.fromkeys(_TIMES, lambda _, value: number(value, 0, DAY_S)),
    "severity": lambda _, value: one_of(Severity, value),
    "remedies": lambda _, value: actions(value),
    "ignore": lambda _, value: strings(value, MOST_IGNORED),
    "blames": _blamed,
    "forgives_dips": lambda _, value: flag(value),
    "lasting": lambda _, value: flag(value),
    "title": lambda _, value: line(value),
    "body": lambda _, value: strings(value, MOST_SENTENCES),
    "over": lambda _, value: line(value),
}
KEYS: Final = tuple(_READERS)
"""What may stand in a rule's table beside its own numbers."""
