"""No user gets more than its share, and what is given back can be taken again."""

import pytest

from helper.bus.errors import LIMITS_EXCEEDED, Refusal
from helper.bus.quotas import CallRate, Held


def refusals(rate: CallRate, uid: int, moments_s: list[float]) -> int:
    names = []
    for moment_s in moments_s:
        try:
            rate.spend(uid, moment_s)
        except Refusal as refusal:
            names.append(refusal.name)
    assert set(names) <= {LIMITS_EXCEEDED}
    return len(names)


def test_a_hundred_calls_at_once_pass_and_the_next_one_does_not() -> None:
    assert refusals(CallRate(100), 1000, [5.0] * 101) == 1


def test_a_steady_hundred_a_second_is_never_refused() -> None:
    assert refusals(CallRate(100), 1000, [at / 100 for at in range(1000)]) == 0


def test_one_users_flood_leaves_the_others_calls_alone() -> None:
    rate = CallRate(100)
    assert refusals(rate, 1000, [5.0] * 10_000) == 9_900
    assert refusals(rate, 1001, [5.0] * 100) == 0


def test_a_second_later_the_user_may_call_again() -> None:
    rate = CallRate(100)
    refusals(rate, 1000, [5.0] * 500)
    assert refusals(rate, 1000, [6.0] * 100) == 0


def test_the_memory_of_calls_is_bounded() -> None:
    rate = CallRate(100)
    for uid in range(10_000):
        rate.spend(uid, uid * 0.1)
    assert len(rate._spent) <= 65


def test_a_user_holds_at_most_its_own_number_and_all_together_theirs() -> None:
    held = Held("streams", per_uid=4, in_all=6)
    for uid in (1000, 1000, 1000, 1000, 1001, 1001):
        held.take(uid)
    with pytest.raises(Refusal, match="user 1000 has 4 streams already"):
        held.take(1000)
    with pytest.raises(Refusal, match="6 streams already, the most allowed in all"):
        held.take(1001)
    held.give_back(1000)
    held.take(1001)
    assert held.total() == 6
