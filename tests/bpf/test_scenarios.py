"""Days in the life of a machine, each against an independent count: the kernel's own of a process's children, ss(8),
and what the processes themselves say."""

from __future__ import annotations

import os
import resource
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from helper.probes.socket_table import SOCKET_BYTES
from smoothtask_gui.sources.records import SOCKET
from tests.bpf.machine import (
    EVERYTHING,
    EXIT,
    Child,
    begin_and_take,
    child,
    clock_ticks,
    process_row,
    roll_ups,
    take,
    until,
)
from tests.bpf.network import Rows, shown_by_ss, shown_by_us, ss_lines

if TYPE_CHECKING:
    from collections.abc import Iterator

    from helper.probes import ProcessEvents, TaskSnapshot
    from helper.probes.socket_events import SocketEvents
    from helper.probes.socket_owners import SocketOwners
    from helper.probes.sockets import Sockets

CPU1 = Path("/sys/devices/system/cpu/cpu1/online")
CONNECTIONS = 10_000


def rolled_up(events: ProcessEvents, parent: Child) -> Rows:
    """What ended below that process and was in no snapshot."""
    rows = roll_ups(events)
    found: Rows = rows[rows["parent_pid"] == parent.pid]
    return found


def counted_below(events: ProcessEvents, parent: Child, exits: int) -> bool:
    """Whether each of these exits has been counted, or counted as lost."""
    return int(rolled_up(events, parent)["count"].sum()) + events.lost() >= exits


def test_ten_seconds_of_cpu_time_are_those_of_proc_stat_within_one_percent(snapshot: TaskSnapshot) -> None:
    with child("say(); wait(); burn(10.0); say(); wait()") as busy:
        busy.settle()
        run_ns, ticks = [], []
        for _ in range(2):
            run_ns.append(int(process_row(take(snapshot), busy.pid)["run_ns"]))
            ticks.append(sum(map(int, busy.stat()[11:13])))
            if len(ticks) == 1:
                busy.tell()
                busy.settle()
    ours_ns, theirs_ns = run_ns[1] - run_ns[0], (ticks[1] - ticks[0]) * 10**9 // clock_ticks()
    assert ours_ns == pytest.approx(theirs_ns, rel=0.01)
    assert ours_ns >= 10 * 10**9


def test_an_idle_process_uses_nothing_between_two_snapshots(snapshot: TaskSnapshot) -> None:
    with child("say(); wait()") as idle:
        idle.settle()
        before = process_row(take(snapshot), idle.pid)
        schedstat = idle.proc("schedstat")
        with child("burn(0.3); say(); wait()") as busy:
            busy.settle()
        after = process_row(take(snapshot), idle.pid)
        assert idle.proc("schedstat") == schedstat
    for name in ("run_ns", "run_delay_ns", "minor_faults", "read_bytes", "write_bytes", "voluntary_switches"):
        assert before[name] == after[name]


COMPILE = """
import resource, subprocess
say(); wait()
source = '#include <stdio.h>\\n#include <stdlib.h>\\nint main(void) { return ' + '+'.join(['rand()'] * 3000) + '; }'
for number in range(6):
    command = ['cc', '-O2', '-x', 'c', '-o', f'{sys.argv[1]}/{number}', '-']
    subprocess.run(command, input=source, text=True, check=True)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
say(str(used.ru_utime + used.ru_stime)); wait()
"""


def test_the_time_of_a_compilation_is_that_of_the_builders_children(
    events: ProcessEvents, snapshot: TaskSnapshot, tmp_path: Path
) -> None:
    with child(COMPILE, str(tmp_path)) as builder:
        builder.hear()
        begin_and_take(events, snapshot)
        builder.tell()
        used_s = float(builder.hear())
        until(lambda: rolled_up(events, builder)["run_ns"].sum() >= 0.97 * used_s * 1e9, "the compilers' ends")
        rows = rolled_up(events, builder)
    assert {b"cc1", b"as"} <= set(rows["comm"].tolist())
    assert rows["run_ns"].sum() / 1e9 == pytest.approx(used_s, rel=0.03)


