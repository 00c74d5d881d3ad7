"""Who holds which socket, against ss(8) and against who was made to hold it."""

from __future__ import annotations

import array
import os
import re
import socket
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from helper.sampler.network import Network
from helper.sampler.probe_set import Slot, State, kinds_of
from smoothtask_gui.sources.records import SOCKET
from tests.bpf.machine import EVERYTHING, LAYOUTS, child, clock_ticks, until
from tests.bpf.network import (
    CONSTANTS,
    pair,
    private_network,
    row_of,
    shown_by_ss,
    shown_by_us,
    ss_lines,
    take_owners,
    take_sockets,
)
from tests.contract.layout import ROOT

if TYPE_CHECKING:
    from helper.probes import TaskSnapshot
    from helper.probes.probe import Probe
    from helper.probes.socket_events import SocketEvents
    from helper.probes.socket_owners import SocketOwners
    from helper.probes.sockets import Sockets

INSIDE_A_PID_NAMESPACE = """
import os, socket, struct, subprocess, sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from helper.loaders.libbpf import Libbpf
from helper.probes.socket_events import SocketEvents
from helper.probes.socket_memory import SocketMemory
from helper.probes.socket_owners import SocketOwners
from helper.probes.sockets import Sockets
from helper.probes.visibility import Mode, Visibility
subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
old = socket.create_server(("127.0.0.1", 0))
door, memory, everything = Libbpf(Path(sys.argv[2])), SocketMemory(), Visibility(Mode.SEES_ALL, 0)
events, sockets, owners = SocketEvents(door, memory), Sockets(door, memory), SocketOwners(door, memory)
for probe in (events, sockets, owners): probe.open()
new = socket.create_server(("127.0.0.1", 0))
owners.find_owners()
buffer = memoryview(bytearray(1 << 16))
filled = sockets.read_into(buffer, everything).byte_count
pids = [struct.unpack_from("@I", buffer, at + int(sys.argv[3]))[0] for at in range(0, filled, 128)]
traffic = struct.unpack_from("@I", events.read_traffic(), 0)[0]
print(os.getpid(), *pids, traffic)
"""
WORKER = """
import socket
listener = socket.create_server(("127.0.0.1", 0)); say(listener.getsockname()[1])
if not os.fork():
    connection, _ = listener.accept()
    connection.recv(100)
    say(os.getpid()); wait(); os._exit(0)
os.wait()
"""
HEIR = """
import socket
connection = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
first = os.getpid()
if not os.fork():
    say(f"{first} {os.getpid()}"); wait(); wait(); os._exit(0)
os._exit(0)
"""


def is_missing_owner(row: object) -> bool:
    return bool(row["missing"] & CONSTANTS["ST_MISSING_OWNER"])  # type: ignore[index]


def test_every_holder_is_named_as_ss_names_them(sockets: Sockets, socket_owners: SocketOwners) -> None:
    with ExitStack() as kept, child("import socket\nsay(); wait()"):
        for _ in range(20):
            for end in pair():
                kept.enter_context(end)
                end.set_inheritable(True)
        heir = kept.enter_context(subprocess.Popen(["cat"], stdin=subprocess.PIPE, close_fds=False))
        found = {(int(row["inode"]), int(row["pid"]), int(row["fd"])) for row in take_owners(socket_owners)}
        expected = set()
        for line in ss_lines():
            inode = re.search(r" ino:(\d+)", line)
            for pid, fd in re.findall(r"pid=(\d+),fd=(\d+)", line):
                assert inode
                expected.add((int(inode[1]), int(pid), int(fd)))
        ours = {inode for inode, _, _ in expected}
        assert {each for each in found if each[0] in ours} == expected
        assert len({pid for _, pid, _ in expected}) == 2
        assert sum(pid == heir.pid for _, pid, _ in expected) == 40


def test_owners_of_older_sockets_are_found_by_a_pass(sockets: Sockets, socket_owners: SocketOwners) -> None:
    client, server = pair()
    with client, server:
        assert is_missing_owner(row_of(take_sockets(sockets), client))
        assert sockets.unowned == 2
        assert socket_owners.find_owners() > 0
        row = row_of(take_sockets(sockets), client)
        assert row["pid"] == os.getpid()
        ticks = int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19])
        assert row["pid_start_ns"] // (10**9 // clock_ticks()) == ticks
        assert not is_missing_owner(row)
        assert sockets.unowned == 0


def test_a_new_connection_needs_no_pass(socket_events: SocketEvents, sockets: Sockets) -> None:
    client, server = pair()
    with client, server:
        client.sendall(b"hello")
        server.recv(10)
        for end in (client, server):
            assert row_of(take_sockets(sockets), end)["pid"] == os.getpid()
        assert sockets.unowned == 0


