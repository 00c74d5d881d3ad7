"""Bytes of connections that no snapshot saw, and of datagrams, against what was sent."""

from __future__ import annotations

import ctypes
import os
import socket
import struct
import threading
from typing import TYPE_CHECKING

import numpy as np
import pytest

from helper.loaders.maps import SLACK
from helper.probes.socket_events import KEY, TRAFFIC, SocketEvents, traffic_seen_by
from helper.probes.visibility import Mode, Visibility
from smoothtask_gui.sources.records import SOCKET
from tests.bpf.machine import EVERYTHING, NOBODY, boottime_ns, child, until
from tests.bpf.network import CONSTANTS, HEAD_BYTES, Rows, pair, row_of, take_sockets, traffic_of

if TYPE_CHECKING:
    from helper.probes.sockets import Sockets

CLIENT = """
import socket
say(); wait()
for count in range(int(sys.argv[2])):
    with socket.create_connection(("127.0.0.1", int(sys.argv[1]))) as connection:
        connection.sendall(bytes(int(sys.argv[3])))
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(65536): pass
say(); wait()
"""
SERVER = """
import socket
listener = socket.create_server(("127.0.0.1", 0), backlog=256)
say(listener.getsockname()[1])
for count in range(int(sys.argv[1])):
    connection, _ = listener.accept()
    while connection.recv(65536): pass
    connection.sendall(bytes(int(sys.argv[2])))
    connection.close()
say(); wait()
"""
DATAGRAMS = """
import socket
family = socket.AF_INET6 if sys.argv[1] == "::1" else socket.AF_INET
with socket.socket(family, socket.SOCK_DGRAM) as one:
    one.bind((sys.argv[1], 0))
    for size in range(1, 101):
        one.sendto(bytes(size), one.getsockname())
        one.recv(200, socket.MSG_PEEK)
        assert len(one.recv(200)) == size
say(); wait()
"""

EVENTS_A_SECOND = 256


def closed_of(events: SocketEvents, pid: int, count: int) -> Rows:
    """Waits until that many connections of a process have closed; their last readings."""
    records: list[bytes] = []

    def arrived() -> list[bytes]:
        events.drain(records.append)
        kinds = {struct.unpack_from("@I", record)[0] for record in records}
        assert kinds <= {CONSTANTS["ST_EVENT_SOCKET_CLOSED"]}
        rows = [record[HEAD_BYTES:] for record in records]
        return [row for row in rows if np.frombuffer(row, SOCKET)[0]["pid"] == pid]

    until(lambda: len(arrived()) >= count, f"{count} closed connections of {pid}")
    return np.frombuffer(b"".join(arrived()), SOCKET)


def test_short_connections_count_to_the_byte_for_both_processes(socket_events: SocketEvents, sockets: Sockets) -> None:
    with child(SERVER, "50", "3210") as server:
        port = server.hear()
        with child(CLIENT, port, "50", "12345") as client:
            client.hear()
            client.tell()
            client.hear()
            server.hear()
            until(lambda: traffic_of(socket_events, server.pid)["closed_connections"] == 50, "the server's closes")
            until(lambda: traffic_of(socket_events, client.pid)["closed_connections"] == 50, "the client's closes")
            sent, received = traffic_of(socket_events, client.pid), traffic_of(socket_events, server.pid)
    assert (sent["tcp_sent_bytes"], sent["tcp_received_bytes"]) == (50 * 12345, 50 * 3210)
    assert (received["tcp_sent_bytes"], received["tcp_received_bytes"]) == (50 * 3210, 50 * 12345)
    assert sent["comm"].startswith(b"python")
    assert sent["uid"] == os.geteuid()
    assert not sent["missing"]


def test_a_connection_of_five_milliseconds_is_told_with_its_ends(socket_events: SocketEvents, sockets: Sockets) -> None:
    lives = CLIENT.replace("connection.sendall", "time.sleep(0.005); connection.sendall")
    with child(SERVER, "1", "77") as server:
        port = server.hear()
        with child(lives, port, "1", "5000") as client:
            client.hear()
            client.tell()
            client.hear()
            (one,) = closed_of(socket_events, client.pid, 1)
            server.hear()
    assert (one["sent_bytes"], one["received_bytes"]) == (5000, 77)
    assert one["remote_port"] == int(port)
    assert one["local_port"] > 0
    assert bytes(one["remote"])[:4] == bytes([127, 0, 0, 1])
    assert one["protocol"] == socket.IPPROTO_TCP
    assert one["start_ns"] < boottime_ns()
    assert one["cookie"]


