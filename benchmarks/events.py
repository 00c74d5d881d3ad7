"""From the kernel's event to a client and to the notification: real OOM kills in a memory cgroup of their own.

The kernel's time is the event record's own (bpf_ktime_get_boot_ns in the program at oom:mark_victim), taken from a
second stream; the call's time is when a monitor on the session bus sees Notify. Both are CLOCK_BOOTTIME.
"""

import json
import math
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from benchmarks.boxed import TOOLS, Box
from benchmarks.row import Row

KILLS = 40
LIMIT_BYTES = 30 * 2**20
SETTLE_S, BETWEEN_S = 8, 0.7
GREEDY = "import ctypes,sys; ctypes.CDLL(None).prctl(15, sys.argv[1].encode()); x = bytearray(200 << 20)"  # PR_SET_NAME


@contextmanager
def small_cgroup() -> Iterator[Path]:
    """A memory cgroup of LIMIT_BYTES, version 1 or 2; removed afterwards."""
    top = Path("/sys/fs/cgroup")
    first = top / "memory"
    parent, knob = (first, "memory.limit_in_bytes") if first.is_dir() else (top, "memory.max")
    group = parent / f"smoothtask-bench-{os.getpid()}"
    group.mkdir()
    (group / knob).write_text(str(LIMIT_BYTES))
    try:
        yield group
    finally:
        for _ in range(100):  # the kernel lets go of dead processes a little later
            try:
                group.rmdir()
                break
            except OSError:
                time.sleep(0.02)


def kill_some(group: Path, count: int) -> None:
    """Start that many greedy processes, each with a name of its own, and let the kernel kill each."""
    for number in range(count):
        joined = f"echo $$ >{group}/cgroup.procs && exec {sys.executable} -c '{GREEDY}' greedy-{number}"
        subprocess.run(["sh", "-c", joined], check=False)
        time.sleep(BETWEEN_S)


def percentile_99(values: list[float]) -> float:
    """Nearest rank: with fewer than 100 values the greatest."""
    return sorted(values)[math.ceil(len(values) * 0.99) - 1]


def measure() -> list[Row]:
    with Box() as box, small_cgroup() as group:
        inside = [sys.executable, "-m", "benchmarks.events_seen", str(SETTLE_S + KILLS * (BETWEEN_S + 0.3))]
        command = box.command("/usr/bin/python3", "-B", TOOLS / "desk.py", "--", *inside)
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as watcher:
            killer = threading.Timer(SETTLE_S, kill_some, (group, KILLS))
            killer.start()
            seen = json.loads(watcher.communicate()[0] or "{}")
            killer.join()
    events, calls = seen.get("events", {}), seen.get("calls", {})
    late_ms = [(calls[name] - at) / 1e6 for name, (at, _) in events.items() if name in calls]
    told_ms = [(told - at) / 1e6 for at, told in events.values()]
    note = f"{len(late_ms)} of {KILLS} kills seen at both ends"
    if len(late_ms) < KILLS * 0.9:
        return [Row("OOM kill to notification, 99th percentile", None, "ms", "at most", 100, note)]
    return [
        Row("OOM kill to notification, 99th percentile", percentile_99(late_ms), "ms", "at most", 100, note),
        Row("OOM kill to notification, median", median(late_ms), "ms"),
        Row("OOM kill to a client's stream, 99th percentile", percentile_99(told_ms), "ms", "at most", 50),
    ]