def test_a_connection_belongs_to_the_worker_that_reads_it(
    socket_events: SocketEvents, sockets: Sockets, socket_owners: SocketOwners
) -> None:
    with child(WORKER) as master:
        with socket.create_connection(("127.0.0.1", int(master.hear()))) as client:
            client.sendall(b"work")
            worker = int(master.hear())
            rows = take_sockets(sockets)
            socket_owners.find_owners()
            assert rows["pid"][rows["remote_port"] == client.getsockname()[1]].tolist() == [worker]
            assert take_sockets(sockets)["pid"].tolist() == rows["pid"].tolist()
            assert rows["pid"][rows["state"] == 10].tolist() == [master.pid]
        master.tell()


def test_an_owner_that_is_gone_is_followed_by_whoever_still_holds_the_socket(
    socket_events: SocketEvents, sockets: Sockets, socket_owners: SocketOwners
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with child(HEIR, str(port)) as made:
            first, heir = map(int, made.hear().split())

            def owner() -> int:
                rows = take_sockets(sockets)
                return int(rows["pid"][rows["remote_port"] == port][0])

            assert owner() == first
            until(lambda: made.stat()[0] == "Z", "the end of the first one, which leaves the socket to its heir")
            for _ in range(3):
                socket_owners.find_owners()
            assert owner() == heir
            made.tell()


def test_an_owner_that_still_holds_the_socket_stays_it(
    socket_events: SocketEvents, sockets: Sockets, socket_owners: SocketOwners
) -> None:
    client, server = pair()
    with client, server:
        client.set_inheritable(True)
        with subprocess.Popen(["cat"], stdin=subprocess.PIPE, close_fds=False):
            for _ in range(4):
                socket_owners.find_owners()
                assert row_of(take_sockets(sockets), client)["pid"] == os.getpid()


GIVE = """
import socket, sys
one = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
socket.send_fds(socket.socket(fileno=int(sys.argv[2])), [b"x"], [one.fileno()])
sys.stdin.readline()
"""


def test_an_owner_that_still_holds_the_socket_stays_it_although_an_older_process_holds_it_too(
    socket_events: SocketEvents, sockets: Sockets, socket_owners: SocketOwners
) -> None:
    """A pass visits processes by their numbers: the older one, this test, comes first."""
    socket_owners.find_owners()
    with socket.create_server(("127.0.0.1", 0)) as listener, ExitStack() as kept:
        near, far = (kept.enter_context(end) for end in socket.socketpair())
        port = listener.getsockname()[1]
        command = [sys.executable, "-I", "-c", GIVE, str(port), str(far.fileno())]
        with subprocess.Popen(command, pass_fds=[far.fileno()], stdin=subprocess.PIPE) as giver:
            kept.callback(os.close, socket.recv_fds(near, 1, 1)[1][0])
            for _ in range(4):
                socket_owners.find_owners()
                rows = take_sockets(sockets)
                assert rows["pid"][rows["remote_port"] == port].tolist() == [giver.pid]


def test_a_socket_that_nobody_holds_is_asked_for_less_and_less(sockets: Sockets, socket_owners: SocketOwners) -> None:
    """In flight between two processes: its file is in no table of descriptors."""
    one, other = socket.socketpair()
    client, server = pair()
    with one, other, server:
        socket.send_fds(one, [b"x"], [client.fileno()])
        client.close()
        asked = []
        for _ in range(64):
            take_sockets(sockets)
            asked.append(sockets.unowned)
            socket_owners.find_owners()
        assert asked[0] == 2
        assert sum(asked[1:]) == 6
        _, ancillary, _, _ = other.recvmsg(1, socket.CMSG_LEN(4))
        os.close(array.array("i", ancillary[0][2])[0])


def test_sockets_of_other_network_namespaces_are_named(sockets: Sockets, socket_owners: SocketOwners) -> None:
    with private_network(), socket.create_server(("127.0.0.1", 0)) as elsewhere:
        namespace = Path("/proc/thread-self/ns/net").stat().st_ino
        inode = os.fstat(elsewhere.fileno()).st_ino
        rows = take_owners(socket_owners)
    (row,) = rows[rows["inode"] == inode]
    assert (row["net_namespace"], row["pid"]) == (namespace, os.getpid())
    assert inode not in take_sockets(sockets)["inode"]


def test_sockets_of_other_network_namespaces_can_be_read_at_a_slower_pace(
    socket_events: SocketEvents, sockets: Sockets, socket_owners: SocketOwners
) -> None:
    buffer = memoryview(bytearray(1 << 20))
    with ExitStack() as kept:
        here, _ = (kept.enter_context(end) for end in pair())
        with private_network():
            client, server = (kept.enter_context(end) for end in pair())
            heir = kept.enter_context(socket.socket(fileno=os.dup(client.fileno())))
            datagrams = kept.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            datagrams.bind(("127.0.0.1", 0))
            datagrams.sendto(bytes(40), datagrams.getsockname())
            client.sendall(bytes(500))
            until(lambda: len(server.recv(900, socket.MSG_PEEK)) == 500, "the bytes")
            expected = sorted(map(shown_by_ss, ss_lines()))
            namespace = Path("/proc/thread-self/ns/net").stat().st_ino
        reading = socket_owners.read_elsewhere_into(buffer, EVERYTHING)
        rows = np.frombuffer(bytes(buffer[: reading.byte_count]), SOCKET)
        rows = rows[rows["net_namespace"] == namespace]
        assert sorted(map(shown_by_us, rows)) == expected
        assert row_of(rows, client)["sent_bytes"] == row_of(rows, server)["received_bytes"] == 500
        assert row_of(rows, datagrams)["sent_bytes"] == 40
        assert set(rows["pid"].tolist()) == {os.getpid()}
        assert row_of(rows, heir)["cookie"] == row_of(rows, client)["cookie"]
        everything = np.frombuffer(bytes(buffer[: reading.byte_count]), SOCKET)
        assert os.fstat(here.fileno()).st_ino not in everything["inode"]


def test_more_sockets_of_another_network_namespace_than_one_read_holds_are_there_once_each(
    sockets: Sockets, socket_owners: SocketOwners
) -> None:
    buffer = memoryview(bytearray(1 << 20))
    with ExitStack() as kept:
        with private_network():
            for _ in range(600):  # a read of an iterator holds 32 KiB (bpf_seq_read()): 256 rows
                one = kept.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
                one.bind(("127.0.0.1", 0))
            expected = sorted(map(shown_by_ss, ss_lines()))
            namespace = Path("/proc/thread-self/ns/net").stat().st_ino
        for _ in range(2):
            reading = socket_owners.read_elsewhere_into(buffer, EVERYTHING)
            rows = np.frombuffer(bytes(buffer[: reading.byte_count]), SOCKET)
            assert sorted(map(shown_by_us, rows[rows["net_namespace"] == namespace])) == expected
    assert len(expected) == 600


def test_without_the_events_bytes_of_datagram_sockets_elsewhere_are_missing_and_a_full_buffer_has_whole_rows(
    sockets: Sockets, socket_owners: SocketOwners
) -> None:
    with ExitStack() as kept:
        with private_network():
            for _ in range(10):
                one = kept.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
                one.bind(("127.0.0.1", 0))
            namespace = Path("/proc/thread-self/ns/net").stat().st_ino
        buffer = memoryview(bytearray(1 << 20))
        rows = np.frombuffer(bytes(buffer[: socket_owners.read_elsewhere_into(buffer, EVERYTHING).byte_count]), SOCKET)
        rows = rows[rows["net_namespace"] == namespace]
        assert len(rows) == 10
        assert (rows["missing"] & CONSTANTS["ST_MISSING_TRAFFIC"]).all()
        reading = socket_owners.read_elsewhere_into(memoryview(bytearray(2 * SOCKET.itemsize + 64)), EVERYTHING)
        assert (reading.byte_count, reading.truncated) == (2 * SOCKET.itemsize, True)


def test_the_tick_has_the_sockets_of_containers_too_with_their_namespace_and_flagged(
    snapshot: TaskSnapshot, socket_events: SocketEvents, sockets: Sockets, socket_owners: SocketOwners
) -> None:
    def running(probe: Probe) -> Slot:
        return Slot(probe, kinds_of(probe.name), State.RUNNING)

    tasks = (running(snapshot), snapshot)
    part = Network((running(sockets), sockets), (running(socket_owners), socket_owners), None, tasks)
    with ExitStack() as kept:
        here, _ = (kept.enter_context(end) for end in pair())
        with private_network():
            there, _ = (kept.enter_context(end) for end in pair())
            namespace = Path("/proc/thread-self/ns/net").stat().st_ino
        part.sections(EVERYTHING, 1)  # finds who holds what; the next tick has the owners in the rows
        section = part.sections(EVERYTHING, 2)[0]
        rows = np.frombuffer(bytes(section.rows), SOCKET)
        assert row_of(rows, here)["missing"] & CONSTANTS["ST_MISSING_RATE"] == 0
        found = row_of(rows, there)
        assert found["missing"] & CONSTANTS["ST_MISSING_RATE"]
        assert (found["net_namespace"], found["pid"]) == (namespace, os.getpid())


@pytest.mark.parametrize("rows", [0, 3])
def test_a_pass_is_whole_even_where_its_rows_do_not_fit(
    sockets: Sockets, socket_owners: SocketOwners, rows: int
) -> None:
    with ExitStack() as kept:
        ends = [kept.enter_context(end) for _ in range(30) for end in pair()]
        reading = socket_owners.read_into(memoryview(bytearray(32 * rows)), EVERYTHING)
        assert (reading.byte_count, reading.truncated) == (32 * rows, True)
        table = take_sockets(sockets)
        assert {int(row_of(table, end)["pid"]) for end in ends} == {os.getpid()}


def test_pids_are_those_of_the_helpers_own_namespace(objects: Path) -> None:
    at = str(LAYOUTS["st_socket"].members["pid"].offset)
    command = ["unshare", "--pid", "--fork", "--mount-proc", "--net", sys.executable, "-I", "-c"]
    result = subprocess.run(
        [*command, INSIDE_A_PID_NAMESPACE, ROOT, objects, at], check=True, capture_output=True, text=True
    )
    pid, old, new, traffic = map(int, result.stdout.split())
    assert pid < 100
    assert {old, new, traffic} == {pid}
