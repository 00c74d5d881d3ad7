"""Unix sockets and who holds them, against ss(8), /proc/net/unix and the descriptors of the processes."""

from __future__ import annotations

import array
import ctypes
import os
import re
import socket
import struct
import subprocess
import threading
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from helper.probes.unix_sockets import UnixSockets
from helper.probes.unix_table import HOLDER_BYTES, SOCKET_BYTES
from helper.probes.visibility import Mode, Visibility
from smoothtask_gui.domain.activity import UNIX_READING, Activity
from smoothtask_gui.domain.unix_sockets import unix_holdings
from tests.bpf.machine import NOBODY, child
from tests.bpf.network import private_network
from tests.bpf.unix import (
    LISTEN,
    holders_of,
    inode_of,
    listener,
    many_kinds,
    name_of,
    row_of,
    shown_by_ss,
    shown_by_us,
    ss_lines,
    take,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from helper.loaders.libbpf import Libbpf

CONNECTED = 1
FULL_PATH_BYTES = 107  # with a NUL behind it; bind(2) takes one more without: unix(7)
HOLD_A_PAIR = """
import socket
pair = socket.socketpair()
say(" ".join(str(os.fstat(one.fileno()).st_ino) for one in pair))
wait()
"""
TAKE_ONE = """
import socket
with socket.socket(socket.AF_UNIX) as one:
    one.connect(sys.argv[1])
    fds = socket.recv_fds(one, 1, 1)[1]
say(os.fstat(fds[0]).st_ino)
wait()
"""


@pytest.fixture
def kept() -> Iterator[ExitStack]:
    """Whatever is pushed here is closed after the test."""
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def probe(network: None, door: Libbpf) -> Iterator[UnixSockets]:
    made = UnixSockets(door)
    made.open()
    yield made
    made.close()


def test_the_table_is_that_of_ss(probe: UnixSockets, kept: ExitStack, tmp_path: Path) -> None:
    many_kinds(kept, tmp_path)
    expected = shown_by_ss(ss_lines())
    found, _ = take(probe)
    assert shown_by_us(found) == expected
    assert len(found) > 400
    kinds = {(one.type, one.state) for one in expected}
    assert kinds == {(1, 1), (2, 1), (5, 1), (1, 7), (2, 7), (5, 7), (1, 10), (5, 10)}


def test_the_holders_are_those_whose_descriptors_proc_shows(
    probe: UnixSockets, kept: ExitStack, tmp_path: Path
) -> None:
    many_kinds(kept, tmp_path)
    with child(HOLD_A_PAIR) as other:
        inodes = {int(word) for word in other.hear().split()}
        sockets, holders = take(probe)
        for pid in (os.getpid(), other.pid):
            mine = {(int(row["fd"]), int(row["inode"])) for row in holders if row["pid"] == pid}
            assert mine == descriptors(pid)
        assert inodes <= set(sockets["inode"].tolist())
        (start,) = {int(row["pid_start_ns"]) for row in holders if row["pid"] == other.pid}
        assert start // 10**7 == int(other.stat()[19])
        (comm,) = {bytes(row["comm"]).rstrip(b"\0") for row in holders if row["pid"] == other.pid}
        assert comm == other.proc("comm").strip().encode()
        counts = unix_holdings(Activity(np.zeros(0, UNIX_READING), unix_sockets=sockets, unix_holders=holders))
        assert counts is not None
        by_pid = {one.pid: one.sockets for one in counts}
        assert by_pid[other.pid] == 2
        assert by_pid[os.getpid()] == len({inode for _, inode in descriptors(os.getpid())})


def descriptors(pid: int) -> set[tuple[int, int]]:
    """(descriptor, inode) of the unix sockets of a process: of its sockets those that the kernel calls so."""
    found = set()
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        try:
            target = entry.readlink().name
        except FileNotFoundError:  # the folder's own descriptor
            continue
        number = re.fullmatch(r"socket:\[(\d+)\]", target)
        if number and is_unix(pid, int(entry.name)):
            found.add((int(entry.name), int(number[1])))
    return found


def is_unix(pid: int, fd: int) -> bool:
    """fdinfo of a unix socket, and of no other, has how many descriptors are on their way in it (since 5.11)."""
    return "scm_fds:" in Path(f"/proc/{pid}/fdinfo/{fd}").read_text(encoding="ascii")


@pytest.mark.parametrize(
    "name",
    [b"\0plain", b"\0", b"\0a\0b\0", b"\0\xff\xfe\n\x1b[2J ", b"\0" + b"x" * 107, b"\0" + bytes(107)],
    ids=["plain", "empty", "with NUL", "not UTF-8", "longest", "only NUL"],
)
def test_an_abstract_name_comes_byte_for_byte(probe: UnixSockets, kept: ExitStack, name: bytes) -> None:
    server = listener(kept, name)
    row = row_of(take(probe)[0], server)
    assert name_of(row) == name
    assert (row["state"], row["is_peers_name"]) == (LISTEN, 0)


def bind_to(one: socket.socket, path: bytes) -> None:
    """Also to a path that fills sun_path up, without room for a NUL: Python's own bind() refuses that."""
    address = struct.pack("@H108s", socket.AF_UNIX, path)[: 2 + len(path)]
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.bind(one.fileno(), address, len(address)) == 0, os.strerror(ctypes.get_errno())


@pytest.mark.parametrize("length", [FULL_PATH_BYTES, FULL_PATH_BYTES + 1])
def test_a_path_comes_as_long_as_it_was_bound(probe: UnixSockets, kept: ExitStack, tmp_path: Path, length: int) -> None:
    kept.callback(os.chdir, Path.cwd())
    os.chdir(tmp_path)
    name = b"\xff\xe4 " + b"p" * (length - 3)
    one = kept.enter_context(socket.socket(socket.AF_UNIX))
    bind_to(one, name)
    assert name_of(row_of(take(probe)[0], one)) == name
    (shown,) = [line for line in Path("/proc/net/unix").read_bytes().splitlines() if name[3:] in line]
    assert shown.endswith(b" " + name)


def test_a_client_has_the_name_of_its_server_which_has_its_own(probe: UnixSockets, kept: ExitStack) -> None:
    server = listener(kept, "\0bus")
    client = kept.enter_context(socket.socket(socket.AF_UNIX))
    client.connect("\0bus")
    accepted = kept.enter_context(server.accept()[0])
    rows, _ = take(probe)
    near, far = row_of(rows, client), row_of(rows, accepted)
    assert (name_of(near), near["is_peers_name"], near["peer_inode"]) == (b"\0bus", 1, inode_of(accepted))
    assert (name_of(far), far["is_peers_name"], far["peer_inode"]) == (b"\0bus", 0, inode_of(client))
    accepted.close()
    left = row_of(take(probe)[0], client)
    assert (name_of(left), left["is_peers_name"], left["peer_inode"]) == (b"\0bus", 1, 0), "what it was connected to"


def test_what_waits_is_counted_at_the_end_where_it_waits(probe: UnixSockets, kept: ExitStack) -> None:
    server = listener(kept, "\0waits", backlog=9)
    for _ in range(3):
        kept.enter_context(socket.socket(socket.AF_UNIX)).connect("\0waits")
    near, far = (kept.enter_context(end) for end in socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM))
    for _ in range(4):
        near.send(b"unread")
    rows, holders = take(probe)
    row = row_of(rows, server)
    assert (row["receive_queue_messages"], row["send_queue_bytes"]) == (3, 9)
    waiting = rows[(rows["inode"] == 0) & (rows["state"] == CONNECTED)]
    assert [name_of(one) for one in waiting] == [b"\0waits"] * 3
    assert not len(holders[holders["inode"] == 0])
    assert row_of(rows, far)["receive_queue_messages"] == 4
    assert row_of(rows, near)["receive_queue_messages"] == 0
    assert row_of(rows, near)["send_queue_bytes"] > row_of(rows, far)["send_queue_bytes"] == 0


