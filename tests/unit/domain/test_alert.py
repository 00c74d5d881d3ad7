import math

from hypothesis import given, settings
from hypothesis import strategies as st

from smoothtask_gui.domain.alert import GAP_NS, MISSING_NS, Alert, Phase, Timing, advance, close, judge, trigger
from tests.fakes.batches import SECOND

TIMING = Timing.of_seconds(10, 5, 60)


def after(looks: str, alert: Alert | None = None, start_s: int = 0) -> Alert:
    """One look a second: + holds, - doesn't, ? missing."""
    alert = alert or Alert(TIMING)
    for second, look in enumerate(looks, start_s):
        alert = advance(alert, holds={"+": True, "-": False, "?": None}[look], now_ns=second * SECOND)
    return alert


def test_an_alert_fires_when_the_condition_held_for_its_time() -> None:
    assert after("+" * 10).phase is Phase.PENDING
    assert after("+" * 11).phase is Phase.FIRING


def test_a_pending_alert_is_forgotten_when_the_condition_clears() -> None:
    assert after("+++++++++-").phase is Phase.INACTIVE
    assert after("+++++++++-" + "+" * 10).phase is Phase.PENDING


def test_missing_values_do_not_count_towards_the_time() -> None:
    assert after("+++++??????????+").phase is Phase.PENDING
    assert after("?" * 100).phase is Phase.INACTIVE


def test_a_short_gap_does_not_forget_what_was_seen() -> None:
    assert after("++++++??++++++").phase is Phase.FIRING


def test_a_firing_alert_needs_the_condition_over_for_a_while() -> None:
    firing = after("+" * 11)
    assert after("-----", firing, 11).phase is Phase.FIRING
    assert after("------", firing, 11).phase is Phase.RESOLVED
    assert after("-----+-----", firing, 11).phase is Phase.FIRING


def test_a_firing_alert_whose_value_stays_missing_ends_as_unknown() -> None:
    firing = after("+" * 11)
    waiting = after("?" * 30, firing, 11)
    assert waiting.phase is Phase.FIRING
    ended = after("?", waiting, 11 + MISSING_NS // SECOND)
    assert ended.phase is Phase.RESOLVED
    assert ended.ended_unknown


def test_missing_values_between_clear_ones_do_not_keep_an_alert_open() -> None:
    assert after("-?-?-?-?", after("+" * 11), 11).phase is Phase.RESOLVED


def test_a_resolved_alert_stays_quiet_during_its_cooldown() -> None:
    resolved = after("------", after("+" * 11), 11)
    assert after("+" * 59, resolved, 17).phase is Phase.PENDING
    assert after("+" * 60, resolved, 17).phase is Phase.FIRING


def test_a_rate_speaks_for_its_whole_interval() -> None:
    alert = Alert(TIMING)
    for second in range(2, 11, 2):
        assert not alert.is_firing
        alert = advance(alert, holds=True, now_ns=second * SECOND, covers_ns=2 * SECOND)
    assert alert.is_firing


def test_an_event_fires_at_once_but_respects_the_cooldown() -> None:
    assert trigger(Alert(TIMING), now_ns=5).is_firing
    resolved = after("------", after("+" * 11), 11)
    assert not trigger(resolved, now_ns=20 * SECOND).is_firing
    assert trigger(resolved, now_ns=20 * SECOND, despite_cooldown=True).is_firing


def test_a_subject_that_is_gone_closes_its_alert() -> None:
    assert close(after("+" * 11), now_ns=12 * SECOND).phase is Phase.RESOLVED
    assert close(after("+"), now_ns=12 * SECOND).phase is Phase.INACTIVE


def test_what_nobody_watched_does_not_count_as_held() -> None:
    pending = after("+")
    assert advance(pending, holds=True, now_ns=GAP_NS + SECOND).phase is Phase.PENDING


def test_the_clear_level_holds_a_firing_alert_until_it_is_reached() -> None:
    assert judge(90, 90, 80, firing=False) is True
    assert judge(89, 90, 80, firing=False) is False
    assert judge(81, 90, 80, firing=True) is True
    assert judge(80, 90, 80, firing=True) is False
    assert judge(None, 90, 80, firing=True) is None
    assert judge(math.nan, 90, 80, firing=False) is None


Looks = list[tuple[bool | None, int]]
LOOKS = st.lists(
    st.tuples(
        st.sampled_from([True, True, True, False, None]), st.integers(-5 * SECOND, 200 * SECOND) | st.just(SECOND)
    ),
    max_size=80,
)


@given(LOOKS)
@settings(max_examples=200, deadline=None)
def test_no_alert_fires_before_the_condition_was_seen_to_hold_for_its_time(
    looks: Looks,
) -> None:
    alert, now, held, held_before = Alert(TIMING), 1000 * SECOND, 0, False
    for holds, step in looks:
        before, now = alert, now + step
        alert = advance(alert, holds=holds, now_ns=now)
        if step < 0 or step > GAP_NS or holds is False:
            held = 0
        elif holds and held_before:
            held += step
        held_before = holds is True
        if alert.is_firing and not before.is_firing:
            assert holds is True
            assert held >= TIMING.for_ns
        if alert.phase is Phase.RESOLVED and before.is_firing:
            held, held_before = 0, False


@given(LOOKS, st.booleans())
@settings(max_examples=100, deadline=None)
def test_no_history_leaves_an_alert_stuck(looks: Looks, missing: bool) -> None:
    alert, now = Alert(TIMING), 1000 * SECOND
    for holds, step in looks:
        now += step
        alert = advance(alert, holds=holds, now_ns=now)
    for _ in range(40):
        now += SECOND
        alert = advance(alert, holds=None if missing else False, now_ns=now)
    assert alert.phase in (Phase.INACTIVE, Phase.RESOLVED)