BROWSER = """
import ctypes
name = lambda text: ctypes.CDLL(None).prctl(15, text.encode())
name('st-browser')
say(); wait()
ask, answer = os.pipe()
if not os.fork():
    name('st-zygote')
    for number in range(8):
        if not os.fork():
            name('st-renderer')
            leave = threading.Event()
            for _ in range(3): threading.Thread(target=leave.wait, daemon=True).start()
            burn(0.05)
            os.write(answer, b'!')
            if number % 2: os._exit(3)
            time.sleep(600); os._exit(1)
    for _ in range(4): os.wait()
    os.write(answer, b'z')
    time.sleep(600); os._exit(1)
heard = b''
while len(heard) < 9: heard += os.read(ask, 9)
say(); wait(); os.wait(); say(); wait()
"""


def test_a_browsers_tree_has_its_shape_its_threads_and_the_time_of_its_closed_tabs(
    events: ProcessEvents, snapshot: TaskSnapshot
) -> None:
    with child(BROWSER) as browser:
        browser.hear()
        begin_and_take(events, snapshot)
        browser.tell()
        browser.hear()
        until(lambda: counted_below(events, browser, 4), "the closed tabs")
        rows = begin_and_take(events, snapshot)
        (zygote,) = rows[(rows["parent_pid"] == browser.pid) & (rows["pid"] == rows["tgid"])]
        tabs = rows[(rows["parent_pid"] == zygote["pid"]) & (rows["pid"] == rows["tgid"])]
        closed = rolled_up(events, browser)
        try:
            assert zygote["comm"] == b"st-zygote"
            assert tabs["comm"].tolist() == [b"st-renderer"] * 4
            assert tabs["threads"].tolist() == [4] * 4
            assert (tabs["run_ns"] >= 50_000_000).all()
            assert int(closed["count"].sum()) >= 3
            assert set(closed["comm"].tolist()) == {b"st-renderer"}
            assert closed["run_ns"].sum() >= closed["count"].sum() * 50_000_000
        finally:
            records: list[bytes] = []
            for pid in [*tabs["pid"].tolist(), int(zygote["pid"])]:
                os.kill(pid, 9)
        browser.tell()  # reaps the zygote
        browser.hear()
        until(lambda: events.drain(records.append) or ended(records) >= {int(zygote["pid"])}, "the zygote's end")


def ended(records: list[bytes]) -> set[int]:
    return {int(np.frombuffer(record, EXIT)[0]["pid"]) for record in records}


SERVE = """
import resource, socket
resource.setrlimit(resource.RLIMIT_NOFILE, (12_000, 12_000))
listener = socket.create_server(('127.0.0.1', 0), backlog=1024)
say(listener.getsockname()[1])
taken = []
for _ in range(int(sys.argv[1])):
    one = listener.accept()[0]
    one.sendall(bytes(len(one.recv(100, socket.MSG_WAITALL)) // 2))
    taken.append(one)
say(); wait()
"""
VISIT = """
import resource, socket
resource.setrlimit(resource.RLIMIT_NOFILE, (12_000, 12_000))
kept = []
for _ in range(int(sys.argv[2])):
    one = socket.create_connection(('127.0.0.1', int(sys.argv[1])))
    one.sendall(bytes(100)); one.recv(50, socket.MSG_WAITALL)
    kept.append(one)
say(); wait()
"""


