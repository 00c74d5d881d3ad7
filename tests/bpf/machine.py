"""What the tests of this lane share: rows by their members' names, children to watch, and waiting for things."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from helper.probes import row_table
from helper.probes.program import INITIAL_PID_NAMESPACE
from helper.probes.row_table import RowTable
from helper.probes.visibility import Mode, Visibility
from tests.contract.layout import Layout, read_header

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from helper.probes.process_events import ProcessEvents
    from helper.probes.task_snapshot import TaskSnapshot

EVERYTHING: Final = Visibility(Mode.SEES_ALL, 0)
NOBODY: Final = 65534
PATIENCE_S: Final = 60.0
LATE_NS: Final = 6 * 10**9
"""After which an exit that was not heard of is counted as lost; the product waits longer."""
COUNTER_SLACK_PAGES: Final = 3 * 32 * (os.cpu_count() or 1)
"""How far off a process's resident pages are: 3 percpu_counters, batch of 32 (mm_counter, lib/percpu_counter.c)."""
LAYOUTS: Final = read_header()
NUMBERS: Final = {1: "u1", 2: "u2", 4: "u4", 8: "u8"}


def dtype_of(layout: Layout) -> np.dtype[np.void]:
    """The struct for numpy: unsigned numbers, bytes for everything else."""
    members = layout.members
    formats = [NUMBERS.get(member.size, f"S{member.size}") for member in members.values()]
    offsets = [member.offset for member in members.values()]
    return np.dtype({"names": list(members), "formats": formats, "offsets": offsets, "itemsize": layout.size})


TASK: Final = dtype_of(LAYOUTS["st_task"])
EXITED: Final = dtype_of(LAYOUTS["st_exited"])
EXIT: Final = dtype_of(LAYOUTS["st_event_exit"])
OOM_KILL: Final = dtype_of(LAYOUTS["st_event_oom_kill"])
HEAD: Final = dtype_of(LAYOUTS["st_event"])
COUNTERS: Final = dtype_of(LAYOUTS["st_counters"])


def boottime_ns() -> int:
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


def in_initial_pid_namespace() -> bool:
    return Path("/proc/self/ns/pid").stat().st_ino == INITIAL_PID_NAMESPACE


def cgroup_of(pid: int) -> int:
    """The inode of its cgroup's folder, of version 2, which is the number that the kernel calls it by."""
    mounts = [line.split() for line in Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines()]
    root = Path(next(mount[4] for mount in mounts if " - cgroup2 " in " ".join(mount)))
    lines = Path(f"/proc/{pid}/cgroup").read_text(encoding="utf-8").splitlines()
    return (root / next(line for line in lines if line[:2] == "0:").split(":", 2)[2].lstrip("/")).stat().st_ino


def take(
    snapshot: TaskSnapshot, visibility: Visibility = EVERYTHING, born_before_ns: int | None = None
) -> npt.NDArray[np.void]:
    """All task rows; the buffer grows until they fit."""
    buffer = memoryview(bytearray(1 << 20))
    while True:
        reading = snapshot.read_into(buffer, boottime_ns() if born_before_ns is None else born_before_ns)
        if not reading.truncated:
            return np.frombuffer(
                bytes(RowTable(buffer[: reading.byte_count], row_table.TASK).seen_by(visibility)), TASK
            )
        buffer = memoryview(bytearray(2 * len(buffer)))


def begin_and_take(events: ProcessEvents, snapshot: TaskSnapshot) -> npt.NDArray[np.void]:
    """A snapshot as the sampler takes it."""
    now_ns = boottime_ns()
    events.begin_snapshot(now_ns)
    return take(snapshot, born_before_ns=now_ns)


def process_row(rows: npt.NDArray[np.void], pid: int) -> np.void:
    found = rows[(rows["pid"] == pid) & (rows["tgid"] == pid)]
    assert len(found) == 1, f"{len(found)} rows of process {pid}"
    return found[0]


def roll_ups(events: ProcessEvents, visibility: Visibility = EVERYTHING) -> npt.NDArray[np.void]:
    return np.frombuffer(RowTable(memoryview(events.read_exited()), row_table.EXITED).seen_by(visibility), EXITED)


def until(condition: Callable[[], object], what: str) -> None:
    """Polls; fails by name if it doesn't come."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.01)


class Child:
    """A Python child that does one thing when told and says when it is done."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.pid = process.pid

    def hear(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "the child ended without a word"
        return line.strip()

    def rest(self) -> list[str]:
        """The words until it ends."""
        assert self._process.stdout is not None
        return self._process.stdout.read().split()

    def settle(self) -> None:
        """Hears a word, and waits until the child sleeps: its counters then stand still."""
        self.hear()
        until(lambda: self.stat()[0] == "S", "the child's sleep")

    def tell(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write("go\n")
        self._process.stdin.flush()

    def end(self) -> int:
        self.tell()
        return self._process.wait(PATIENCE_S)

    def proc(self, name: str) -> str:
        return Path(f"/proc/{self.pid}/{name}").read_text(encoding="utf-8")

    def stat(self) -> list[str]:
        """Fields of proc_pid_stat(5) from the third (state) on."""
        return self.proc("stat").rpartition(")")[2].split()


@contextmanager
def child(script: str, *arguments: str) -> Iterator[Child]:
    """Runs `script`, in which say(word) and wait() talk to the test; gone when the block ends."""
    prelude = (
        "import os, sys, threading, time\n"
        "def say(word='ready'): print(word, flush=True)\n"
        "def wait(): sys.stdin.readline()\n"
        "def burn(seconds):\n"
        "    end = time.thread_time() + seconds\n"
        "    while time.thread_time() < end: pass\n"
    )
    command = [sys.executable, "-I", "-S", "-c", prelude + script, *arguments]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Child(process)
        finally:
            process.kill()


def clock_ticks() -> int:
    return os.sysconf("SC_CLK_TCK")
