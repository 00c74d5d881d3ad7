"""Network bytes of connections and processes, on rows whose answer is known by hand."""

import itertools
import math
from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from smoothtask_gui.domain.addresses import LISTEN
from smoothtask_gui.domain.batch import Batch
from smoothtask_gui.domain.network import Network, SocketMissing
from smoothtask_gui.domain.rates import rates
from smoothtask_gui.domain.sample import Sample
from tests.fakes.batches import SECOND, batch, process
from tests.fakes.networks import network, socket_row, traffic_row

START = 100 * SECOND


def at(second: int, found: Network | None, *pids: int) -> Batch:
    processes = [process(pid, uid=1000) for pid in pids or (10, 11)]
    return replace(batch(START + second * SECOND, *processes), network=found)


def between(before: Network | None, now: Network | None) -> Sample:
    sample = rates(at(0, before), at(2, now))
    assert sample is not None
    return sample


def moved(sample: Sample, pid: int = 10) -> tuple[float, float]:
    """(sent, received) bytes in the two seconds."""
    row = sample.processes[sample.processes["pid"] == pid][0]
    return float(row["sent_bps"]) * 2, float(row["received_bps"]) * 2


def test_an_open_connection_counts_what_it_moved_in_the_interval() -> None:
    sample = between(network(socket_row(1, sent=100, received=7)), network(socket_row(1, sent=300, received=1007)))
    assert moved(sample) == (200, 1000)
    assert moved(sample, 11) == (0, 0)
    assert sample.connections is not None
    (row,) = sample.connections
    assert (row["sent_bps"], row["received_bps"], row["sent_bytes"]) == (100, 500, 300)
    assert (row["comm"], row["pid"]) == (b"app", 10)


def test_queues_are_bytes_but_for_listeners_and_nothing_for_what_is_left_of_a_connection() -> None:
    open_ = socket_row(1, send_queue_bytes=11, receive_queue_bytes=13)
    listener = socket_row(2, state=LISTEN, send_queue_bytes=128, receive_queue_bytes=3)
    left_over = socket_row(3, state=6, missing=int(SocketMissing.TRAFFIC))
    datagrams = socket_row(4, protocol=17, receive_queue_bytes=6, missing=int(SocketMissing.TRAFFIC))
    rows_ = between(network(), network(open_, listener, left_over, datagrams)).connections
    assert rows_ is not None
    names = ["send_queue_bytes", "receive_queue_bytes", "waiting_connections"]
    unknown = math.nan
    expected = [[11, 13, unknown], [unknown, unknown, 3], [unknown] * 3, [0, 6, unknown]]
    np.testing.assert_array_equal([[row[name] for name in names] for row in rows_], expected)


def test_a_new_connection_counts_from_zero_and_an_old_one_first_seen_not_at_all() -> None:
    born = socket_row(1, sent=50, start_ns=START + SECOND)
    old = socket_row(2, pid=11, sent=5000, missing=int(SocketMissing.START), start_ns=START + SECOND)
    sample = between(network(), network(born, old))
    assert moved(sample) == (50, 0)
    assert moved(sample, 11) == (0, 0)
    assert sample.connections is not None
    assert math.isnan(sample.connections["sent_bps"][1])
    assert sample.connections["sent_bytes"][1] == 5000


def test_a_connection_that_changed_hands_counts_for_its_owner_of_now() -> None:
    sample = between(network(socket_row(1, pid=10, sent=100)), network(socket_row(1, pid=11, sent=160)))
    assert moved(sample, 10) == (0, 0)
    assert moved(sample, 11) == (60, 0)


def test_a_closed_connection_counts_what_it_moved_since_it_was_last_seen() -> None:
    closed = socket_row(1, sent=180, received=20)
    now = network(
        traffic=(traffic_row(closed_connections=1, tcp_sent_bytes=180, first_ns=START + 1),), closes=(closed,)
    )
    assert moved(between(network(socket_row(1, sent=100, received=20)), now)) == (80, 0)


def test_a_connection_between_two_readings_counts_whole() -> None:
    closed = socket_row(1, sent=180, received=20, start_ns=START + SECOND)
    assert moved(between(network(), network(closes=(closed,)))) == (180, 20)


def test_a_close_that_overtakes_its_row_is_counted_once() -> None:
    open_, closed = socket_row(1, sent=100), socket_row(1, sent=180)
    traffic = (traffic_row(closed_connections=1, tcp_sent_bytes=180, first_ns=START + 1),)
    first = at(0, network(socket_row(1, sent=40)))
    second = at(2, network(open_, traffic=traffic, closes=(closed,)))
    third = at(4, network(traffic=traffic))
    one, two = rates(first, second), rates(second, third)
    assert one is not None
    assert two is not None
    assert moved(one) == (60, 0)
    assert moved(two) == (80, 0)


