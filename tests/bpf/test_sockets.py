"""The table of sockets against ss(8), and a socket's numbers against what was sent."""

from __future__ import annotations

import os
import re
import resource
import socket
import subprocess
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from helper.probes.socket_table import SOCKET_BYTES
from helper.probes.visibility import Mode, Visibility
from tests.bpf.machine import EVERYTHING, NOBODY, boottime_ns, until
from tests.bpf.network import (
    CONSTANTS,
    STATES,
    Shown,
    pair,
    row_of,
    shown_by_ss,
    shown_by_us,
    ss_lines,
    take_owners,
    take_sockets,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np

    from helper.probes.socket_events import SocketEvents
    from helper.probes.socket_owners import SocketOwners
    from helper.probes.sockets import Sockets


HOLDER = re.compile(r"^(?=.* ino:(\d+) ).*pid=(\d+),")


@pytest.fixture
def kept() -> Iterator[ExitStack]:
    """Whatever is pushed here is closed after the test."""
    with ExitStack() as stack:
        yield stack


def many_kinds(kept: ExitStack) -> None:
    """A few hundred sockets in every state that can be held still."""
    dual = kept.enter_context(socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True))
    kept.enter_context(socket.create_server(("::", 0), family=socket.AF_INET6))
    kept.enter_context(socket.create_server(("0.0.0.0", 0), backlog=7))
    for _ in range(60):
        for host, family in [("127.0.0.1", socket.AF_INET), ("::1", socket.AF_INET6)]:
            for end in pair(host, family):
                kept.enter_context(end)
        kept.enter_context(socket.create_connection(("127.0.0.1", dual.getsockname()[1])))  # v4-mapped at the other end
        kept.enter_context(dual.accept()[0])
    unread, _ = (kept.enter_context(end) for end in pair())
    unread.sendall(bytes(1234))
    half_closed, _ = (kept.enter_context(end) for end in pair())
    half_closed.shutdown(socket.SHUT_WR)  # FIN-WAIT-2 and CLOSE-WAIT
    for end in pair():
        end.close()  # TIME-WAIT
    kept.enter_context(socket.create_connection(dual.getsockname()[:2]))  # waits to be accepted
    reader = kept.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    reader.bind(("127.0.0.1", 0))
    for _ in range(20):
        reader.sendto(bytes(1000), reader.getsockname())
    assert all(len(reader.recv(2000)) == 1000 for _ in range(5))  # the kernel gives their room back in one go later
    not_there_yet(kept)
    orphan, left = pair()
    kept.enter_context(left)
    orphan.close()  # TIME-WAIT for the kernel, which calls it FIN-WAIT-2 as long as the other end is open
    subprocess.run(["ip", "route", "add", "192.0.2.0/24", "dev", "lo"], check=True)
    unanswered = kept.enter_context(socket.socket())
    unanswered.setblocking(False)
    assert unanswered.connect_ex(("192.0.2.1", 9))
    for family, host in [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1"), (socket.AF_INET6, "::")]:
        for connected in [False, True]:
            datagrams = kept.enter_context(socket.socket(family, socket.SOCK_DGRAM))
            datagrams.bind((host, 0))
            datagrams.sendto(b"unread", datagrams.getsockname())
            if connected:
                datagrams.connect(datagrams.getsockname())


def not_there_yet(kept: ExitStack) -> None:
    """SYN-RECV: the listener waits for the first byte, so the handshake's end is put off (tcp(7), TCP_DEFER_ACCEPT)."""
    listener = kept.enter_context(socket.create_server(("127.0.0.1", 0)))
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, 600)
    kept.enter_context(socket.create_connection(listener.getsockname()))


def tables(sockets: Sockets) -> tuple[list[Shown], list[Shown]]:
    """(ss, ours); the rtt and timers aside nothing moves between the two."""
    lines = ss_lines()
    return sorted(map(shown_by_ss, lines)), sorted(map(shown_by_us, take_sockets(sockets)))


def at_rest(sockets: Sockets, end: socket.socket) -> tuple[np.void, dict[str, float]]:
    """Our row of `end` and the numbers of ss, which said the same of it before and after."""
    found: list[tuple[np.void, dict[str, float]]] = []

    def is_at_rest() -> bool:
        inode = os.fstat(end.fileno()).st_ino
        before = numbers_of_ss(inode)
        found.append((row_of(take_sockets(sockets), end), before))
        return numbers_of_ss(inode) == before

    until(is_at_rest, "a connection at rest")
    return found[-1]


def numbers_of_ss(inode: int) -> dict[str, float]:
    """The bytes and the round-trip time (ms) that ss tells of one socket; what is zero it leaves out."""
    (line,) = [line for line in ss_lines() if f" ino:{inode} " in line]
    return {name: float(value) for name, value in re.findall(r" (bytes_\w+|rtt):([\d.]+)", line)}


