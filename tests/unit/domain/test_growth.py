"""How fast things grow: what the slope says of those that began late, stopped, or have only just been seen."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from smoothtask_gui.domain.judging.growth import Growth, GrowthWindow

if TYPE_CHECKING:
    from collections.abc import Iterable

SECOND = 10**9
KEYS = np.array([7], np.uint64)
SPACING_S = 10


def grown(values: Iterable[float], spacing_s: int = SPACING_S) -> Growth:
    """Of one thing that had these values, `spacing_s` apart."""
    window = GrowthWindow(spacing_s * SECOND, 60)
    growth = Growth(*(np.full(1, np.nan) for _ in range(3)))
    for at, value in enumerate(values):
        growth = window.observe(KEYS, np.array([value]), at * spacing_s * SECOND)
    return growth


def numbers(growth: Growth) -> tuple[float, float, float]:
    return growth.per_s.item(), growth.grown.item(), growth.steadiness.item()


def test_a_trend_takes_three_points() -> None:
    assert np.isnan(numbers(grown([1.0, 2.0]))).all()
    assert numbers(grown([1.0, 11.0, 21.0])) == pytest.approx((1.0, 20.0, 1.0))


def test_what_grows_after_a_standstill_is_measured_from_there_on() -> None:
    late = [500.0] * 50 + [500.0 + 50 * step for step in range(1, 6)]
    assert numbers(grown(late)) == pytest.approx((5.0, 250.0, 1.0))


def test_small_wobbles_are_a_standstill_beside_what_follows() -> None:
    wobbling = [500.0 + at % 2 for at in range(50)]
    late = wobbling + [500.0 + 50 * step for step in range(1, 6)]
    per_s, _grown, steadiness = numbers(grown(late))
    assert (per_s, steadiness) == (pytest.approx(5.0, rel=0.05), 1.0)


def test_what_has_stood_still_for_a_minute_grows_no_more() -> None:
    assert numbers(grown([*np.arange(20.0), *[19.0] * 6])) == (0.0, 0.0, 0.0)


def test_a_short_pause_is_no_standstill() -> None:
    paused = [*np.arange(0.0, 100, 10), *[90.0] * 4, *np.arange(100.0, 200, 10)]
    _per_s, total, steadiness = numbers(grown(paused))
    assert total == 190.0
    assert 0.7 < steadiness < 0.9


def test_what_jumps_now_and_then_is_not_steady() -> None:
    assert grown(np.repeat(np.arange(12.0), 5)).steadiness.item() == pytest.approx(11 / 55, abs=0.06)


def test_points_close_together_know_no_standstill() -> None:
    late = [*[0.0] * 20, *np.arange(1.0, 4)]
    assert grown(late, spacing_s=2).steadiness.item() == pytest.approx(3 / 22)


def test_each_is_measured_from_its_own_standstill() -> None:
    window = GrowthWindow(SPACING_S * SECOND, 60)
    keys = np.array([3, 5], np.uint64)
    for at in range(30):
        growth = window.observe(keys, np.array([10.0 * at, 10.0 * max(0, at - 20)]), at * SPACING_S * SECOND)
    assert growth.grown.tolist() == [290.0, 90.0]
    assert growth.per_s.tolist() == pytest.approx([1.0, 1.0])
