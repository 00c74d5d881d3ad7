"""Single values of a rules file: each of its type and in its range, or a RulesError that says what is allowed.

The messages go on where the key's name ends ("for_s must be a number from 0 to 86400, not -1").
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, TypeVar

from smoothtask_gui.domain.incident import Action, Severity
from smoothtask_gui.domain.judging.expression import ExpressionError
from smoothtask_gui.domain.judging.places import RulesError
from smoothtask_gui.domain.judging.series import Scope

if TYPE_CHECKING:
    from collections.abc import Callable

Read = TypeVar("Read")
Choice = TypeVar("Choice", Scope, Severity, Action)
MOST_IGNORED: Final = 256
DAY_S: Final = 86_400


def flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise RulesError(f"must be true or false, not {value!r}")
    return value


def line(value: object) -> str:
    if not isinstance(value, str) or not value.strip() or "\n" in value:
        raise RulesError(f"must be one line of text, not {value!r}")
    return value


def formula(read: Callable[[str], Read], value: object) -> Read:
    if not isinstance(value, str):
        raise RulesError(f"must be a formula in quotes, not {value!r}")
    try:
        return read(value)
    except ExpressionError as error:
        raise RulesError(str(error)) from error


def number(value: object, low: float, high: float) -> float:
    """NaN is never in range."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        span = f" from {low:g} to {high:g}" if math.isfinite(low) else ""
        raise RulesError(f"must be a number{span}, not {value!r}")
    if not abs(value) < 1e300:
        raise RulesError(f"must be a finite number, not {value!r}")
    return float(value)


def whole(value: object, low: float, high: float) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise RulesError(f"must be a whole number from {low:g} to {high:g}, not {value!r}")
    return value


def one_of(choices: type[Choice], value: object) -> Choice:
    known = [str(choice) for choice in choices]
    if not isinstance(value, str) or value not in known:
        raise RulesError(f"must be one of {', '.join(map(repr, known))}, not {value!r}")
    return choices(value)


def strings(value: object, most: int) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise RulesError(f'must be a list of texts such as ["cc1", "rustc"], not {value!r}')
    if len(value) > most:
        raise RulesError(f"may hold at most {most}, not {len(value)}")
    return tuple(value)


def actions(value: object) -> tuple[Action, ...]:
    return tuple(one_of(Action, one) for one in strings(value, len(Action)))