def test_a_socket_that_is_passed_on_is_held_by_both_then_by_the_other(
    probe: UnixSockets, kept: ExitStack, tmp_path: Path
) -> None:
    server = listener(kept, str(tmp_path / "door"))
    given, _ = (kept.enter_context(end) for end in socket.socketpair())
    with child(TAKE_ONE, str(tmp_path / "door")) as other:
        with server.accept()[0] as way:
            rights = array.array("i", [given.fileno()])
            way.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)])
        assert int(other.hear()) == inode_of(given)
        rows, holders = take(probe)
        assert {pid for pid, _ in holders_of(holders, given)} == {os.getpid(), other.pid}
        assert len(rows[rows["inode"] == inode_of(given)]) == 1
        inode = inode_of(given)
        given.close()
        rows, holders = take(probe)
        assert [int(row["pid"]) for row in holders[holders["inode"] == inode]] == [other.pid]
        assert inode in rows["inode"]


def test_a_socket_on_its_way_is_there_and_nobodys(probe: UnixSockets, kept: ExitStack) -> None:
    near, far = (kept.enter_context(end) for end in socket.socketpair())
    given, stays = (kept.enter_context(end) for end in socket.socketpair())
    inode = inode_of(given)
    socket.send_fds(near, [b"x"], [given.fileno()])
    given.close()
    rows, holders = take(probe)
    assert inode in rows["inode"]
    assert inode not in holders["inode"]
    assert row_of(rows, stays)["peer_inode"] == inode
    _, fds, _, _ = socket.recv_fds(far, 1, 1)
    kept.callback(os.close, fds[0])
    assert inode in take(probe)[1]["inode"]


