import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smoothtask_gui.ui.scale import next_top, nice_top

VALUES = st.floats(1e-6, 1e15)


@given(VALUES)
def test_a_top_is_a_round_number_not_below_the_peak(peak: float) -> None:
    top = nice_top(peak)
    assert top >= peak * (1 - 1e-6)
    assert top <= peak * 2.6
    assert round(top / 10 ** math.floor(math.log10(top) + 1e-9), 6) in {1.0, 2.0, 5.0}


@given(VALUES, VALUES)
def test_no_value_ever_leaves_the_graph(top: float, peak: float) -> None:
    assert next_top(top, peak, least=1e-6) >= peak


@given(st.floats(0.34, 1.0))
def test_the_scale_holds_still_while_the_values_roughly_fill_it(part: float) -> None:
    assert next_top(100.0, 100.0 * part, least=1.0) == 100.0


def test_the_scale_shrinks_when_the_values_have_become_small() -> None:
    assert next_top(100.0, 8.0, least=1.0) == 10.0


def test_a_scale_that_has_shrunk_does_not_grow_at_the_next_flicker() -> None:
    top = next_top(100.0, 32.0, least=1.0)
    assert top == 50.0
    assert next_top(top, 34.0, least=1.0) == top


def test_noise_is_not_magnified() -> None:
    assert next_top(100.0, 0.001, least=1.0) == 1.0


@pytest.mark.parametrize("peak", [math.nan])
def test_without_readings_the_scale_stays(peak: float) -> None:
    assert next_top(50.0, peak, least=1.0) == 50.0


def test_a_ratio_never_gets_more_than_a_hundred_percent() -> None:
    assert next_top(0.5, 0.97, least=0.05, most=1.0) == 1.0
