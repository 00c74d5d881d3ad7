"""How long it takes until there is something to see: probes attached, the first batch, the tray icon."""

import json
import os
import signal
import sys
import time
from pathlib import Path
from statistics import median

from benchmarks.boxed import TOOLS, TOP, Box
from benchmarks.row import Row
from helper.loaders.libbpf import Libbpf
from helper.probes.oom_events import OomEvents
from helper.probes.process_events import ProcessEvents
from helper.probes.task_snapshot import TaskSnapshot
from helper.probes.thermal_events import ThermalEvents

OBJECTS = TOP / "build" / "bpf"
ROUNDS = 5


def attach_all_ms() -> float:
    """Open every default probe, one after another; milliseconds, closing not included."""
    started = time.perf_counter_ns()
    door = Libbpf(OBJECTS)
    probes = [kind(door) for kind in (TaskSnapshot, ProcessEvents, OomEvents, ThermalEvents)]
    for probe in probes:
        probe.open()
    took_ms = (time.perf_counter_ns() - started) / 1e6
    for probe in probes:
        probe.close()
    return took_ms


def first_batch_ms(box: Box) -> float:
    """From the call that activates the sampler to its first batch; the sampler is ended afterwards."""
    with box.clients(1) as opened:
        pid, took_ms = opened["sampler_pid"], opened["first_batch_ms"]
    os.kill(pid, signal.SIGTERM)
    while Path(f"/proc/{pid}").exists():
        time.sleep(0.01)
    return float(took_ms)


def tray_icon_s(box: Box) -> list[float]:
    """Seconds from the app's start to its icon's registration, on a virtual desktop, several times."""
    inside = [sys.executable, "-m", "benchmarks.tray_icon", str(ROUNDS)]
    return list(json.loads(box.run("/usr/bin/python3", "-B", TOOLS / "desk.py", "--", *inside)))


def measure() -> list[Row]:
    attached = [attach_all_ms() for _ in range(ROUNDS)]
    with Box() as box:
        batches = [first_batch_ms(box) for _ in range(ROUNDS + 1)]
        icons = tray_icon_s(box)
    first = f"the very first {attached[0]:.1f} ms"
    cold = f"median of {ROUNDS}; with polkitd's own start {batches[0]:.0f} ms"
    cold_icon = f"median of {ROUNDS}; the first {icons[0]:.2f} s"
    return [
        Row("from load to all probes attached", median(attached), "ms", "at most", 40, first),
        Row("activation to first batch", median(batches[1:]), "ms", "at most", 400, cold),
        Row("app start to tray icon", median(icons), "s", "at most", 1.2, cold_icon),
    ]