@contextmanager
def many_files() -> Iterator[None]:
    """Children may open 12,000 files while this lasts."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(before[0], 12_000), max(before[1], 12_000)))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_a_server_with_ten_thousand_connections_is_shown_whole_with_its_bytes(
    socket_events: SocketEvents, sockets: Sockets
) -> None:
    buffer = memoryview(bytearray(SOCKET_BYTES * 32_768))
    with many_files(), child(SERVE, str(CONNECTIONS)) as server:
        port = server.hear()
        with child(VISIT, port, str(CONNECTIONS)) as visitor:
            server.hear()
            visitor.hear()
            expected = sorted(map(shown_by_ss, ss_lines()))
            reading = sockets.read_into(buffer, EVERYTHING)
            rows = np.frombuffer(bytes(buffer[: reading.byte_count]), SOCKET)
    assert not reading.truncated
    assert len(rows) == 2 * CONNECTIONS + 1
    assert sorted(map(shown_by_us, rows)) == expected
    theirs = rows[(rows["local_port"] == int(port)) & (rows["state"] == 1)]
    assert (theirs["sent_bytes"].sum(), theirs["received_bytes"].sum()) == (50 * CONNECTIONS, 100 * CONNECTIONS)
    assert set(theirs["pid"].tolist()) == {server.pid}


CONTAINED = """
import socket, subprocess
subprocess.run(['ip', 'link', 'set', 'lo', 'up'], check=True)
listener = socket.create_server(('127.0.0.1', 0))
near = socket.create_connection(listener.getsockname())
far = listener.accept()[0]
near.sendall(bytes(4321)); far.recv(4321, socket.MSG_WAITALL)
burn(0.3)
say(f'{os.getpid()} {near.getsockname()[1]} {near.fileno()} {time.process_time()}'); wait()
os._exit(7)
"""


def test_a_container_is_seen_from_outside_with_its_outer_pid_and_its_own_networks_bytes(
    events: ProcessEvents, snapshot: TaskSnapshot, socket_events: SocketEvents, socket_owners: SocketOwners
) -> None:
    enter = "os.execvp('unshare', ['unshare', '--pid', '--fork', '--net', sys.executable, *sys.argv[1:]])"
    inner = (
        "import os, sys, time\ndef say(word): print(word, flush=True)\ndef wait(): sys.stdin.readline()\n"
        "def burn(seconds):\n    end = time.thread_time() + seconds\n    while time.thread_time() < end: pass\n"
    )
    with child(enter, "-I", "-S", "-c", inner + CONTAINED) as container:
        inner_pid, port, _, used_s = container.hear().split()
        rows = begin_and_take(events, snapshot)
        (inside,) = rows[(rows["parent_pid"] == container.pid) & (rows["pid"] == rows["tgid"])]
        buffer = memoryview(bytearray(1 << 21))
        reading = socket_owners.read_elsewhere_into(buffer, EVERYTHING)
        elsewhere = np.frombuffer(bytes(buffer[: reading.byte_count]), SOCKET)
        status = Path(f"/proc/{inside['pid']}/status").read_text()
        namespace = Path(f"/proc/{inside['pid']}/ns/net").stat().st_ino
        assert container.end() == 7
        records: list[bytes] = []
        until(lambda: events.drain(records.append) or int(inside["pid"]) in ended(records), "the container's end")
    assert status.partition("\nNSpid:")[2].partition("\n")[0].split()[-1] == inner_pid
    assert int(inside["run_ns"]) >= float(used_s) * 1e9 * 0.99
    mine = elsewhere[(elsewhere["net_namespace"] == namespace) & (elsewhere["local_port"] == int(port))]
    assert mine["sent_bytes"].tolist() == [4321]
    assert mine["pid"].tolist() == [inside["pid"]]


@contextmanager
def cpu1_offline() -> Iterator[bool]:
    """Yields whether the machine let its second processor go; it is put back."""
    try:
        CPU1.write_text("0")
    except OSError:  # a single processor, the kernel's last one, or a container that may not
        yield False
        return
    try:
        yield True
    finally:
        CPU1.write_text("1")
        until(lambda: CPU1.read_text().strip() == "1", "the second processor")


FORK_SOME = """
for _ in range(2):
    say(); wait()
    for _ in range(40):
        if not os.fork(): os._exit(0)
        os.wait()
    where = os.sched_getaffinity(0)
say(len(where)); wait()
"""


def test_nothing_is_lost_while_a_processor_goes_and_comes_back_where_the_machine_allows_that(
    events: ProcessEvents, snapshot: TaskSnapshot
) -> None:
    with child(FORK_SOME) as parent:
        parent.hear()
        with cpu1_offline() as went:
            assert went == (CPU1.exists() and CPU1.read_text().strip() == "0")
            begin_and_take(events, snapshot)
            parent.tell()
            parent.hear()
            until(lambda: counted_below(events, parent, 40), "the exits on what is left")
        os.sched_setaffinity(parent.pid, {1} if went else os.sched_getaffinity(0))
        parent.tell()
        parent.hear()
        until(lambda: counted_below(events, parent, 80), "the exits on the processor that came back")
        assert process_row(take(snapshot), parent.pid)["comm"].startswith(b"python")
        assert parent.pid in rolled_up(events, parent)["parent_pid"]
