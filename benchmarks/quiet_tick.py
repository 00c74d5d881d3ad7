"""One quiet second of 1,000 processes on the tray app's own thread: rates, apps, rules and view, with cold caches.

At one tick a second others have used the caches meanwhile, so they are swept before each tick. Two in a hundred
processes do a little, three a little more; nobody comes or goes; nothing fires.
"""

import time
from dataclasses import replace
from statistics import median

import numpy as np

from benchmarks.row import Row
from benchmarks.rules import SECOND, batch_of
from smoothtask_gui.adapters.shipped_rules import shipped_rules
from smoothtask_gui.domain.batch import PROCESS, Batch
from smoothtask_gui.domain.monitor import Monitor
from smoothtask_gui.domain.network import SOCKET, TRAFFIC, Network
from smoothtask_gui.domain.parts import TRAITS

PROCESSES, SOCKETS = 1000, 60
TICKS, SETTLED = 90, 20
CACHE_BYTES, LINE_BYTES = 48 << 20, 64


def batches() -> list[Batch]:
    """A second apart."""
    chance = np.random.default_rng(4)
    rows = np.zeros(PROCESSES, PROCESS)
    rows["pid"], rows["parent_pid"] = np.arange(1000, 1000 + PROCESSES), 1
    rows["comm"] = [f"app{number // 10}".encode() for number in range(PROCESSES)]
    rows["start_ns"], rows["state"], rows["uid"], rows["rss_bytes"] = SECOND, b"S", 1000, 1 << 24
    sockets, traffic = np.zeros(SOCKETS, SOCKET), np.zeros(SOCKETS, TRAFFIC)
    sockets["cookie"], sockets["protocol"], sockets["state"] = np.arange(1, SOCKETS + 1), 6, 1
    sockets["pid"] = traffic["pid"] = rows["pid"][:SOCKETS]
    sockets["pid_start_ns"] = sockets["start_ns"] = traffic["start_ns"] = traffic["first_ns"] = SECOND
    made = []
    for tick in range(TICKS):
        rows, sockets = rows.copy(), sockets.copy()
        some = chance.integers(0, PROCESSES, PROCESSES // 50)
        rows["run_ns"][some] += np.uint64(300_000)
        rows["run_ns"][:3] += np.uint64(8_000_000)
        sockets["sent_bytes"][:5] += np.uint64(100)
        batch = batch_of((1000 + tick) * SECOND, rows)
        quiet = replace(batch.system, cpu_busy_ns=tick * SECOND // 10, forks=0)
        network = Network(sockets, traffic, sockets[:0], None)
        made.append(replace(batch, system=quiet, network=network, traits=np.zeros(0, TRAITS)))
    return made


def measure() -> list[Row]:
    monitor, caches, costs = Monitor(shipped_rules()), np.zeros(CACHE_BYTES, np.uint8), []
    for batch in batches():
        caches[::LINE_BYTES] += 1
        started_ns = time.thread_time_ns()
        effects = monitor.receive_batch(batch)
        monitor.view()
        costs.append((time.thread_time_ns() - started_ns) / 1e6)
        if effects:
            raise AssertionError(f"a quiet second isn't quiet: {effects}")
    return [Row("one quiet second, 1,000 processes, cold caches", median(costs[SETTLED:]), "ms", "at most", 3.5)]
