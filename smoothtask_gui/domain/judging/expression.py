"""What a rule's condition says: arithmetic, comparisons, and/or/not over named series, for many rows at once.

The text is Python's own expression grammar, of which only these parts are taken; nothing of it is ever executed as
Python. Logic has three values: a comparison with a missing value (NaN) is neither true nor false, `or` is true as soon
as one side is, `not` of unknown stays unknown (Kleene's strong logic). So a missing value can never make a rule fire.

What is known to be true and what is known to be false are two questions, each answered when it is asked, and no further
than needed: of the parts of an `and` those after the first that holds nowhere aren't looked at.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeVar

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Values = Mapping[str, Floats | float]
"""A series by name: an array of one value a row, or one value for all rows."""

MOST_CHARACTERS: Final = 1_000


class ExpressionError(ValueError):
    """The text is no condition; the message says what isn't understood and what is."""


_Scalar = TypeVar("_Scalar", bound=np.generic)


def _wide(found: npt.NDArray[_Scalar], count: int) -> npt.NDArray[_Scalar]:
    """One value for all rows as one a row."""
    found = np.asarray(found)
    return found if found.shape == (count,) else np.full(count, found)


_FlagsOf = Callable[[Values], Flags]
_NumberOf = Callable[[Values], Floats | float]


@dataclass(frozen=True, slots=True)
class Expression:
    """A number for each row; NaN where something it needs is missing."""

    text: str
    names: tuple[str, ...]
    _evaluate: _NumberOf = field(compare=False, repr=False)

    def of(self, values: Values, count: int) -> Floats:
        """Shape (count,); `values` must hold every one of `names`."""
        with np.errstate(all="ignore"):  # absurd counters give absurd numbers, never a warning
            return _wide(np.asarray(self._evaluate(values)), count)


class Truth:
    """A condition over `count` rows, answered when asked."""

    __slots__ = ("_condition", "_count", "_false", "_found", "_true", "_values")

    def __init__(self, condition: Condition, values: Values, count: int) -> None:
        self._condition, self._values, self._count = condition, values, count
        self._found: Flags | None = None  # of one value or one a row
        self._true: Flags | None = None
        self._false: Flags | None = None

    @property
    def is_anywhere(self) -> bool:
        """Whether it is known to be true of any row."""
        return self._count > 0 and bool(self._holds().any())

    @property
    def true(self) -> Flags:
        """Of each row whether it is known to be true, shape (count,)."""
        if self._true is None:
            self._true = _wide(self._holds(), self._count)
        return self._true

    @property
    def false(self) -> Flags:
        """Of each row whether it is known to be false, shape (count,)."""
        if self._false is None:
            self._false = _wide(self._ask(self._condition.fails), self._count)
        return self._false

    def _holds(self) -> Flags:
        if self._found is None:
            self._found = self._ask(self._condition.holds)
        return self._found

    def _ask(self, question: _FlagsOf) -> Flags:
        with np.errstate(all="ignore"):  # absurd counters give absurd numbers, never a warning
            return question(self._values)


def is_known(condition: Condition | None, values: Values) -> bool:
    """Whether `condition` is known to hold of the one thing that `values` tell of; what they lack is missing."""
    if condition is None:
        return False
    known = {name: values.get(name, np.nan) for name in condition.names}
    return bool(condition.of(known, 1).true[0])


@dataclass(frozen=True, slots=True)
class Condition:
    """True, false or unknown for each row."""

    text: str
    names: tuple[str, ...]
    holds: _FlagsOf = field(compare=False, repr=False)
    fails: _FlagsOf = field(compare=False, repr=False)
    _tree: ast.expr = field(compare=False, repr=False)

    def of(self, values: Values, count: int) -> Truth:
        """`values` must hold every one of `names` that it takes to answer."""
        return Truth(self, values, count)

    def can_hold(self, missing: frozenset[str]) -> bool:
        """Whether it could be true though these series are missing."""
        return _can_be(self._tree, missing, wanted=True)


def condition(text: str) -> Condition:
    """Read a condition. Raises ExpressionError."""
    tree = _parse(text)
    return Condition(text, _names(tree), _known(tree, wanted=True), _known(tree, wanted=False), tree)


def expression(text: str) -> Expression:
    """Read a number's formula. Raises ExpressionError."""
    tree = _parse(text)
    return Expression(text, _names(tree), _number(tree))


