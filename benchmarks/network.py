"""A table of 4,000 sockets through the helper's own reader, beside psutil and ss; and few sockets among many files.

Unix sockets likewise, with a pass over all open files to find who holds them.

CPU time of the calling thread, for ss of the process. In network namespaces of their own: closed connections stay in
the table for a minute, and those of others come and go.
"""

import ctypes
import resource
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from statistics import fmean, median
from typing import Self

import psutil  # type: ignore[import-untyped]  # ships no types

from benchmarks.row import Row
from benchmarks.snapshot import OBJECTS, each_paced_ms, paced_ms, thread_ms
from helper.loaders.libbpf import Libbpf
from helper.probes import KnownSockets, SocketEvents, SocketMemory, SocketOwners, Sockets, TaskSnapshot, unix_table
from helper.probes.known_sockets import TABLES_EVERY_NS
from helper.probes.socket_table import SOCKET_BYTES
from helper.probes.unix_sockets import UnixSockets
from helper.probes.visibility import EVERYBODY
from helper.sampler.network import Network
from helper.sampler.probe_set import Slot, State, kinds_of

MANY_SOCKETS = 4000
FEW_SOCKETS = 500
CLONE_NEWNET = 0x40000000  # include/uapi/linux/sched.h
TICKS_A_WALK = TABLES_EVERY_NS // 10**9
MANY_FILES = 30_000
FILES_EACH = 500
HOLD_FILES = """
import os, sys
first = os.open("/dev/null", os.O_RDONLY)
for _ in range(int(sys.argv[1])): os.dup(first)
print("ready", flush=True)
sys.stdin.read()
"""


class Table:
    """The sampler's own part of a tick that has to do with sockets; and the kernel's tables alone."""

    def __init__(self) -> None:
        door, memory = Libbpf(OBJECTS), SocketMemory()
        door.together.plan(("task_snapshot", "socket_events", "sockets", "socket_owners"))
        tasks, events = TaskSnapshot(door), SocketEvents(door, memory)
        self._sockets, owners = Sockets(door, memory), SocketOwners(door, memory)
        self._slots = [Slot(probe, kinds_of(probe.name)) for probe in (tasks, events, self._sockets, owners)]
        of_tasks, of_events, of_sockets, of_owners = self._slots
        self._network = Network(
            (of_sockets, KnownSockets(self._sockets, memory)),
            (of_owners, owners),
            (of_events, events),
            (of_tasks, tasks),
        )
        self._buffer = memoryview(bytearray(8 * MANY_SOCKETS * SOCKET_BYTES))

    def __enter__(self) -> Self:
        for slot in self._slots:
            slot.open()
            if slot.state is not State.RUNNING:
                raise RuntimeError(f"{slot.probe.name} isn't running: {slot.reason}")
        return self

    def __exit__(self, *_: object) -> None:
        for slot in self._slots:
            slot.close()

    def walk(self) -> int:
        """Rows of the kernel's tables, which nine ticks of ten do without."""
        return self._sockets.read_into(self._buffer, EVERYBODY).byte_count // SOCKET_BYTES

    def tick(self) -> int:
        """Rows in the stream's section of sockets."""
        sockets, *_ = self._network.sections(EVERYBODY, time.monotonic_ns())
        return len(sockets.rows) // SOCKET_BYTES


@contextmanager
def open_sockets(count: int) -> Iterator[None]:
    """Nine tenths of them ends of TCP connections, the rest UDP."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=1024))
        for _ in range(count * 9 // 20):
            stack.enter_context(socket.create_connection(listener.getsockname()))
            stack.enter_context(listener.accept()[0])
        for _ in range(count // 10 - 1):
            one = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            one.bind(("127.0.0.1", 0))
        yield


@contextmanager
def open_files(count: int) -> Iterator[None]:
    """That many descriptors of /dev/null, held by a few other processes."""
    holders = count // FILES_EACH
    with ExitStack() as stack:
        for _ in range(holders):
            command = [sys.executable, "-S", "-c", HOLD_FILES, str(FILES_EACH)]
            holder = stack.enter_context(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE))
            stack.callback(holder.kill)
            assert holder.stdout is not None
            if holder.stdout.readline() != b"ready\n":
                raise RuntimeError(f"{FILES_EACH} files could not be opened in one process")
        yield


def ss_ms(flags: str = "-tunap") -> float:
    """CPU milliseconds of one `ss` with these flags."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(["ss", flags], check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) * 1e3