def test_closes_that_were_lost_are_made_good_by_the_traffic() -> None:
    before = network(socket_row(1, sent=100), traffic=(traffic_row(tcp_sent_bytes=7, first_ns=5),))
    lost = traffic_row(tcp_sent_bytes=7 + 150 + 30, closed_connections=2, first_ns=5)
    assert moved(between(before, network(traffic=(lost,)))) == (80, 0)


def test_datagrams_count_by_the_traffic_and_not_by_their_sockets() -> None:
    before = network(socket_row(1, protocol=17, sent=5), traffic=(traffic_row(udp_sent_bytes=5, first_ns=5),))
    now = network(socket_row(1, protocol=17, sent=25), traffic=(traffic_row(udp_sent_bytes=25, first_ns=5),))
    assert moved(between(before, now)) == (20, 0)


def test_without_the_helper_nothing_is_known() -> None:
    for before, now in ((None, None), (None, network()), (network(), None)):
        sample = between(before, now)
        assert np.isnan(sample.processes["sent_bps"]).all()
        assert np.isnan(sample.processes["received_bps"]).all()
    assert between(network(), None).connections is None


def test_other_users_processes_are_unknown_unless_everybody_is_seen() -> None:
    for own_uid, known in ((1000, False), (None, True)):
        found = network(own_uid=own_uid)
        first, second = (
            replace(batch(START + moment * SECOND, process(10, uid=0)), network=found) for moment in (0, 1)
        )
        sample = rates(first, second)
        assert sample is not None
        assert bool(np.isfinite(sample.processes["sent_bps"][0])) is known


def test_a_containers_connection_is_shown_with_its_network_and_no_rate_as_it_is_read_less_often() -> None:
    old = socket_row(1, sent=1000, received=10, missing=SocketMissing.RATE, net_namespace=4026532001)
    new = socket_row(1, sent=9000, received=90, missing=SocketMissing.RATE, net_namespace=4026532001)
    own = socket_row(2, net_namespace=4026531840)
    sample = between(network(old, own), network(new, own))
    assert sample.connections is not None
    elsewhere, here = sample.connections
    assert (elsewhere["net_namespace"], here["net_namespace"]) == (4026532001, 0)
    assert math.isnan(elsewhere["sent_bps"])
    assert elsewhere["sent_bytes"] == 9000
    assert moved(sample) == (0.0, 0.0)
    assert moved(between(network(old, own), network(own))) == (0.0, 0.0), "nor does its end count"


def test_a_row_without_a_reading_has_none() -> None:
    missing = int(SocketMissing.TRAFFIC | SocketMissing.RTT | SocketMissing.OWNER)
    sample = between(network(), network(socket_row(1, sent=9, missing=missing, start_ns=START + SECOND)))
    assert sample.connections is not None
    (row,) = sample.connections
    assert row["pid"] == 0
    assert row["comm"] == b""
    assert all(math.isnan(row[name]) for name in ("sent_bps", "sent_bytes", "received_bytes", "retransmits", "rtt_us"))
    assert row["age_s"] == 1.0


@settings(deadline=None)  # a busy machine says nothing about the promise
@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 1000), st.sampled_from(["open", "closed"])), max_size=12),
    st.integers(1, 4),
)
def test_over_any_ticks_the_sum_of_the_rates_is_what_was_sent(sends: list[tuple[int, int, str]], per_tick: int) -> None:
    """Connections send and close at random; each close comes with its tick."""
    sent: dict[int, int] = {}
    ended: set[int] = set()
    batches = [at(0, network())]
    for moment in range(0, len(sends), per_tick):
        closes = []
        for cookie, count, state in sends[moment : moment + per_tick]:
            if cookie in ended:
                continue
            sent[cookie] = sent.get(cookie, 0) + count
            if state == "closed":
                ended.add(cookie)
                closes.append(socket_row(cookie, sent=sent[cookie], start_ns=START))
        rows = [socket_row(each, sent=sent[each], start_ns=START) for each in sent if each not in ended]
        gone = sum(sent[each] for each in ended)
        traffic = (traffic_row(tcp_sent_bytes=gone, closed_connections=len(ended), first_ns=START),) if ended else ()
        batches.append(at(len(batches), network(*rows, traffic=traffic, closes=tuple(closes))))
    total = 0.0
    for before, now in itertools.pairwise(batches):
        # a connection that is first seen now began after the reading before
        fresh = replace(now, network=born_after(before, now))
        sample = rates(before, fresh)
        assert sample is not None
        total += float(sample.processes["sent_bps"][0])
    assert round(total) == sum(sent.values())