def _parse(text: str) -> ast.expr:
    if len(text) > MOST_CHARACTERS:
        raise ExpressionError(f"is longer than {MOST_CHARACTERS} characters")
    try:
        return ast.parse(" ".join(text.split()), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        said = error.msg if isinstance(error, SyntaxError) else str(error)
        raise ExpressionError(f"isn't understood: {said}") from error


def _names(tree: ast.expr) -> tuple[str, ...]:
    return tuple(sorted({node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}))


def _can_be(node: ast.expr, missing: frozenset[str], *, wanted: bool) -> bool:
    if isinstance(node, ast.BoolOp):
        parts = (_can_be(part, missing, wanted=wanted) for part in node.values)
        return all(parts) if isinstance(node.op, ast.And) is wanted else any(parts)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        return _can_be(node.operand, missing, wanted=not wanted)
    return missing.isdisjoint(_names(node))


_COMPARISONS: Final = {
    ast.GtE: (np.greater_equal, np.less),
    ast.Gt: (np.greater, np.less_equal),
    ast.LtE: (np.less_equal, np.greater),
    ast.Lt: (np.less, np.greater_equal),
}
_OF_FLOATS: Final = {
    np.greater_equal: operator.ge,
    np.less: operator.lt,
    np.greater: operator.gt,
    np.less_equal: operator.le,
}
"""The same of two plain numbers, as rules about the machine compare: numpy takes ten times as long for one."""


def _known(node: ast.expr, *, wanted: bool) -> _FlagsOf:
    """Of each row whether `node` is known to be `wanted`."""
    if isinstance(node, ast.BoolOp):
        parts = [_known(part, wanted=wanted) for part in node.values]
        return _all(parts) if isinstance(node.op, ast.And) is wanted else _any(parts)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        return _known(node.operand, wanted=not wanted)
    if isinstance(node, ast.Compare):
        return _comparison(node, wanted=wanted)
    if isinstance(node, ast.Name):  # on its own: 1 is yes, 0 is no
        amount = _number(node)
        return lambda values: np.asarray(amount(values) > 0 if wanted else amount(values) <= 0)
    raise ExpressionError(f"{ast.unparse(node)[:60]!r} is no condition: compare it, as in 'cpu_cores >= 0.9'")


def _any(parts: list[_FlagsOf]) -> _FlagsOf:
    def evaluate(values: Values) -> Flags:
        found = parts[0](values)
        for part in parts[1:]:
            found = found | part(values)
        return found

    return evaluate


def _all(parts: list[_FlagsOf]) -> _FlagsOf:
    def evaluate(values: Values) -> Flags:
        found = parts[0](values)
        for part in parts[1:]:
            if not found.any():
                break
            found = found & part(values)
        return found

    return evaluate


def _comparison(node: ast.Compare, *, wanted: bool) -> _FlagsOf:
    if len(node.ops) != 1 or type(node.ops[0]) not in _COMPARISONS:
        raise ExpressionError(f"{ast.unparse(node)[:60]!r} must compare two numbers by >=, >, <= or <")
    left, right = _number(node.left), _number(node.comparators[0])
    compare = _COMPARISONS[type(node.ops[0])][0 if wanted else 1]  # both are false of NaN
    compare_floats = _OF_FLOATS[compare]

    def evaluate(values: Values) -> Flags:
        one, other = left(values), right(values)
        if isinstance(one, float) and isinstance(other, float):
            return np.asarray(compare_floats(one, other))
        return compare(one, other)

    return evaluate


_ARITHMETIC: Final = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul}


def _number(node: ast.expr) -> _NumberOf:
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float) and not isinstance(node.value, bool):
        constant = float(node.value)
        return lambda values: constant  # noqa: ARG005 - every number is made from the values
    if isinstance(node, ast.Name):
        name = node.id
        return lambda values: values[name]
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        inner = _number(node.operand)
        return lambda values: -inner(values)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
        return _quotient(_number(node.left), _number(node.right))
    if isinstance(node, ast.BinOp) and type(node.op) in _ARITHMETIC:
        left, right = _number(node.left), _number(node.right)
        work = _ARITHMETIC[type(node.op)]
        return lambda values: work(left(values), right(values))
    raise ExpressionError(
        f"{ast.unparse(node)[:60]!r} is no number: there are series, the rule's own numbers, +, -, * and /"
    )


def _quotient(left: _NumberOf, right: _NumberOf) -> _NumberOf:
    def evaluate(values: Values) -> Floats | float:
        divisor = right(values)
        return left(values) / np.where(divisor == 0, np.nan, divisor)  # nothing is a part of nothing

    return evaluate
