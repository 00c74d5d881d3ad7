"""When a pass over every open file is worth its cost."""

from helper.probes.socket_owners import REFRESH_NS, OwnerSearch

MS = 10**6


def test_a_socket_without_an_owner_makes_a_pass_due() -> None:
    assert OwnerSearch().is_due(unowned=1, now_ns=5)
    assert not OwnerSearch().is_due(unowned=0, now_ns=5)


def test_passes_take_at_most_a_twentieth_of_the_time() -> None:
    search = OwnerSearch().after_pass(took_ns=15 * MS, now_ns=1000 * MS)
    assert not search.is_due(unowned=9, now_ns=1299 * MS)
    assert search.is_due(unowned=9, now_ns=1300 * MS)


def test_owners_are_looked_for_once_a_minute_even_if_all_are_known() -> None:
    search = OwnerSearch().after_pass(took_ns=1, now_ns=0)
    assert not search.is_due(unowned=0, now_ns=REFRESH_NS - 1)
    assert search.is_due(unowned=0, now_ns=REFRESH_NS)


def test_a_first_pass_of_a_long_running_machine_waits_for_a_reason() -> None:
    assert not OwnerSearch().after_pass(took_ns=1, now_ns=10**15).is_due(unowned=0, now_ns=10**15 + 1)