def test_a_fork_holds_what_its_parent_holds_and_threads_do_not_count_twice(probe: UnixSockets, kept: ExitStack) -> None:
    end, _ = (kept.enter_context(each) for each in socket.socketpair())
    halt = threading.Event()
    thread = threading.Thread(target=halt.wait)
    thread.start()
    pid = os.fork()
    if not pid:
        threading.Event().wait()
    try:
        _, holders = take(probe)
        assert holders_of(holders, end) == sorted([(os.getpid(), end.fileno()), (pid, end.fileno())])
    finally:
        os.kill(pid, 9)
        os.waitpid(pid, 0)
        halt.set()
        thread.join()


def test_sockets_of_another_network_namespace_are_seen_by_their_holders_alone(
    probe: UnixSockets, kept: ExitStack
) -> None:
    for end in socket.socketpair():
        kept.enter_context(end)
    with private_network():
        ends = [kept.enter_context(end) for end in socket.socketpair()]
        there = Path("/proc/thread-self/ns/net").stat().st_ino
    rows, holders = take(probe)
    inodes = {inode_of(end) for end in ends}
    assert not inodes & set(rows["inode"].tolist())
    mine = holders[np.isin(holders["inode"], list(inodes))]
    assert sorted(mine["inode"].tolist()) == sorted(inodes)
    assert set(mine["net_namespace"].tolist()) == {there}
    assert set(rows["net_namespace"].tolist()) == {Path("/proc/thread-self/ns/net").stat().st_ino} != {there}


def test_nothing_of_an_earlier_reading_is_left_in_a_row(probe: UnixSockets, kept: ExitStack) -> None:
    with ExitStack() as earlier:
        for number in range(50):
            listener(earlier, f"\0earlier {number}")
        take(probe)
    for _ in range(50):
        kept.enter_context(socket.socket(socket.AF_UNIX))
    rows, _ = take(probe)
    assert len(rows) == 50
    assert not any(row["name"] or row["name_bytes"] or row["peer_inode"] for row in rows)


