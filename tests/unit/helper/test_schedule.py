"""Ticks lie on a common grid, and lateness never causes a burst."""

from hypothesis import given
from hypothesis import strategies as st

from helper.sampler.schedule import NS_PER_MS, SLACK_NS, is_due, next_due_ns

MOMENTS = st.integers(min_value=0, max_value=2**60)
PERIODS = st.integers(min_value=100, max_value=60_000)


@given(MOMENTS, PERIODS)
def test_the_next_tick_is_the_first_on_the_grid_that_isn_t_too_soon(now_ns: int, period_ms: int) -> None:
    due_ns, period_ns = next_due_ns(now_ns, period_ms), period_ms * NS_PER_MS
    soonest_ns = min(period_ns // 4, 250 * NS_PER_MS)
    assert due_ns % period_ns == 0
    assert soonest_ns < due_ns - now_ns <= period_ns + soonest_ns


@given(st.integers(min_value=1, max_value=2**40), PERIODS, st.integers(min_value=-SLACK_NS, max_value=20 * NS_PER_MS))
def test_a_tick_served_a_little_early_or_late_is_followed_by_the_next_on_the_grid(
    tick: int, period_ms: int, late_ns: int
) -> None:
    period_ns = period_ms * NS_PER_MS
    assert next_due_ns(tick * period_ns + late_ns, period_ms) == (tick + 1) * period_ns


@given(MOMENTS, PERIODS, st.integers(min_value=0, max_value=2**50))
def test_after_any_delay_there_is_one_tick_and_the_next_lies_in_the_future(now: int, period: int, late: int) -> None:
    due_ns = next_due_ns(now, period)
    woken_ns = due_ns + late
    assert is_due(due_ns, woken_ns)
    assert not is_due(next_due_ns(woken_ns, period), woken_ns)


@given(MOMENTS, MOMENTS, PERIODS)
def test_streams_of_one_period_meet_wherever_they_began(one_ns: int, other_ns: int, period_ms: int) -> None:
    assert (next_due_ns(one_ns, period_ms) - next_due_ns(other_ns, period_ms)) % (period_ms * NS_PER_MS) == 0
