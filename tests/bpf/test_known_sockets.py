"""The sockets that are remembered, against the kernel's own tables."""

from __future__ import annotations

import ctypes
import os
import resource
import socket
from contextlib import ExitStack
from typing import TYPE_CHECKING

import numpy as np
import pytest

from helper.probes.known_sockets import KnownSockets
from helper.probes.sockets import MOST_KNOWN, Sockets
from helper.probes.visibility import Mode, Visibility
from smoothtask_gui.sources.records import SOCKET
from tests.bpf.machine import EVERYTHING, NOBODY, until
from tests.bpf.network import CONSTANTS, Rows, pair, private_network, row_of, take_sockets

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from helper.loaders.libbpf import Libbpf
    from helper.probes.socket_events import SocketEvents
    from helper.probes.socket_memory import SocketMemory

FROZEN_NS = 5 * 10**9
TIME_WAIT = 6


@pytest.fixture
def kept() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def take_known(sockets: Sockets, visibility: Visibility = EVERYTHING) -> Rows:
    rows = sockets.read_known(visibility)
    assert rows is not None, "this kernel can't walk remembered sockets"
    return np.sort(np.frombuffer(bytes(rows), SOCKET), order="cookie")


def without_remains(rows: Rows) -> Rows:
    return np.sort(rows[rows["missing"] & CONSTANTS["ST_MISSING_UID"] == 0], order="cookie")


def some_of_each_kind(kept: ExitStack) -> None:
    """Connections of both families, idle, unread, half closed, not accepted; listeners; datagrams; TIME-WAIT."""
    listener = kept.enter_context(socket.create_server(("0.0.0.0", 0), backlog=7))
    for _ in range(40):
        for host, family in [("127.0.0.1", socket.AF_INET), ("::1", socket.AF_INET6)]:
            for end in pair(host, family):
                kept.enter_context(end)
    unread, _ = (kept.enter_context(end) for end in pair())
    unread.sendall(bytes(1234))
    half_closed, other = (kept.enter_context(end) for end in pair())
    half_closed.shutdown(socket.SHUT_WR)
    assert other.recv(1) == b""
    for end in shut_down():
        kept.enter_context(end)
    kept.enter_context(socket.create_connection(("127.0.0.1", listener.getsockname()[1])))
    datagrams = kept.enter_context(socket.socket(socket.AF_INET6, socket.SOCK_DGRAM))
    datagrams.bind(("::1", 0))
    sender = kept.enter_context(socket.socket(socket.AF_INET6, socket.SOCK_DGRAM))
    sender.connect(datagrams.getsockname())
    assert [sender.send(bytes(size)) for size in (100, 2000)] == [100, 2000]
    for end in pair():
        end.close()


def shut_down() -> tuple[socket.socket, socket.socket]:
    """Of a connection that is over, and held by descriptors all the same: no table has it."""
    ends = pair()
    for end in ends:
        end.shutdown(socket.SHUT_WR)
    assert [end.recv(1) for end in ends] == [b"", b""]
    return ends


@pytest.mark.parametrize("seen_before", [True, False])
def test_the_remembered_sockets_have_the_very_rows_of_the_kernels_tables(
    sockets: Sockets, socket_events: SocketEvents, kept: ExitStack, *, seen_before: bool
) -> None:
    some_of_each_kind(kept)
    if seen_before:
        take_sockets(sockets)

    def is_the_same() -> bool:
        known, tables = take_known(sockets), without_remains(take_sockets(sockets))
        return len(tables) > 160 and known.tobytes() == tables.tobytes()

    until(is_the_same, "both readings alike")  # acknowledgements still come in


def test_sockets_that_are_older_than_the_probes_are_remembered_after_one_walk(
    sockets: Sockets, socket_events: SocketEvents, kept: ExitStack
) -> None:
    socket_events.close()
    client, server = (kept.enter_context(end) for end in pair())
    socket_events.open()
    assert not len(take_known(sockets))
    take_sockets(sockets)
    for end in (client, server):
        assert row_of(take_known(sockets), end)["missing"] & CONSTANTS["ST_MISSING_START"]


def test_other_users_sockets_and_other_network_namespaces_stay_out(
    sockets: Sockets, socket_events: SocketEvents, kept: ExitStack
) -> None:
    for end in pair():
        kept.enter_context(end)
    here = len(take_known(sockets))
    assert here >= 2
    with private_network():
        for end in pair():
            kept.enter_context(end)
        assert len(take_known(sockets)) == here
    assert not len(take_known(sockets, Visibility(Mode.SEES_OWN, NOBODY)))


def test_a_frame_has_new_connections_and_no_closed_ones_without_a_walk(
    sockets: Sockets, socket_events: SocketEvents, socket_memory: SocketMemory, kept: ExitStack
) -> None:
    reader = KnownSockets(sockets, socket_memory, lambda: FROZEN_NS)
    buffer = memoryview(bytearray(1 << 21))

    def take() -> Rows:
        rows = reader.read_known(EVERYTHING)
        return np.frombuffer(bytes(rows if rows is not None else walk()), SOCKET)

    def walk() -> memoryview:
        return buffer[: reader.read_into(buffer, EVERYTHING).byte_count]

    walk()
    client, server = pair()
    with client, server:
        client.sendall(bytes(5000))
        assert len(server.recv(5000, socket.MSG_WAITALL)) == 5000  # what is unread makes the end a reset
        assert row_of(take(), server)["received_bytes"] == 5000
        ends = {int(row_of(take(), end)["cookie"]) for end in (client, server)}
        assert socket_memory.closings is not None
        closed_before = socket_memory.closings()
    until(lambda: not ends & set(take()["cookie"].tolist()), "both ends closed")
    assert socket_memory.closings() >= closed_before + 2
    assert TIME_WAIT not in take()["state"]
    assert TIME_WAIT in take_sockets(sockets)["state"]


