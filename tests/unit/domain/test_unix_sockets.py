"""Whose unix sockets they are, what they are called, and who is at the other end."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smoothtask_gui.domain.activity import Activity
from smoothtask_gui.domain.unix_sockets import Holder, UnixHolding, name_text, unix_holdings, unix_sockets
from tests.fakes.batches import SECOND
from tests.fakes.unix_rows import unix_activity, unix_holder, unix_socket

LISTEN = 10


def test_a_process_holds_a_socket_once_however_many_descriptors_it_has() -> None:
    sockets = [
        unix_socket(1, receive_queue_messages=3),
        unix_socket(2, b"/run/s", state=LISTEN, receive_queue_messages=9),
    ]
    holders = [
        unix_holder(2), unix_holder(1), unix_holder(1, fd=4), unix_holder(7, net_namespace=5),
        unix_holder(1, 11, comm=b"x"),
    ]  # fmt: skip
    assert unix_holdings(unix_activity(sockets, holders)) == (
        UnixHolding(10, 10 * SECOND, "app", sockets=3, listening=1, unread_messages=3),
        UnixHolding(11, 11 * SECOND, "x", sockets=1, listening=0, unread_messages=3),
    )


def test_of_a_process_whose_sockets_are_all_in_another_network_namespace_their_number_is_all_that_is_known() -> None:
    holders = [unix_holder(1), unix_holder(8, 20, net_namespace=77), unix_holder(9, 20, net_namespace=77)]
    found = unix_holdings(unix_activity([unix_socket(1)], holders))
    assert found is not None
    assert [(one.pid, one.sockets, one.listening, one.unread_messages) for one in found] == [
        (10, 1, 0, 0), (20, 2, None, None),
    ]  # fmt: skip


def test_a_pid_that_was_used_again_is_another_process() -> None:
    holders = [unix_holder(1), unix_holder(2, pid_start_ns=99)]
    found = unix_holdings(unix_activity([], holders))
    assert found is not None
    assert [(one.pid, one.start_ns, one.sockets) for one in found] == [(10, 99, 1), (10, 10 * SECOND, 1)]


def test_where_they_were_not_read_nothing_is_known_and_where_there_are_none_there_are_none() -> None:
    assert unix_holdings(Activity()) is None
    assert unix_sockets(Activity()) is None
    assert unix_holdings(unix_activity([], [])) == ()
    assert unix_sockets(unix_activity([], [])) == ()


def test_both_ends_of_a_connection_know_each_other_and_each_others_name() -> None:
    sockets = [
        unix_socket(1, b"/run/bus", peer_inode=2),
        unix_socket(2, b"/run/bus", peer_inode=1, is_peers_name=1),
        unix_socket(3, b"\0me", peer_inode=4),
        unix_socket(4, b"\0you", peer_inode=3),
    ]
    found = unix_sockets(unix_activity(sockets, [unix_holder(1), unix_holder(2, 20), unix_holder(2, 30)]))
    assert found is not None
    server, client, one, other = found
    assert (server.name, server.peer_name, server.peer_inode) == (b"/run/bus", None, 2)
    assert (client.name, client.peer_name) == (None, b"/run/bus")
    assert [holder.pid for holder in server.peer_holders] == [20, 30]
    assert client.peer_holders == (Holder(10, 10 * SECOND, b"app"),)
    assert (one.name, one.peer_name, other.peer_name) == (b"\0me", b"\0you", b"\0me")
    assert one.holders == ()


def test_sockets_that_wait_to_be_accepted_have_no_inode_and_are_all_there() -> None:
    sockets = [unix_socket(0, b"/run/bus", cookie=5), unix_socket(0, b"/run/bus", cookie=6)]
    found = unix_sockets(unix_activity(sockets, [unix_holder(9)]))
    assert found is not None
    assert [(one.inode, one.holders) for one in found] == [(0, ()), (0, ())]


def test_a_socket_that_the_kernel_showed_twice_is_one() -> None:
    found = unix_sockets(unix_activity([unix_socket(1), unix_socket(1)], []))
    assert found is not None
    assert len(found) == 1


def test_of_sockets_in_other_network_namespaces_the_holders_are_known() -> None:
    holders = [unix_holder(1), unix_holder(8, 20, net_namespace=77), unix_holder(9)]
    found = unix_sockets(unix_activity([unix_socket(1)], holders))
    assert found is not None
    here, there = found
    assert not here.is_elsewhere
    assert (there.inode, there.net_namespace, there.is_elsewhere, there.type) == (8, 77, True, None)
    assert [holder.pid for holder in there.holders] == [20]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (b"/run/user/1000/bus", "/run/user/1000/bus"),
        (b"\0/tmp/.X11-unix/X0", "@/tmp/.X11-unix/X0"),
        (b"\0a\0b", "@a\\x00b"),
        (b"\0", "@"),
        (b"@plain", "\\x40plain"),
        (b"back\\slash", "back\\x5cslash"),
        (b"\xff \xc3\xa4\n", "\\xff\\x20\\xc3\\xa4\\x0a"),
    ],
)
def test_a_name_is_shown_as_plain_text(name: bytes, text: str) -> None:
    assert name_text(name) == text


@given(st.one_of(st.binary(min_size=1, max_size=108), st.binary(max_size=107).map(lambda rest: b"\0" + rest)))
def test_the_bytes_of_a_name_can_be_had_again_from_its_text(name: bytes) -> None:
    text = name_text(name)
    assert text.isprintable()
    assert text.isascii()
    body = re.sub(rb"\\x(..)", lambda found: bytes.fromhex(found[1].decode()), text.removeprefix("@").encode())
    assert (b"\0" if text.startswith("@") else b"") + body == name


def test_a_socket_that_two_processes_share_is_one_of_each() -> None:
    found = unix_holdings(unix_activity([unix_socket(1)], [unix_holder(1), unix_holder(1, 11)]))
    assert found is not None
    assert [(one.pid, one.sockets) for one in found] == [(10, 1), (11, 1)]


def test_a_name_that_ends_in_nul_is_whole() -> None:
    found = unix_sockets(unix_activity([unix_socket(1, b"\0a\0")], []))
    assert found is not None
    assert found[0].name == b"\0a\0"
