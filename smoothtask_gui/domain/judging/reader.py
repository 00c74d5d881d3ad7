"""From a rule's TOML table to a `Rule`: each key checked, each formula read, each name in it known.

A table may say a whole new rule, or only what it changes of a shipped one. A number that isn't one of the keys below
is the rule's own and may be named in its formulas; one that no formula names is a mistake, and refused as one.
"""

from __future__ import annotations

import math
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, NoReturn, TypeVar

from smoothtask_gui.domain.incident import Action, Severity
from smoothtask_gui.domain.judging.expression import ExpressionError, condition, expression
from smoothtask_gui.domain.judging.places import RulesError, nearest
from smoothtask_gui.domain.judging.rule import ENERGY, Rule
from smoothtask_gui.domain.judging.series import SERIES, Scope, known_series
from smoothtask_gui.domain.judging.words import MOST, TEXTS, placeholders

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from smoothtask_gui.domain.judging.places import Places

Read = TypeVar("Read")
MOST_IGNORED: Final = 256
MOST_SENTENCES: Final = 6
_DAY_S: Final = 86_400
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
        scope = _one_of(Scope, table["scope"])
    except RulesError as error:
        raise RulesError(f"{where.of(name, 'scope')}: {name}.scope {error}") from None
    try:
        when = _formula(condition, table["when"])
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
    numbers = dict(rule.numbers) | {key: _number(value, -math.inf, math.inf)}
    return replace(rule, numbers=tuple(sorted(numbers.items())))


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise RulesError(f"must be true or false, not {value!r}")
    return value


def _line(value: object) -> str:
    if not isinstance(value, str) or not value.strip() or "\n" in value:
        raise RulesError(f"must be one line of text, not {value!r}")
    return value


def _formula(read: Callable[[str], Read], value: object) -> Read:
    if not isinstance(value, str):
        raise RulesError(f"must be a formula in quotes, not {value!r}")
    try:
        return read(value)
    except ExpressionError as error:
        raise RulesError(str(error)) from error


def _number(value: object, low: float, high: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        span = f" from {low:g} to {high:g}" if math.isfinite(low) else ""
        raise RulesError(f"must be a number{span}, not {value!r}")
    if not abs(value) < 1e300:
        raise RulesError(f"must be a finite number, not {value!r}")
    return float(value)


_Choice = TypeVar("_Choice", Scope, Severity, Action)


def _one_of(choices: type[_Choice], value: object) -> _Choice:
    known = [str(choice) for choice in choices]
    if not isinstance(value, str) or value not in known:
        raise RulesError(f"must be one of {', '.join(map(repr, known))}, not {value!r}")
    return choices(value)


def _same_scope(rule: Rule, value: object) -> Scope:
    scope = _one_of(Scope, value)
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


def _strings(value: object, most: int) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise RulesError(f'must be a list of texts such as ["cc1", "rustc"], not {value!r}')
    if len(value) > most:
        raise RulesError(f"may hold at most {most}, not {len(value)}")
    return tuple(value)


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
    for key, text in (("title", rule.title), ("over", rule.over), *(("body", line) for line in rule.body)):
        for name in placeholders(text):
            of_apps = name.removeprefix(MOST) if name.startswith(MOST) else ""
            if name not in known and name not in TEXTS and of_apps not in SERIES[Scope.APP]:
                hint = nearest(name, [*TEXTS, *sorted(known)])
                fail(key, f"{rule.name}.{key} has {{{name}}}, which is no series{hint}")


_READERS: Final[Mapping[str, Callable[[Rule, object], Any]]] = {
    "enabled": lambda _, value: _flag(value),
    "scope": _same_scope,
    **dict.fromkeys(_CONDITIONS, lambda _, value: _formula(condition, value)),
    **dict.fromkeys(_FORMULAS, lambda _, value: _formula(expression, value)),
    **dict.fromkeys(_TIMES, lambda _, value: _number(value, 0, _DAY_S)),
    "severity": lambda _, value: _one_of(Severity, value),
    "remedies": lambda _, value: tuple(_one_of(Action, one) for one in _strings(value, len(Action))),
    "ignore": lambda _, value: _strings(value, MOST_IGNORED),
    "blames": _blamed,
    "forgives_dips": lambda _, value: _flag(value),
    "lasting": lambda _, value: _flag(value),
    "title": lambda _, value: _line(value),
    "body": lambda _, value: _strings(value, MOST_SENTENCES),
    "over": lambda _, value: _line(value),
}
KEYS: Final = tuple(_READERS)
"""What may stand in a rule's table beside its own numbers."""