def test_more_closes_than_are_told_are_counted_and_lose_no_byte(socket_events: SocketEvents, sockets: Sockets) -> None:
    with child(SERVER, "600", "1") as server:
        port = server.hear()
        with child(CLIENT, port, "600", "10") as client:
            client.hear()
            began_ns = boottime_ns()
            client.tell()
            client.hear()
            until(lambda: traffic_of(socket_events, client.pid)["closed_connections"] == 600, "all closes")
            until(lambda: traffic_of(socket_events, server.pid)["closed_connections"] == 600, "all closes")
            assert traffic_of(socket_events, client.pid)["tcp_sent_bytes"] == 6000
            assert traffic_of(socket_events, server.pid)["tcp_sent_bytes"] == 600
    took_s = (boottime_ns() - began_ns) / 10**9
    told: list[bytes] = []
    socket_events.drain(told.append)
    assert len(told) + socket_events.lost() >= 1200  # other processes' connections are told and counted too
    assert len(told) <= EVENTS_A_SECOND * (took_s + 1)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_datagrams_count_to_the_byte(socket_events: SocketEvents, sockets: Sockets, host: str) -> None:
    with child(DATAGRAMS, host) as talker:
        talker.hear()
        row = traffic_of(socket_events, talker.pid)
    assert (row["udp_sent"], row["udp_received"]) == (100, 100)
    assert row["udp_sent_bytes"] == row["udp_received_bytes"] == sum(range(1, 101))


def test_a_udp_socket_shows_its_own_bytes_and_owner(socket_events: SocketEvents, sockets: Sockets) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.bind(("127.0.0.1", 0))
        one.sendto(bytes(300), one.getsockname())
        one.recv(1000)
        one.sendto(bytes(20), one.getsockname())
        row = row_of(take_sockets(sockets), one)
    assert (row["sent_bytes"], row["received_bytes"], row["pid"]) == (320, 300, os.getpid())
    assert row["missing"] == CONSTANTS["ST_MISSING_RTT"]


def test_without_the_events_udp_bytes_are_missing_not_zero(sockets: Sockets) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.bind(("127.0.0.1", 0))
        row = row_of(take_sockets(sockets), one)
    assert row["missing"] & CONSTANTS["ST_MISSING_TRAFFIC"]


def test_a_connection_reset_before_anybody_used_it_counts_for_whoever_closes_it(
    socket_events: SocketEvents, sockets: Sockets
) -> None:
    with child(
        "import socket\nlistener = socket.create_server(('127.0.0.1', 0)); say(listener.getsockname()[1])\n"
        "connection, _ = listener.accept(); say(); wait(); connection.close(); say(); wait()"
    ) as server:
        client = socket.create_connection(("127.0.0.1", int(server.hear())))
        port = client.getsockname()[1]
        server.hear()
        client.sendall(bytes(321))
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("@ii", 1, 0))
        client.close()
        until(lambda: port not in take_sockets(sockets)["remote_port"], "the reset")
        assert traffic_of(socket_events, server.pid)["closed_connections"] == 0
        server.tell()
        server.hear()
        row = traffic_of(socket_events, server.pid)
    assert (row["closed_connections"], row["tcp_received_bytes"]) == (1, 321)


def test_an_attempt_that_was_refused_is_no_connection(socket_events: SocketEvents, sockets: Sockets) -> None:
    with socket.socket() as one, pytest.raises(ConnectionRefusedError):
        one.connect(("127.0.0.1", 9))
    assert traffic_of(socket_events, os.getpid())["closed_connections"] == 0


def test_what_is_open_and_what_was_closed_make_the_whole(socket_events: SocketEvents, sockets: Sockets) -> None:
    """A process's total neither jumps nor loses when a connection closes between two readings."""
    pid = os.getpid()

    def total() -> int:
        rows = take_sockets(sockets)
        tcp = rows[(rows["pid"] == pid) & (rows["protocol"] == socket.IPPROTO_TCP)]
        return int(tcp["sent_bytes"].sum() + traffic_of(socket_events, pid)["tcp_sent_bytes"])

    before = total()
    client, server = pair()
    client.sendall(bytes(5000))
    until(lambda: len(server.recv(9000, socket.MSG_PEEK)) == 5000, "the bytes")
    assert total() - before == 5000
    client.close()
    server.close()
    until(lambda: not len(socket_rows_of(sockets, pid)), "the closes")
    assert total() - before == 5000


def socket_rows_of(sockets: Sockets, pid: int) -> Rows:
    rows = take_sockets(sockets)
    found: Rows = rows[(rows["pid"] == pid) & (rows["protocol"] == socket.IPPROTO_TCP)]
    return found


