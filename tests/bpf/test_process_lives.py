"""What a process used in its life against what /proc said of it, whom it counts for, and what is no life of its own."""

from __future__ import annotations

import os
import platform
import signal
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests.bpf.machine import COUNTERS, begin_and_take, child, roll_ups, until
from tests.bpf.running import full_ring
from tests.bpf.test_process_events import all_accounted, count_of, exit_of

if TYPE_CHECKING:
    from pathlib import Path

    from helper.probes import ProcessEvents, TaskSnapshot

MISSING_PARENT = 1 << 3  # ST_MISSING_PARENT
DEEP = """
say(); wait(); top = os.getpid()
for _ in range(int(sys.argv[1]) - 1):
    if os.fork():
        os.wait()
        break
else:
    for _ in range(5):
        pid = os.fork()
        if not pid:
            with open('/proc/self/comm', 'w') as comm: comm.write('st-deep')
            os._exit(0)
        os.waitpid(pid, 0)
if os.getpid() != top: os._exit(0)
say(); wait()
"""


@pytest.mark.parametrize(("generations", "is_found"), [(16, True), (17, False)])
def test_an_ancestor_is_looked_for_sixteen_generations_up_and_one_not_found_is_said_to_be_missing(
    events: ProcessEvents, snapshot: TaskSnapshot, generations: int, *, is_found: bool
) -> None:
    with child(DEEP, str(generations)) as parent:
        parent.hear()
        begin_and_take(events, snapshot)
        parent.tell()
        parent.hear()
        until(lambda: all_accounted(events, 5, count_of(events, b"st-deep")), "5 exits")
    rows = roll_ups(events)
    (row,) = rows[rows["comm"] == b"st-deep"]
    assert row["parent_pid"] == (parent.pid if is_found else 0)
    assert row["missing"] == (0 if is_found else MISSING_PARENT)


def test_threads_are_no_forks(events: ProcessEvents) -> None:
    script = "for _ in range(5000):\n    one = threading.Thread(target=int); one.start(); one.join()\nsay(); wait()"
    with child("say(); wait()\n" + script) as threaded:
        threaded.hear()
        before = np.frombuffer(events.counters(), COUNTERS)[0]
        threaded.tell()
        threaded.hear()
        after = np.frombuffer(events.counters(), COUNTERS)[0]
    assert after["forks"] - before["forks"] < 5000, "others fork too"


BUSY_LIFE = """
import mmap
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
def rival():
    if not os.fork():
        burn(0.2); os._exit(0)
for _ in range(2): rival()
with open('/proc/self/comm', 'w') as comm: comm.write('st-busy-life')
burn(0.2); os.wait(); os.wait()
with open(sys.argv[1], 'wb+') as file:
    file.write(bytes(1 << 22)); file.flush(); os.fsync(file.fileno())
    file.write(bytes(1 << 20)); file.flush(); os.ftruncate(file.fileno(), 1 << 22)  # never gets to the disk
    for _ in range(1000):
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        with mmap.mmap(file.fileno(), 1 << 22, access=mmap.ACCESS_READ) as pages:
            pages.madvise(mmap.MADV_RANDOM)
            pages[::mmap.PAGESIZE]
        if int(open('/proc/self/stat').read().rpartition(')')[2].split()[9]) >= 50: break
say(); wait()
"""


@pytest.mark.parametrize("is_seen", [True, False], ids=["seen", "rolled up"])
def test_what_a_process_did_in_its_life_is_what_proc_said_of_it_at_its_end(
    events: ProcessEvents, snapshot: TaskSnapshot, on_disk: Path, *, is_seen: bool
) -> None:
    with child(BUSY_LIFE, str(on_disk / "pages")) as busy:
        busy.settle()
        if is_seen:
            begin_and_take(events, snapshot)
        os.kill(busy.pid, signal.SIGKILL)
        os.waitid(os.P_PID, busy.pid, os.WEXITED | os.WNOWAIT)
        io = {name: int(count) for name, count in (line.split(": ") for line in busy.proc("io").splitlines())}
        delay_ns, faults = int(busy.proc("schedstat").split()[1]), int(busy.stat()[9])
    if not is_seen:
        until(lambda: count_of(events, b"st-busy-life") == 1, "its exit")
    rows = roll_ups(events)
    row = exit_of(events, busy.pid) if is_seen else rows[rows["comm"] == b"st-busy-life"][0]
    assert row["major_faults"] == faults >= 50
    assert row["read_bytes"] == io["read_bytes"] > 0
    assert row["write_bytes"] == io["write_bytes"] - io["cancelled_write_bytes"] > 0
    assert io["cancelled_write_bytes"] >= 1 << 20
    assert delay_ns <= row["run_delay_ns"] < delay_ns + 10**9, "it may wait for its very last run after its last words"
    assert delay_ns > 100_000_000, "two rivals on one CPU"


def test_an_exit_for_which_there_is_no_room_is_counted_as_lost(events: ProcessEvents, snapshot: TaskSnapshot) -> None:
    with child("say(); wait()") as seen:
        seen.hear()
        begin_and_take(events, snapshot)
        before = events.lost()
        with full_ring(events._opened().map_fd("process_events_ring")):
            seen.end()
            until(lambda: events.lost() > before, "the loss")


LEADER_GONE = """
import ctypes
def last():
    while open(f'/proc/{os.getpid()}/stat').read().rpartition(')')[2].split()[0] != 'Z': time.sleep(0.01)
    say(); wait(); os._exit(3)
threading.Thread(target=last).start()
ctypes.CDLL(None).syscall(int(sys.argv[1]), 0)
"""


def test_the_exit_code_is_the_processs_although_its_first_thread_was_gone_long_before(
    events: ProcessEvents, snapshot: TaskSnapshot
) -> None:
    exit_of_a_thread = {"x86_64": 60, "aarch64": 93}[platform.machine()]
    with child(LEADER_GONE, str(exit_of_a_thread)) as seen:
        seen.hear()
        begin_and_take(events, snapshot)
        assert seen.end() == 3
        assert exit_of(events, seen.pid)["exit_code"] == 3 << 8
