"""From the kernel's event to a client and to the notification: real OOM kills, and injected thermal events.

The kills happen in a memory cgroup of their own; what is injected, heat.py says. The kernel's time is the event
record's own (bpf_ktime_get_boot_ns in the program that writes it), taken from a second stream; the call's time is
when a monitor on the session bus sees Notify. Both are CLOCK_BOOTTIME.
"""

import json
import math
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from benchmarks import heat
from benchmarks.boxed import TOOLS, Box
from benchmarks.heat import Zone
from benchmarks.row import Row

KILLS = 40
LIMIT_BYTES = 30 * 2**20
TRIPS = 20
HOT_C = 90
SETTLE_S, BETWEEN_S = 8, 0.7
UNTIL_OVER_S = 2.2  # the app looks once a second whether it still is that hot
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


def heat_some(zone: Zone) -> None:
    """Cross critical trip points, each at a temperature of its own and after the one before is over."""
    for temperature_c in range(HOT_C, HOT_C + TRIPS):
        zone.cross_critical(temperature_c)
        time.sleep(BETWEEN_S)
        zone.cool(temperature_c)
        time.sleep(UNTIL_OVER_S)


def measure() -> list[Row]:
    with Box() as box, small_cgroup() as group:
        lasts_s = SETTLE_S + TRIPS * (BETWEEN_S + UNTIL_OVER_S + 0.1) + KILLS * (BETWEEN_S + 0.3)
        inside = [sys.executable, "-m", "benchmarks.events_seen", str(lasts_s)]
        command = box.command("/usr/bin/python3", "-B", TOOLS / "desk.py", "--", *inside)
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as watcher:
            assert watcher.stdout is not None
            sampler_pid = int(watcher.stdout.readline())
            time.sleep(SETTLE_S)
            with heat.zone(sampler_pid) as zone:
                heat_some(zone)
            kill_some(group, KILLS)
            seen = json.loads(watcher.communicate()[0] or "{}")
    events, calls = seen.get("events", {}), seen.get("calls", {})
    trips = {name: times for name, times in events.items() if name.endswith("°C")}
    kills = {name: times for name, times in events.items() if name not in trips}
    injected = "injected: the record, written into the sampler's ring buffer by a BPF program; all after it is real"
    return [
        *_rows("OOM kill", KILLS, kills, calls),
        *_rows("injected thermal event", TRIPS, trips, calls, injected),
    ]


def _rows(
    what: str, count: int, events: dict[str, tuple[int, int]], calls: dict[str, int], remark: str = ""
) -> list[Row]:
    """Of one kind of event; without the figures if fewer than nine tenths were seen at both ends."""
    late_ms = [(calls[name] - at) / 1e6 for name, (at, _) in events.items() if name in calls]
    told_ms = [(told - at) / 1e6 for at, told in events.values()]
    note = "; ".join(filter(None, (f"{len(late_ms)} of {count} seen at both ends", remark)))
    target = f"{what} to notification call, 99th percentile"
    if len(late_ms) < count * 0.9:
        return [Row(target, None, "ms", "at most", 100, note)]
    return [
        Row(target, percentile_99(late_ms), "ms", "at most", 100, note),
        Row(f"{what} to notification call, median", median(late_ms), "ms"),
        Row(f"{what} to a client's stream, 99th percentile", percentile_99(told_ms), "ms", "at most", 50),
    ]
