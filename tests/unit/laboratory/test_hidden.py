"""How often a ratio would name the wrong side where processes are hidden: cases whose answer is plain."""

from __future__ import annotations

import pytest

from laboratory.hidden import Minute, wrong_ratio

LITTLE, MUCH = [Minute(1.0, 1.0)], [Minute(2.0, 2.0)]
CROWD = [Minute(2.0, 0.5)]
"""Four apps that use as much as each other."""


def test_of_two_apps_one_of_them_hidden_half_always_names_the_busier_one() -> None:
    assert wrong_ratio([LITTLE, MUCH], 1, 0.5) == 0.0


def test_a_ratio_that_is_too_small_misses_every_hidden_app_that_is_the_busier_one() -> None:
    assert wrong_ratio([LITTLE, MUCH], 1, 0.25) == pytest.approx(0.5, abs=0.02)


def test_half_errs_where_a_hidden_crowd_uses_more_than_the_one_who_is_seen() -> None:
    assert wrong_ratio([LITTLE, CROWD], 1, 0.5) == pytest.approx(1.0)