def test_others_traffic_is_left_out(socket_events: SocketEvents, sockets: Sockets) -> None:
    with child("import os\nos.setuid(int(sys.argv[2]))\n" + DATAGRAMS, "127.0.0.1", str(NOBODY)) as theirs:
        theirs.hear()
        with child(DATAGRAMS, "127.0.0.1") as ours:
            ours.hear()
            for mode in (Mode.SEES_AS_PROC, Mode.SEES_OWN):
                own = Visibility(mode, NOBODY)
                assert traffic_of(socket_events, theirs.pid, own)["udp_sent"] == 100
                assert traffic_of(socket_events, ours.pid, own)["udp_sent"] == 0
                assert {TRAFFIC.unpack_from(traffic_seen_by(own, socket_events.read_traffic()), 0)[1]} == {NOBODY}


@pytest.mark.parametrize("uids", [(NOBODY, NOBODY, 0), (0, NOBODY, NOBODY)])
def test_the_traffic_of_one_who_can_become_another_is_for_who_sees_all(
    socket_events: SocketEvents, sockets: Sockets, uids: tuple[int, int, int]
) -> None:
    with child(f"os.setresuid{uids}\n" + DATAGRAMS, "127.0.0.1") as setuid:
        setuid.hear()
        row = traffic_of(socket_events, setuid.pid)
        assert (row["udp_sent"], row["uid"], row["uids_differ"]) == (100, NOBODY, 1)
        assert traffic_of(socket_events, setuid.pid, Visibility(Mode.SEES_AS_PROC, NOBODY))["udp_sent"] == 0


@pytest.mark.parametrize("user", [0, NOBODY])
def test_closed_connections_of_others_are_told_to_no_one_else(
    socket_events: SocketEvents, sockets: Sockets, user: int
) -> None:
    os.seteuid(user)  # the file system uid goes with it, and a socket is created with that
    try:
        ends = pair()
    finally:
        os.seteuid(0)
    ports = {end.getsockname()[1] for end in ends}
    for end in ends:
        end.close()
    told: list[bytes] = []

    def ours() -> list[bytes]:  # other processes' connections are told too
        rows = [np.frombuffer(record[HEAD_BYTES:], SOCKET)[0] for record in told]
        both = [{int(row["local_port"]), int(row["remote_port"])} == ports for row in rows]
        return [record for record, is_ours in zip(told, both, strict=True) if is_ours]

    until(lambda: socket_events.drain(told.append) or len(ours()) == 2, "both ends")
    for record in ours():
        assert Visibility(Mode.SEES_AS_PROC, user + 1).event(record) is None
        assert Visibility(Mode.SEES_OWN, user + 1).event(record) is None
        assert Visibility(Mode.SEES_OWN, user).event(record) == record
        assert Visibility(Mode.SEES_AS_PROC, user).event(record) == record
        assert EVERYTHING.event(record) == record


def test_rows_of_processes_that_are_gone_can_be_dropped(socket_events: SocketEvents, sockets: Sockets) -> None:
    with child(DATAGRAMS, "127.0.0.1") as brief:
        brief.hear()
        row = traffic_of(socket_events, brief.pid)
    assert socket_events.forget([(brief.pid, 1)]) == 0
    assert socket_events.forget([(brief.pid, int(row["start_ns"]))]) == 1
    assert traffic_of(socket_events, brief.pid)["udp_sent"] == 0


def test_threads_count_for_their_process(socket_events: SocketEvents, sockets: Sockets) -> None:
    def talk() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
            one.bind(("127.0.0.1", 0))
            one.sendto(bytes(50), one.getsockname())

    before = traffic_of(socket_events, os.getpid())["udp_sent_bytes"]
    threads = [threading.Thread(target=talk) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert traffic_of(socket_events, os.getpid())["udp_sent_bytes"] - before == 200


def test_a_full_map_puts_the_rest_into_the_overflow_row(socket_events: SocketEvents, sockets: Sockets) -> None:
    """Fills the map with processes that never were, through the map itself."""
    fd = socket_events._traffic._fd
    update = socket_events._door.calls.bpf_map_update_elem
    added = 0
    while not update(fd, KEY.pack(1, 1 << 30, added), bytes(TRAFFIC.size), ctypes.c_uint64(0)):
        added += 1
        assert added <= socket_events._traffic.entries + SLACK
    with child(DATAGRAMS, "127.0.0.1") as talker:
        talker.hear()
        assert traffic_of(socket_events, talker.pid)["udp_sent"] == 0
    rows = socket_events.read_traffic()
    last = TRAFFIC.unpack(rows[-TRAFFIC.size :])
    assert last[0] == 0
    assert last[9:13] == (5050, 5050, 100, 100)
    assert not traffic_seen_by(Visibility(Mode.SEES_OWN, 0), rows[-TRAFFIC.size :]), "nobody's, although its uid is 0"