def enter_new_network() -> None:
    """For the rest of this process (unshare(2)), with its loopback device up."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "unshare(CLONE_NEWNET)")
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)


def few_among_files() -> tuple[int, float]:
    """How many sockets there were, and milliseconds of a tick once a second, in which nothing is new."""
    enter_new_network()
    with Table() as table, open_sockets(FEW_SOCKETS), open_files(MANY_FILES):
        table.tick()
        return table.tick(), paced_ms(table.tick)


class UnixReading:
    """What the sampler does for a stream that asks for unix sockets, about once a second."""

    def __init__(self) -> None:
        self._probe = UnixSockets(Libbpf(OBJECTS))
        self._rows = memoryview(bytearray(2 * MANY_SOCKETS * unix_table.SOCKET_BYTES))
        self._holders = memoryview(bytearray(4 * MANY_SOCKETS * unix_table.HOLDER_BYTES))

    def __enter__(self) -> Self:
        self._probe.open()
        return self

    def __exit__(self, *_: object) -> None:
        self._probe.close()

    def sockets(self) -> int:
        return self._probe.read_sockets_into(self._rows).byte_count // unix_table.SOCKET_BYTES

    def holders(self) -> int:
        return self._probe.read_holders_into(self._holders).byte_count // unix_table.HOLDER_BYTES

    def both(self) -> None:
        self.sockets()
        self.holders()


def of_unix_sockets() -> list[Row]:
    """In a network namespace of their own; the holders' pass meets the whole machine's files."""
    enter_new_network()
    with ExitStack() as stack:
        for _ in range(MANY_SOCKETS // 2):
            for end in socket.socketpair():
                stack.enter_context(end)
        reading = stack.enter_context(UnixReading())
        count = reading.sockets()
        sockets_ms, holders_ms, both_ms = (
            median(thread_ms(work) for _ in range(30)) for work in (reading.sockets, reading.holders, reading.both)
        )
        theirs_ms = median(ss_ms("-xap") for _ in range(5))
        paced = f"{count} sockets {sockets_ms:.2f}, {reading.holders()} descriptors {holders_ms:.2f}"
        return [
            Row("4,000 unix sockets and who holds them", both_ms, "ms", note=paced),
            Row("the same, once a second", paced_ms(reading.both), "ms"),
            Row("ss -xap over ours", theirs_ms / both_ms, "times", note=f"{theirs_ms:.0f} ms"),
        ]


def measure() -> list[Row]:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    few, few_paced_ms = few_among_files()
    unix = of_unix_sockets()
    enter_new_network()
    with Table() as table, open_sockets(MANY_SOCKETS):
        table.tick()
        count = table.tick()
        walk_ms = median(thread_ms(table.walk) for _ in range(50))
        known_ms = median(thread_ms(table.tick) for _ in range(50))
        ticks_ms = each_paced_ms(table.tick, 2 * TICKS_A_WALK)
        psutil_ms = median(thread_ms(lambda: psutil.net_connections("inet")) for _ in range(5))
        theirs_ms = median(ss_ms() for _ in range(5))
    ours_ms = (known_ms * (TICKS_A_WALK - 1) + walk_ms) / TICKS_A_WALK
    parts = f"{count} sockets; nine of ten remembered, {known_ms:.2f}, one by the kernel's tables, {walk_ms:.2f}"
    paced = f"mean {fmean(ticks_ms):.2f}, a walk {max(ticks_ms):.2f}"
    return [
        Row("4,000 sockets, back to back", ours_ms, "ms", "at most", 3, parts),
        Row("psutil.net_connections over ours", psutil_ms / ours_ms, "times", "at least", 25, f"{psutil_ms:.0f} ms"),
        Row("ss -tunap over ours", theirs_ms / ours_ms, "times", "at least", 10, f"{theirs_ms:.0f} ms"),
        Row("4,000 sockets, once a second", median(ticks_ms), "ms", note=paced),
        Row("500 sockets among 30,000 files, once a second", few_paced_ms, "ms", "at most", 1.5, f"{few} sockets"),
        *unix,
    ]