def bound(address: str = "127.0.0.1") -> socket.socket:
    one = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
    one.bind((address, 0))
    return one


def inode_of(one: socket.socket) -> int:
    return os.fstat(one.fileno()).st_ino


def found(sockets: Sockets) -> set[int]:
    return set(take_known(sockets)["inode"].tolist())


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_a_datagram_socket_that_replaces_another_is_found_although_there_are_as_many_as_before(
    sockets: Sockets, socket_events: SocketEvents, address: str
) -> None:
    with bound(address) as old:
        take_sockets(sockets)
        assert inode_of(old) in found(sockets)
    for _ in range(20):
        with bound(address) as new:
            assert found(sockets) == {inode_of(new)}, "it never sent anything, so nobody has remembered it"


def test_a_datagram_socket_is_shown_as_long_as_it_has_a_port(sockets: Sockets, socket_events: SocketEvents) -> None:
    with bound() as server, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.connect(server.getsockname())
        take_sockets(sockets)
        assert found(sockets) == {inode_of(server), inode_of(client)}
        assert ctypes.CDLL(None).connect(client.fileno(), bytes(16), 16) == 0  # AF_UNSPEC takes the port away
        assert found(sockets) == {inode_of(server)}
        client.connect(server.getsockname())
        assert found(sockets) == {inode_of(server), inode_of(client)}


def test_other_users_datagram_sockets_count_and_stay_out(sockets: Sockets, socket_events: SocketEvents) -> None:
    with bound():
        take_sockets(sockets)
        assert len(take_known(sockets)) == 1
        assert not len(take_known(sockets, Visibility(Mode.SEES_OWN, NOBODY)))


@pytest.mark.parametrize(("counted", "is_walked"), [("1", False), ("2", True), ("none", True)])
def test_the_table_of_datagram_sockets_is_walked_if_the_kernel_counts_others_than_the_remembered_ones(
    network: None, door: Libbpf, socket_memory: SocketMemory, tmp_path: Path, counted: str, *, is_walked: bool
) -> None:
    (tmp_path / "sockstat").write_text(f"sockets: used 9\nUDP: inuse {counted} mem 0\n", encoding="ascii")
    sockets = Sockets(door, socket_memory, tmp_path)
    sockets.open()
    try:
        with bound() as old:
            take_sockets(sockets)
            with bound() as new:
                assert found(sockets) == ({inode_of(old), inode_of(new)} if is_walked else {inode_of(old)})
    finally:
        sockets.close()


def test_others_datagram_sockets_are_no_reason_to_walk_their_table(
    network: None, door: Libbpf, socket_memory: SocketMemory, tmp_path: Path
) -> None:
    (tmp_path / "sockstat").write_text("sockets: used 9\nUDP: inuse 2 mem 0\n", encoding="ascii")
    sockets = Sockets(door, socket_memory, tmp_path)
    sockets.open()
    with ExitStack() as kept:
        kept.callback(sockets.close)
        kept.enter_context(bound())
        os.seteuid(NOBODY)  # the file system uid goes with it, and a socket is created with that
        try:
            old = kept.enter_context(bound())
            take_sockets(sockets)
            kept.enter_context(bound())  # only the table has this one, and the kernel counts it only in its own file
        finally:
            os.seteuid(0)
        shown = take_known(sockets, Visibility(Mode.SEES_OWN, NOBODY))
        assert shown["inode"].tolist() == [inode_of(old)]


def test_as_many_sockets_as_the_map_holds_are_all_shown_and_one_more_is_for_the_tables(
    sockets: Sockets, socket_events: SocketEvents, kept: ExitStack
) -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(MOST_KNOWN + 500, before[0]), before[1]))
    kept.callback(resource.setrlimit, resource.RLIMIT_NOFILE, before)
    for _ in range(50):
        kept.enter_context(socket.create_server(("127.0.0.1", 0)))
    for _ in range(MOST_KNOWN - 50):
        kept.enter_context(bound())
    tables = without_remains(take_sockets(sockets))
    assert len(tables) == MOST_KNOWN
    assert take_known(sockets).tobytes() == tables.tobytes()
    kept.enter_context(socket.create_server(("127.0.0.1", 0)))
    assert sockets.read_known(EVERYTHING) is None
    assert len(take_sockets(sockets)) == MOST_KNOWN + 1


def test_rows_that_are_still_shown_outlive_the_probe(door: Libbpf, network: None, socket_memory: SocketMemory) -> None:
    sockets = Sockets(door, socket_memory)
    sockets.open()
    with bound() as one:
        take_sockets(sockets)
        rows = sockets.read_known(EVERYTHING)
        assert rows is not None
        sockets.close()
        assert np.frombuffer(bytes(rows), SOCKET)["inode"].tolist() == [inode_of(one)]


@pytest.mark.parametrize("count", [1, MOST_KNOWN - 1, MOST_KNOWN])
def test_remains_come_after_the_remembered_rows_whether_the_map_has_room_for_them_or_not(
    sockets: Sockets, socket_events: SocketEvents, count: int
) -> None:
    remains = bytes(range(128)) * count
    with bound() as one:
        take_sockets(sockets)
        rows = sockets.read_known(EVERYTHING, remains)
        assert rows is not None
        assert bytes(rows[SOCKET.itemsize :]) == remains
        assert np.frombuffer(bytes(rows[: SOCKET.itemsize]), SOCKET)["inode"].tolist() == [inode_of(one)]
