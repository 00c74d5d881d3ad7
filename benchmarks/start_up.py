"""How long it takes until there is something to see: probes attached, the first batch, the tray icon."""

import json
import os
import signal
import sys
import time
from pathlib import Path
from statistics import median

from benchmarks.boxed import TOOLS, Box
from benchmarks.loading import attached
from benchmarks.row import Row
from helper.probes.parts import PARTS

ROUNDS = 5
FIRST_PROBES = ("task_snapshot", "process_events", "oom_events", "thermal_events")


def attach_all_ms(names: tuple[str, ...]) -> tuple[float, float]:
    """Open these probes as the sampler does; milliseconds by the clock and of CPU time, closing not included."""
    with attached(names) as loaded:
        return loaded.clock_ms, loaded.cpu_ms


def row_of(what: str, names: tuple[str, ...], reach_ms: float) -> Row:
    """The row of one set of probes."""
    clock_ms, cpu_ms = zip(*(attach_all_ms(names) for _ in range(2 * ROUNDS)), strict=True)
    note = f"{len(names)} probes; the very first {clock_ms[0]:.1f} ms; CPU time {median(cpu_ms):.1f} ms"
    return Row(what, median(clock_ms), "ms", "at most", reach_ms, note)


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
    loads = [
        row_of("from load to the probes of processes, OOM and heat attached", FIRST_PROBES, 40),
        row_of("from load to all default probes attached", tuple(PARTS), 60),
    ]
    with Box() as box:
        batches = [first_batch_ms(box) for _ in range(ROUNDS + 1)]
        icons = tray_icon_s(box)
    cold = f"median of {ROUNDS}; with polkitd's own start {batches[0]:.0f} ms"
    cold_icon = f"median of {ROUNDS}; the first {icons[0]:.2f} s"
    return [
        *loads,
        Row("activation to first batch", median(batches[1:]), "ms", "at most", 400, cold),
        Row("app start to tray icon", median(icons), "s", "at most", 1.2, cold_icon),
    ]
