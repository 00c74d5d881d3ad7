"""What a rule's condition says: arithmetic, comparisons, and/or/not over named series, for many rows at once.

The text is Python's own expression grammar, of which only these parts are taken; nothing of it is ever executed as
Python. Logic has three values: a comparison with a missing value (NaN) is neither true nor false, `or` is true as soon
as one side is, `not` of unknown stays unknown (Kleene's strong logic). So a missing value can never make a rule fire.
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


@dataclass(frozen=True, slots=True)
class Truth:
    """Of each row whether it is known to be true, and whether it is known to be false."""

    true: Flags
    false: Flags


_Scalar = TypeVar("_Scalar", bound=np.generic)


def _wide(found: npt.NDArray[_Scalar], count: int) -> npt.NDArray[_Scalar]:
    """One value for all rows as one a row."""
    found = np.asarray(found)
    return found if found.shape == (count,) else np.full(count, found)


_TruthOf = Callable[[Values], Truth]
_NumberOf = Callable[[Values], Floats]


@dataclass(frozen=True, slots=True)
class Expression:
    """A number for each row; NaN where something it needs is missing."""

    text: str
    names: tuple[str, ...]
    _evaluate: _NumberOf = field(compare=False, repr=False)

    def of(self, values: Values, count: int) -> Floats:
        """Shape (count,); `values` must hold every one of `names`."""
        with np.errstate(all="ignore"):  # absurd counters give absurd numbers, never a warning
            return _wide(self._evaluate(values), count)


@dataclass(frozen=True, slots=True)
class Condition:
    """True, false or unknown for each row."""

    text: str
    names: tuple[str, ...]
    _evaluate: _TruthOf = field(compare=False, repr=False)
    _tree: ast.expr = field(compare=False, repr=False)

    def of(self, values: Values, count: int) -> Truth:
        """Shape (count,) each; `values` must hold every one of `names`."""
        with np.errstate(all="ignore"):
            truth = self._evaluate(values)
        return Truth(_wide(truth.true, count), _wide(truth.false, count))

    def can_hold(self, missing: frozenset[str]) -> bool:
        """Whether it could be true though these series are missing."""
        return _can_be(self._tree, missing, wanted=True)


def condition(text: str) -> Condition:
    """Read a condition. Raises ExpressionError."""
    tree = _parse(text)
    return Condition(text, _names(tree), _truth(tree), tree)


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


def _truth(node: ast.expr) -> _TruthOf:
    if isinstance(node, ast.BoolOp):
        parts = [_truth(part) for part in node.values]
        return _any(parts) if isinstance(node.op, ast.Or) else _all(parts)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        inner = _truth(node.operand)
        return lambda values: _swapped(inner(values))
    if isinstance(node, ast.Compare):
        return _comparison(node)
    if isinstance(node, ast.Name):  # on its own: 1 is yes, 0 is no
        amount = _number(node)
        return lambda values: Truth((found := amount(values)) > 0, found <= 0)
    raise ExpressionError(f"{ast.unparse(node)[:60]!r} is no condition: compare it, as in 'cpu_cores >= 0.9'")


def _swapped(truth: Truth) -> Truth:
    return Truth(truth.false, truth.true)


def _any(parts: list[_TruthOf]) -> _TruthOf:
    def evaluate(values: Values) -> Truth:
        found = [part(values) for part in parts]
        true, false = found[0].true, found[0].false
        for one in found[1:]:
            true, false = true | one.true, false & one.false
        return Truth(true, false)

    return evaluate


def _all(parts: list[_TruthOf]) -> _TruthOf:
    def evaluate(values: Values) -> Truth:
        found = [part(values) for part in parts]
        true, false = found[0].true, found[0].false
        for one in found[1:]:
            true, false = true & one.true, false | one.false
        return Truth(true, false)

    return evaluate


def _comparison(node: ast.Compare) -> _TruthOf:
    if len(node.ops) != 1 or type(node.ops[0]) not in _COMPARISONS:
        raise ExpressionError(f"{ast.unparse(node)[:60]!r} must compare two numbers by >=, >, <= or <")
    left, right = _number(node.left), _number(node.comparators[0])
    holds, fails = _COMPARISONS[type(node.ops[0])]

    def evaluate(values: Values) -> Truth:
        one, other = left(values), right(values)
        return Truth(holds(one, other), fails(one, other))  # both are false of NaN

    return evaluate


_ARITHMETIC: Final = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul}


def _number(node: ast.expr) -> _NumberOf:
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float) and not isinstance(node.value, bool):
        constant = np.asarray(float(node.value))
        return lambda values: constant  # noqa: ARG005 - every number is made from the values
    if isinstance(node, ast.Name):
        name = node.id
        return lambda values: np.asarray(values[name])
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        inner = _number(node.operand)
        return lambda values: -inner(values)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
        return _quotient(_number(node.left), _number(node.right))
    if isinstance(node, ast.BinOp) and type(node.op) in _ARITHMETIC:
        left, right = _number(node.left), _number(node.right)
        work = _ARITHMETIC[type(node.op)]
        return lambda values: np.asarray(work(left(values), right(values)))
    raise ExpressionError(
        f"{ast.unparse(node)[:60]!r} is no number: there are series, the rule's own numbers, +, -, * and /"
    )


def _quotient(left: _NumberOf, right: _NumberOf) -> _NumberOf:
    def evaluate(values: Values) -> Floats:
        divisor = right(values)
        return left(values) / np.where(divisor == 0, np.nan, divisor)  # nothing is a part of nothing

    return evaluate
