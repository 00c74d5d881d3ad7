import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smoothtask_gui.domain.judging.expression import ExpressionError, condition, expression


def known(text: str, **values: float) -> bool | None:
    """Whether a condition over single numbers holds; None for unknown."""
    truth = condition(text).of(values, 1)
    assert not (truth.true[0] and truth.false[0])
    return True if truth.true[0] else False if truth.false[0] else None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("hot >= 90", True),
        ("hot > 95", False),
        ("hot >= 90 and on", True),
        ("hot >= 90 and not on", False),
        ("hot < 90 or on > 0", True),
        ("unknown >= 1", None),
        ("not unknown >= 1", None),
        ("unknown", None),
        ("unknown >= 1 or on", True),
        ("unknown >= 1 and off", False),
        ("unknown >= 1 and on", None),
        ("unknown >= 1 or off", None),
        ("hot - 5 * 2 + 4 / 2 >= 87", True),
        ("-hot <= -95", True),
        ("hot / off >= 1", None),
        ("hot / off < 1", None),
    ],
)
def test_and_or_not_know_true_false_and_unknown(text: str, expected: bool | None) -> None:
    assert known(text, hot=95.0, on=1.0, off=0.0, unknown=math.nan) is expected


def test_a_condition_is_judged_for_all_rows_at_once() -> None:
    truth = condition("cores >= 0.9 and on").of({"cores": np.array([1.0, 0.5, np.nan]), "on": 1.0}, 3)
    assert truth.true.tolist() == [True, False, False]
    assert truth.false.tolist() == [False, True, False]
    assert expression("cores * 2").of({"cores": 2.0}, 3).tolist() == [4.0, 4.0, 4.0]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "isn't understood"),
        ("hot >=", "isn't understood"),
        ("hot", None),
        ("5", "is no condition"),
        ("hot + 1", "is no condition"),
        ("1 < hot < 5", "must compare two numbers"),
        ("hot == 5", "must compare two numbers"),
        ("hot >= 'x'", "is no number"),
        ("hot >= True", "is no number"),
        ("open('x') >= 1", "is no number"),
        ("hot.real >= 1", "is no number"),
        ("hot[0] >= 1", "is no number"),
        ("(hot >= 1) >= 1", "is no number"),
        ("hot ** 9 >= 1", "is no number"),
        ("hot >= 1 if hot else hot", "is no condition"),
        ("x" * 2000, "is longer than"),
        ("(" * 400 + "hot" + ")" * 400, "isn't understood"),
        ("\0", "isn't understood"),
    ],
)
def test_what_is_no_condition_is_refused_with_what_is_wrong(text: str, said: str | None) -> None:
    if said is None:
        assert condition(text).names == ("hot",)
        return
    with pytest.raises(ExpressionError, match=said):
        condition(text)


FORMULAS = st.recursive(
    st.sampled_from(["a >= 1", "b < 2", "a", "b + a > 0.5", "a / b <= 3"]),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(lambda part: f"({part[0]}) {part[1]} ({part[2]})"),
        inner.map(lambda part: f"not ({part})"),
    ),
    max_leaves=6,
)
NUMBERS = st.floats(allow_nan=True, allow_infinity=True)


@given(FORMULAS, NUMBERS, NUMBERS)
def test_any_numbers_give_true_false_or_unknown_and_never_raise(text: str, a: float, b: float) -> None:
    truth = condition(text).of({"a": np.array([a]), "b": b}, 1)
    assert not (truth.true & truth.false).any()


@given(FORMULAS)
def test_nothing_is_true_of_missing_values(text: str) -> None:
    truth = condition(text).of({"a": math.nan, "b": math.nan}, 1)
    assert not truth.true[0]
    assert not truth.false[0]


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        found = condition(text)
    except ExpressionError as error:
        assert str(error)  # noqa: PT017 - either way is right, as long as it is one of these two
    else:
        assert found.text == text


def test_what_an_and_says_after_a_part_that_holds_nowhere_is_not_looked_at() -> None:
    seen = condition("a >= 1 and b >= 1").of({"a": np.zeros(3)}, 3)
    assert seen.true.tolist() == [False] * 3
    assert not seen.is_anywhere
    with pytest.raises(KeyError):
        _ = condition("a >= 0 and b >= 1").of({"a": np.zeros(3)}, 3).true