def born_after(before: Batch, now: Batch) -> Network:
    assert before.network is not None
    assert now.network is not None
    sockets, closes = now.network.sockets.copy(), now.network.closes.copy()
    for table in (sockets, closes):
        new = ~np.isin(table["cookie"], before.network.sockets["cookie"])
        table["start_ns"][new] = before.boottime_ns
    return replace(now.network, sockets=sockets, closes=closes)


def test_of_other_users_processes_nothing_is_known_also_while_ones_own_are_busy() -> None:
    def reading(second: int, sent: int) -> Batch:
        processes = [process(10, uid=1000), process(12, uid=0)]
        return replace(batch(START + second * SECOND, *processes), network=network(socket_row(1, sent=sent)))

    sample = rates(reading(0, 100), reading(2, 300))
    assert sample is not None
    assert moved(sample, 10) == (200, 0)
    assert all(math.isnan(count) for count in moved(sample, 12))


def test_what_only_one_of_two_readings_was_allowed_to_show_is_unknown() -> None:
    sample = between(network(own_uid=1000), network(socket_row(1, sent=300, start_ns=START), own_uid=None))
    assert all(math.isnan(count) for count in moved(sample))


def test_a_count_that_ran_backwards_is_unknown_and_takes_nothing_off_its_process() -> None:
    before = network(
        socket_row(1, sent=900), socket_row(2, sent=10), traffic=(traffic_row(udp_sent_bytes=90, first_ns=5),)
    )
    now = network(
        socket_row(1, sent=300), socket_row(2, sent=15), traffic=(traffic_row(udp_sent_bytes=40, first_ns=5),)
    )
    sample = between(before, now)
    assert moved(sample) == (5, 0)
    assert sample.connections is not None
    assert math.isnan(sample.connections["sent_bps"][0])


def test_a_connection_whose_bytes_were_not_known_before_has_no_rate_yet() -> None:
    before = network(socket_row(1, missing=int(SocketMissing.TRAFFIC)))
    sample = between(before, network(socket_row(1, sent=5000)))
    assert moved(sample) == (0, 0)
    assert sample.connections is not None
    assert math.isnan(sample.connections["sent_bps"][0])


def test_datagram_sockets_have_no_retransmits_rather_than_none_so_far() -> None:
    found = network(socket_row(1, protocol=17, retransmits=0), socket_row(2, retransmits=3))
    rows_ = between(found, found).connections
    assert rows_ is not None
    np.testing.assert_array_equal(rows_["retransmits"], [math.nan, 3])


def test_what_began_while_the_reading_was_made_has_no_negative_age() -> None:
    rows_ = between(network(), network(socket_row(1, start_ns=START + 3 * SECOND))).connections
    assert rows_ is not None
    assert rows_["age_s"].tolist() == [0.0]


def test_a_close_that_is_told_twice_counts_once() -> None:
    closed = socket_row(1, sent=180)
    before = network(socket_row(1, sent=100), closes=(closed,))
    assert moved(between(before, network(closes=(closed,)))) == (80, 0)


def test_datagram_sockets_that_went_take_nothing_off_what_lost_closes_moved() -> None:
    before = network(
        socket_row(1, sent=100),
        socket_row(2, protocol=17, sent=60),
        traffic=(traffic_row(tcp_sent_bytes=7, first_ns=5),),
    )
    lost = traffic_row(tcp_sent_bytes=7 + 150 + 30, closed_connections=2, first_ns=5)
    assert moved(between(before, network(traffic=(lost,)))) == (80, 0)


def test_a_traffic_row_that_began_anew_counts_whole_and_one_that_was_hidden_not_at_all() -> None:
    before = network(traffic=(traffic_row(udp_sent_bytes=1000, first_ns=5),))
    anew = network(traffic=(traffic_row(udp_sent_bytes=1200, first_ns=START + 1),))
    assert moved(between(before, anew)) == (1200, 0)
    assert moved(between(network(), before)) == (0, 0)


def test_datagrams_that_the_kernel_does_not_count_are_no_bytes() -> None:
    missing = int(SocketMissing.TRAFFIC)
    before = network(traffic=(traffic_row(udp_sent_bytes=5, first_ns=5, missing=missing),))
    now = network(traffic=(traffic_row(udp_sent_bytes=25, first_ns=5, missing=missing),))
    assert moved(between(before, now)) == (0, 0)