def test_the_table_is_that_of_ss(sockets: Sockets, kept: ExitStack) -> None:
    many_kinds(kept)
    expected, found = tables(sockets)
    assert found == expected
    assert len(found) > 370
    assert {one.state for one in found} == {
        "ESTAB", "LISTEN", "UNCONN", "TIME-WAIT", "FIN-WAIT-2", "CLOSE-WAIT", "SYN-SENT",
        "SYN-RECV",
    }  # fmt: skip
    assert any(one.local.startswith("[::ffff:127.0.0.1]") for one in found)


def test_four_thousand_sockets_of_all_families_and_their_holders_are_those_of_ss(
    sockets: Sockets, socket_owners: SocketOwners, kept: ExitStack
) -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(5000, before[0]), before[1]))
    kept.callback(resource.setrlimit, resource.RLIMIT_NOFILE, before)
    v4 = kept.enter_context(socket.create_server(("127.0.0.1", 0)))
    v6 = kept.enter_context(socket.create_server(("::1", 0), family=socket.AF_INET6))
    both = kept.enter_context(socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True))
    for listener, host in [(v4, "127.0.0.1"), (v6, "::1"), (both, "127.0.0.1")] * 600:  # the last: v4-mapped at one end
        kept.enter_context(socket.create_connection((host, listener.getsockname()[1])))
        kept.enter_context(listener.accept()[0])
    for family, host in [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")] * 200:
        kept.enter_context(socket.socket(family, socket.SOCK_DGRAM)).bind((host, 0))
    socket_owners.find_owners()
    expected, found = tables(sockets)
    assert found == expected
    assert len(found) == 4003
    assert sum(one.local.startswith("[::ffff:127.0.0.1]") for one in found) == 600
    holders = {int(row["inode"]): int(row["pid"]) for row in take_sockets(sockets)}
    assert holders == {int(found[1]): int(found[2]) for line in ss_lines() if (found := HOLDER.search(line))}
    assert len(holders) == 4003


def test_traffic_is_that_of_ss_and_of_the_sender(sockets: Sockets, kept: ExitStack) -> None:
    client, server = (kept.enter_context(end) for end in pair())
    client.sendall(bytes(100_000))
    until(lambda: len(server.recv(200_000, socket.MSG_PEEK)) == 100_000, "the bytes")
    server.sendall(bytes(77))
    until(lambda: len(client.recv(200, socket.MSG_PEEK)) == 77, "the answer")
    row, theirs = at_rest(sockets, client)
    assert (row["sent_bytes"], row["received_bytes"]) == (100_000, 77)
    # ss counts what was sent again, which a busy machine's late acknowledgements bring about
    assert row["sent_bytes"] == theirs["bytes_sent"] - theirs.get("bytes_retrans", 0)
    assert row["received_bytes"] == theirs["bytes_received"]
    assert row["rtt_us"] == pytest.approx(theirs["rtt"] * 1000, abs=1)
    assert not row["missing"] & (CONSTANTS["ST_MISSING_TRAFFIC"] | CONSTANTS["ST_MISSING_RTT"])
    assert row_of(take_sockets(sockets), server)["received_bytes"] == 100_000


def test_a_fin_is_not_counted_as_a_byte(sockets: Sockets, kept: ExitStack) -> None:
    client, server = (kept.enter_context(end) for end in pair())
    client.sendall(b"bye")
    client.shutdown(socket.SHUT_WR)
    until(lambda: row_of(take_sockets(sockets), server)["state"] == 8, "CLOSE-WAIT")
    assert row_of(take_sockets(sockets), server)["received_bytes"] == 3
    assert row_of(take_sockets(sockets), client)["sent_bytes"] == 3


def test_retransmitted_bytes_count_once(sockets: Sockets, kept: ExitStack) -> None:
    client, server = (kept.enter_context(end) for end in pair())
    client.sendall(bytes(10))
    until(lambda: len(server.recv(20, socket.MSG_PEEK)) == 10, "the bytes")
    subprocess.run(["ip", "link", "set", "lo", "down"], check=True)
    client.sendall(bytes(5))
    until(lambda: row_of(take_sockets(sockets), client)["retransmits"] >= 1, "a retransmission")
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    until(lambda: row_of(take_sockets(sockets), server)["received_bytes"] == 15, "all bytes")
    assert row_of(take_sockets(sockets), client)["sent_bytes"] == 15


def test_a_listener_shows_how_many_wait(sockets: Sockets, kept: ExitStack) -> None:
    listener = kept.enter_context(socket.create_server(("127.0.0.1", 0), backlog=9))
    for _ in range(3):
        kept.enter_context(socket.create_connection(listener.getsockname()))
    rows = take_sockets(sockets)
    row = row_of(rows, listener)
    assert (row["receive_queue_bytes"], row["send_queue_bytes"]) == (3, 9)
    assert row["missing"] & CONSTANTS["ST_MISSING_RTT"]
    assert len(rows[(rows["inode"] == 0) & (rows["state"] == 1)]) == 3
    assert sockets.unowned == 4, "the three that wait are nobody's yet"


def test_what_is_left_of_a_connection_has_no_false_zeros(sockets: Sockets) -> None:
    for end in pair():
        end.close()
    (row,) = take_sockets(sockets)
    for name in ["TRAFFIC", "RTT", "OWNER", "START", "UID"]:
        assert row["missing"] & CONSTANTS[f"ST_MISSING_{name}"]


def test_age_is_known_from_the_connect_on(
    socket_events: SocketEvents, sockets: Sockets, socket_owners: SocketOwners, kept: ExitStack
) -> None:
    before_ns = boottime_ns()
    ends = [kept.enter_context(end) for end in pair()]
    after_ns = boottime_ns()
    for end in ends:
        row = row_of(take_sockets(sockets), end)
        assert before_ns < row["start_ns"] < after_ns
        assert not row["missing"] & CONSTANTS["ST_MISSING_START"]


def test_a_socket_older_than_the_probe_has_the_time_it_was_first_seen(sockets: Sockets, kept: ExitStack) -> None:
    client, _ = (kept.enter_context(end) for end in pair())
    first = row_of(take_sockets(sockets), client)
    again = row_of(take_sockets(sockets), client)
    assert first["start_ns"] == again["start_ns"] <= boottime_ns()
    assert first["missing"] & CONSTANTS["ST_MISSING_START"]


def test_others_sockets_are_left_out(sockets: Sockets, socket_owners: SocketOwners, kept: ExitStack) -> None:
    ours = kept.enter_context(socket.create_server(("127.0.0.1", 0)))
    our_datagrams = kept.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    our_datagrams.bind(("127.0.0.1", 0))
    not_there_yet(kept)
    os.seteuid(NOBODY)  # the file system uid goes with it, and a socket is created with that
    try:
        theirs = kept.enter_context(socket.create_server(("127.0.0.1", 0)))
        datagrams = kept.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        datagrams.bind(("127.0.0.1", 0))
    finally:
        os.seteuid(0)
    for end in pair():
        end.close()
    inodes = {os.fstat(one.fileno()).st_ino for one in (theirs, datagrams)}
    for mode in (Mode.SEES_AS_PROC, Mode.SEES_OWN):
        seen = take_sockets(sockets, Visibility(mode, NOBODY))
        assert set(seen["inode"].tolist()) == inodes
        assert set(seen["uid"].tolist()) == {NOBODY}
        assert inodes <= set(take_owners(socket_owners, Visibility(mode, NOBODY))["inode"].tolist())
        assert set(take_owners(socket_owners, Visibility(mode, NOBODY))["uid"].tolist()) == {NOBODY}
    everything = take_sockets(sockets)["inode"].tolist()
    assert {*inodes, *(os.fstat(one.fileno()).st_ino for one in (ours, our_datagrams)), 0} <= set(everything)


def test_a_connection_that_is_not_there_yet_is_its_listeners_users(sockets: Sockets, kept: ExitStack) -> None:
    os.seteuid(NOBODY)
    try:
        not_there_yet(kept)
    finally:
        os.seteuid(0)
    rows = take_sockets(sockets, Visibility(Mode.SEES_OWN, NOBODY))
    (row,) = rows[rows["state"] == STATES.index("SYN-RECV")]
    assert (row["uid"], row["inode"]) == (NOBODY, 0)


@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_DGRAM])
def test_the_interface_that_a_socket_is_bound_to_is_told(
    sockets: Sockets, kept: ExitStack, kind: socket.SocketKind
) -> None:
    one = kept.enter_context(socket.socket(socket.AF_INET, kind))
    one.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"lo")
    one.bind(("127.0.0.1", 0))
    if kind == socket.SOCK_STREAM:
        one.listen()
    assert row_of(take_sockets(sockets), one)["interface_index"] == socket.if_nametoindex("lo") > 0


@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_DGRAM])
def test_a_full_buffer_is_said_and_its_rows_are_whole(
    sockets: Sockets, kept: ExitStack, kind: socket.SocketKind
) -> None:
    for _ in range(300):
        one = kept.enter_context(socket.socket(socket.AF_INET, kind))
        one.bind(("127.0.0.1", 0))
        if kind == socket.SOCK_STREAM:
            one.listen()
    buffer = memoryview(bytearray(SOCKET_BYTES * 100 + 50))
    reading = sockets.read_into(buffer, EVERYTHING)
    assert (reading.byte_count, reading.truncated) == (SOCKET_BYTES * 100, True)
    assert not sockets.read_into(memoryview(bytearray(SOCKET_BYTES * 300)), EVERYTHING).truncated