def test_a_user_sees_his_own_sockets_and_those_that_his_processes_hold(probe: UnixSockets, kept: ExitStack) -> None:
    ours, given = (kept.enter_context(end) for end in socket.socketpair())
    os.seteuid(NOBODY)  # the file system uid goes with it, and a socket is created with that
    try:
        theirs = kept.enter_context(socket.socket(socket.AF_UNIX))
    finally:
        os.seteuid(0)
    words = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "sleep", "60"]
    holder = kept.enter_context(subprocess.Popen(words, pass_fds=[given.fileno()]))
    kept.callback(holder.kill)
    while Path(f"/proc/{holder.pid}/comm").read_text(encoding="ascii").strip() != "sleep":
        assert holder.poll() is None
    for mode in (Mode.SEES_AS_PROC, Mode.SEES_OWN):
        rows, holders = take(probe, Visibility(mode, NOBODY))
        assert {inode_of(theirs), inode_of(given)} <= set(rows["inode"].tolist())
        assert inode_of(ours) not in rows["inode"]
        assert set(holders["owner"].tolist()) == {NOBODY}
        assert holders_of(holders, given) == [(holder.pid, given.fileno())]
    everything, everybody = take(probe)
    assert inode_of(ours) in everything["inode"]
    assert {os.getpid(), holder.pid} == {pid for pid, _ in holders_of(everybody, given)}


@pytest.mark.parametrize("uids", [(NOBODY, NOBODY, 0), (NOBODY, 0, NOBODY)])
def test_a_process_whose_uids_differ_is_nobodys(
    probe: UnixSockets, kept: ExitStack, uids: tuple[int, int, int]
) -> None:
    end, _ = (kept.enter_context(each) for each in socket.socketpair())
    pid = os.fork()
    if not pid:
        os.setresuid(*uids)
        threading.Event().wait()
    try:
        while "Uid:\t{}\t{}\t{}\t".format(*uids) not in Path(f"/proc/{pid}/status").read_text(encoding="utf-8"):
            assert os.waitpid(pid, os.WNOHANG) == (0, 0)
        _, holders = take(probe)
        (row,) = holders[(holders["inode"] == inode_of(end)) & (holders["pid"] == pid)]
        assert row["owner"] == 2**32 - 1
        assert not len(take(probe, Visibility(Mode.SEES_AS_PROC, NOBODY))[1])
    finally:
        os.kill(pid, 9)
        os.waitpid(pid, 0)


@pytest.mark.parametrize("pairs", [2000, 4500], ids=["one pass", "three passes"])
def test_thousands_of_sockets_are_those_of_proc_each_once(probe: UnixSockets, kept: ExitStack, pairs: int) -> None:
    with child(
        "import socket, resource\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (10_000, 10_000))\n"
        "pairs = [socket.socketpair() for _ in range(int(sys.argv[1]))]; say(); wait()",
        str(pairs),
    ) as other:
        other.hear()
        rows, holders = take(probe)
        listed = Path("/proc/net/unix").read_bytes().splitlines()[1:]
        assert sorted(rows["inode"].tolist()) == sorted(int(line.split()[6]) for line in listed)
        assert len(np.unique(rows["cookie"])) == len(rows) == 2 * pairs
        assert len(holders[holders["pid"] == other.pid]) == 2 * pairs


def test_a_full_buffer_is_said_and_its_rows_are_whole(probe: UnixSockets, kept: ExitStack) -> None:
    for _ in range(60):
        for end in socket.socketpair():
            kept.enter_context(end)
    for read, size in ((probe.read_sockets_into, SOCKET_BYTES), (probe.read_holders_into, HOLDER_BYTES)):
        reading = read(memoryview(bytearray(size * 50 + 8)))
        assert (reading.byte_count, reading.truncated) == (size * 50, True)
