"""How connections end, and whose they are then: sent again, made anew, told a second later, outliving their row."""

from __future__ import annotations

import ctypes
import os
import socket
import struct
import subprocess
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from helper.probes.visibility import Mode, Visibility
from smoothtask_gui.sources.records import SOCKET
from tests.bpf.machine import NOBODY, boottime_ns, child, until
from tests.bpf.network import CONSTANTS, HEAD_BYTES, pair, row_of, take_sockets, traffic_of
from tests.bpf.test_socket_events import EVENTS_A_SECOND, closed_of

if TYPE_CHECKING:
    from helper.probes.socket_events import SocketEvents
    from helper.probes.sockets import Sockets

CLIENT_THAT_RESETS = """
import socket, struct
connection = socket.create_connection(("127.0.0.1", int(sys.argv[1]))); say(); wait()
connection.sendall(bytes(321))
connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("@ii", 1, 0))
connection.close()
say(); wait()
"""
CLOSING_STATES = {5, 9, 11}  # FIN-WAIT-2, LAST-ACK, CLOSING: include/net/tcp_states.h


def row_gone(sockets: Sockets, one: socket.socket) -> bool:
    return os.fstat(one.fileno()).st_ino not in take_sockets(sockets)["inode"]


def test_a_second_after_too_many_closes_they_are_told_again(socket_events: SocketEvents, sockets: Sockets) -> None:
    for _ in range(EVENTS_A_SECOND):
        for end in pair():
            end.close()
    told: list[bytes] = []

    def is_told() -> bool:
        client, server = pair()
        server.close()
        client.close()
        cookie_before = len(told)
        socket_events.drain(told.append)
        return len(told) > cookie_before

    socket_events.drain(told.append)
    until(lambda: socket_events.lost() or not is_told(), "a close too many to be told")
    until(is_told, "a close that is told")


def test_a_listener_that_is_closed_is_no_connection(socket_events: SocketEvents, sockets: Sockets) -> None:
    told: list[bytes] = []
    for _ in range(20):
        socket.create_server(("127.0.0.1", 0)).close()
    assert traffic_of(socket_events, os.getpid())["closed_connections"] == 0
    socket_events.drain(told.append)
    assert not [row for row in map(closed_row, told) if row["pid"] == os.getpid()]


def closed_row(record: bytes) -> np.void:
    row: np.void = np.frombuffer(record[HEAD_BYTES:], SOCKET)[0]
    return row


def retransmissions(one: socket.socket) -> int:
    """tcpi_total_retrans of struct tcp_info, include/uapi/linux/tcp.h: 8 bytes, then the 24th number."""
    return int(struct.unpack_from("@100xI", one.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104))[0])


def test_a_closed_connection_that_sent_bytes_again_counts_them_once_and_tells_how_often(
    socket_events: SocketEvents, sockets: Sockets
) -> None:
    client, server = pair()
    ends = client.getsockname()[1], server.getsockname()[1]
    with client, server:
        client.sendall(bytes(10))
        assert len(server.recv(10, socket.MSG_WAITALL)) == 10
        subprocess.run(["ip", "link", "set", "lo", "down"], check=True)
        client.sendall(bytes(500))
        until(lambda: retransmissions(client) >= 1, "a retransmission")
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        assert len(server.recv(500, socket.MSG_WAITALL)) == 500
        for end in (server, client):
            end.shutdown(socket.SHUT_WR)
        until(lambda: traffic_of(socket_events, os.getpid())["closed_connections"] == 2, "both ends' close")
        again = retransmissions(client), retransmissions(server)
    row = traffic_of(socket_events, os.getpid())
    assert (row["tcp_sent_bytes"], row["tcp_received_bytes"]) == (510, 510)
    assert row["tcp_retransmits"] == sum(again) >= 1
    closed = {int(one["local_port"]): one for one in closed_of(socket_events, os.getpid(), 2)}
    assert [int(closed[port]["retransmits"]) for port in ends] == list(again)
    assert [int(closed[port]["sent_bytes"]) for port in ends] == [510, 0]
    namespace = Path("/proc/thread-self/ns/net").stat().st_ino
    for one in closed.values():
        assert (one["net_namespace"], one["uid"], one["state"] in CLOSING_STATES) == (namespace, os.geteuid(), True)


def test_a_socket_that_connects_a_second_time_is_as_old_as_its_second_connection(
    socket_events: SocketEvents, sockets: Sockets
) -> None:
    socket_events.close()
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.socket() as one:
        one.connect(listener.getsockname())
        socket_events.open()
        assert row_of(take_sockets(sockets), one)["missing"] & CONSTANTS["ST_MISSING_START"]
        listener.accept()[0].close()
        disconnect(one)
        before_ns = boottime_ns()
        one.connect(listener.getsockname())
        row = row_of(take_sockets(sockets), one)
        assert before_ns < row["start_ns"] < boottime_ns()
        assert not row["missing"] & CONSTANTS["ST_MISSING_START"]
        listener.accept()[0].close()


def disconnect(one: socket.socket) -> None:
    """To AF_UNSPEC, connect(2): the socket is as new."""
    assert ctypes.CDLL(None).connect(one.fileno(), bytes(16), 16) == 0


def test_a_connection_reset_before_anybody_used_it_counts_although_its_socket_connects_anew(
    socket_events: SocketEvents, sockets: Sockets
) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        child(CLIENT_THAT_RESETS, str(listener.getsockname()[1])) as client,
    ):
        client.hear()
        one, _ = listener.accept()
        with one:
            client.tell()
            client.hear()
            until(lambda: row_gone(sockets, one), "the reset")
            disconnect(one)
            one.connect(listener.getsockname())
            row = traffic_of(socket_events, os.getpid())
            assert (row["closed_connections"], row["tcp_received_bytes"]) == (1, 321)
            with listener.accept()[0] as other:
                for end, opposite in ((other, one), (one, other)):
                    end.shutdown(socket.SHUT_WR)
                    assert opposite.recv(1) == b""
                until(lambda: traffic_of(socket_events, os.getpid())["closed_connections"] == 3, "both ends' close")
    row = traffic_of(socket_events, os.getpid())
    assert (row["closed_connections"], row["tcp_received_bytes"]) == (3, 321)


def test_a_connection_that_outlives_its_processs_row_is_still_its_users(
    socket_events: SocketEvents, sockets: Sockets
) -> None:
    script = (
        "import socket\nos.setuid(int(sys.argv[2])); one = socket.create_connection(('127.0.0.1', int(sys.argv[1])))\n"
    )
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        child(
            script + "say(); wait(); one.close(); say(); wait()", str(listener.getsockname()[1]), str(NOBODY)
        ) as theirs,
    ):
        theirs.hear()
        row = traffic_of(socket_events, theirs.pid)
        assert socket_events.forget([(theirs.pid, int(row["start_ns"]))]) == 1
        listener.accept()[0].close()
        theirs.tell()
        theirs.hear()
        own = Visibility(Mode.SEES_OWN, NOBODY)
        until(lambda: traffic_of(socket_events, theirs.pid, own)["closed_connections"] == 1, "the close, for its user")


def test_a_connection_made_by_a_thread_is_its_processs(socket_events: SocketEvents, sockets: Sockets) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        made: list[socket.socket] = []
        thread = threading.Thread(target=lambda: made.append(socket.create_connection(listener.getsockname())))
        thread.start()
        thread.join()
        with made[0] as one, listener.accept()[0]:
            rows = take_sockets(sockets)
            assert row_of(rows, one)["pid"] == os.getpid()
            assert row_of(rows, one)["pid_start_ns"] == row_of(rows, listener)["pid_start_ns"]
