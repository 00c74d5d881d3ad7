"""Judging one tick of 1,000 processes by all shipped rules: CPU time of the thread, without rates and grouping.

A third of the processes is at work and changes all the time, some are always watched by some rule. The median is what
a tick costs, the worst tick is the one in which growth is measured anew (every ten seconds).
"""

import itertools
import time
from dataclasses import replace
from statistics import median

import numpy as np

from benchmarks.row import Row
from smoothtask_gui.adapters.shipped_rules import shipped_rules
from smoothtask_gui.domain.apps import AppGrouper
from smoothtask_gui.domain.batch import EXITED, PROCESS, Batch, SystemReading
from smoothtask_gui.domain.culprit import Culprits
from smoothtask_gui.domain.judging.judge import Judge
from smoothtask_gui.domain.judging.runaway import runaway_rule
from smoothtask_gui.domain.parts import DiskReading, FileSystemReading, Parts
from smoothtask_gui.domain.rates import rates
from smoothtask_gui.domain.sample import Sample
from smoothtask_gui.domain.sensors import NO_OWN_LIMITS

PROCESSES = 1000
TICKS = 120
SECOND = 1_000_000_000


def samples() -> list[Sample]:
    """A desktop of 100 apps with ten processes each, one second a tick."""
    chance = np.random.default_rng(4)
    rows = np.zeros(PROCESSES, PROCESS)
    rows["pid"] = np.arange(1000, 1000 + PROCESSES)
    rows["parent_pid"] = np.where(np.arange(PROCESSES) % 10, rows["pid"] - np.arange(PROCESSES) % 10, 1)
    rows["comm"] = [f"app{number // 10}".encode() for number in range(PROCESSES)]
    rows["start_ns"], rows["state"], rows["uid"] = SECOND, b"S", 1000
    rows["rss_bytes"] = chance.integers(1 << 20, 1 << 28, PROCESSES)
    made: list[Batch] = []
    for tick in range(TICKS + 1):
        rows = rows.copy()
        busy = chance.random(PROCESSES) < 0.3
        rows["run_ns"] += np.where(busy, chance.integers(0, 20_000_000, PROCESSES), 0).astype(np.uint64)
        rows["run_ns"][:10] += np.uint64(SECOND)
        rows["rss_bytes"] += np.where(busy, 4096, 0).astype(np.uint64)
        rows["rss_bytes"][10:18] += np.uint64(5_000_000)
        made.append(batch_of(1000 * SECOND + tick * SECOND, rows))
    grouper = AppGrouper()
    pairs = itertools.pairwise(made)
    return [grouper.group(sample) for before, now in pairs if (sample := rates(before, now)) is not None]


def batch_of(boottime_ns: int, rows: np.ndarray) -> Batch:
    """The rows at that time on a machine of 16 CPUs with a busy disk."""
    at_ms = boottime_ns // 1_000_000
    disk = DiskReading("sda", at_ms * 1000, at_ms * 3000, at_ms, at_ms, at_ms // 2, 1, at_ms // 100)
    system = SystemReading(
        boottime_ns, 16, boottime_ns * 4, boottime_ns * 12, 0, 0, 2**35, 2**34, 2**33, 2**33, 1, 1, 1, 1, 0, 0, 0,
        on_battery=False, memory_full_pressure_us=0, io_full_pressure_us=0, swap_in_bytes=0, swap_out_bytes=0,
        forks=at_ms // 20, throttled_ms=0, disks=(disk,),
    )  # fmt: skip
    parts = Parts(file_systems=(FileSystemReading("/", "/dev/sda1", 2**40, 2**39, 2**26, 2**25),))
    return Batch(boottime_ns, boottime_ns, "helper", rows, np.zeros(0, EXITED), system, parts=parts)


def measure() -> list[Row]:
    rules = shipped_rules()
    declared = (runaway_rule(replace(rules.runaway)), *rules.declared)
    judge = Judge(lambda _: True, lambda _: Culprits())
    judge.set_rules(declared, 0)
    costs = []
    for sample in samples():
        started_ns = time.thread_time_ns()
        judge.receive_sample(sample, NO_OWN_LIMITS)
        costs.append((time.thread_time_ns() - started_ns) / 1e6)
    note = f"{len(declared)} rules; the worst tick {max(costs[10:]):.2f} ms"
    return [Row("judging one tick, 1,000 processes, all rules", median(costs[10:]), "ms", "at most", 1.5, note)]
