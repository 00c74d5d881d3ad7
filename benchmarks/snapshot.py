"""One snapshot of all tasks through the helper's own reader, beside psutil with the same fields.

CPU time of the calling thread (CLOCK_THREAD_CPUTIME_ID), which the iterator's work in the kernel is part of. Back to
back finds warm caches, paced at 1 Hz cold ones: both are given. Medians, since this machine isn't ours alone.
"""

import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import psutil  # type: ignore[import-untyped]  # ships no types

from benchmarks import load
from benchmarks.row import Row
from helper.loaders.libbpf import Libbpf
from helper.probes.row_table import TASK_BYTES
from helper.probes.task_snapshot import TaskSnapshot

OBJECTS = Path(__file__).parents[1] / "build" / "bpf"
FIELDS = [
    *["pid", "ppid", "name", "uids", "status", "create_time", "cpu_times", "memory_info", "io_counters"],
    *["num_ctx_switches", "num_threads"],
]
PACED_PASSES = 15
IN_TURNS = "a program run for each task; in turns with the rows above"


def thread_ms(work: Callable[[], object]) -> float:
    """CPU milliseconds of one call."""
    started = time.thread_time_ns()
    work()
    return (time.thread_time_ns() - started) / 1e6


def each_paced_ms(work: Callable[[], object], passes: int = PACED_PASSES) -> list[float]:
    """Of calls made once a second."""
    costs = []
    for _ in range(passes):
        time.sleep(1)
        costs.append(thread_ms(work))
    return costs


def paced_ms(work: Callable[[], object]) -> float:
    """Median of calls made once a second."""
    return median(each_paced_ms(work))


def with_psutil() -> None:
    for process in psutil.process_iter(FIELDS):
        process.info  # noqa: B018  the access is what is measured: psutil reads on iteration


class BeforeTheWalk(Libbpf):
    """As on a kernel before 6.7, which runs a program for each task."""

    def lends(self, function: bytes) -> bool:
        return function != b"bpf_iter_task_new" and super().lends(function)


def paced_in_turns_ms(one: Callable[[], object], other: Callable[[], object]) -> tuple[float, float]:
    """Medians of calls made once a second, each after one of the other."""
    costs = [(thread_ms(work), time.sleep(1))[0] for _ in range(PACED_PASSES) for work in (one, other)]
    return median(costs[::2]), median(costs[1::2])


def measure() -> list[Row]:
    probe, older = TaskSnapshot(Libbpf(OBJECTS)), TaskSnapshot(BeforeTheWalk(OBJECTS))
    probe.open()
    older.open()
    buffer = memoryview(bytearray(65_536 * TASK_BYTES))

    def tasks() -> int:
        return probe.read_into(buffer).byte_count // TASK_BYTES

    def tasks_one_by_one() -> int:
        return older.read_into(buffer).byte_count // TASK_BYTES

    try:
        others = tasks()
        with load.idle(max(1000 - others, 0)):
            small_count = tasks()
            small_ms = median(thread_ms(tasks) for _ in range(200))
            psutil_ms = median(thread_ms(with_psutil) for _ in range(7))
            small_paced_ms, small_older_ms = paced_in_turns_ms(tasks, tasks_one_by_one)
        with load.idle(max(10_000 - others, 0)):
            large_count = tasks()
            large_ms = median(thread_ms(tasks) for _ in range(40))
            large_paced_ms, large_older_ms = paced_in_turns_ms(tasks, tasks_one_by_one)
        with load.threads(50_000 - others):
            thread_count = tasks()
            threads_ms = median(thread_ms(tasks) for _ in range(20))
            threads_paced_ms, threads_older_ms = paced_in_turns_ms(tasks, tasks_one_by_one)
    finally:
        older.close()
        probe.close()
    counted = f"{small_count} tasks, {others} of them not ours"
    growth = f"{large_count} tasks {large_paced_ms:.2f} ms"
    warm = f"{large_count} tasks {large_ms:.2f} ms; 1,000 fit the CPU's caches, 10,000 don't"
    threads = f"{thread_count} tasks, nearly all threads of one process; back to back {threads_ms:.1f} ms"
    return [
        Row("snapshot of 1,000 tasks, back to back", small_ms, "ms", "at most", 0.6, counted),
        Row("snapshot of 1,000 tasks, once a second", small_paced_ms, "ms", "at most", 1.2, counted),
        Row("the same with psutil", psutil_ms, "ms"),
        Row("psutil's cost over ours", psutil_ms / small_ms, "times", "at least", 200),
        Row("10,000 tasks over 1,000, once a second", large_paced_ms / small_paced_ms, "times", "at most", 11, growth),
        Row("10,000 tasks over 1,000, back to back", large_ms / small_ms, "times", note=warm),
        Row("snapshot of 50,000 tasks, once a second", threads_paced_ms, "ms", "at most", 30, threads),
        Row("1,000 tasks as kernels before 6.7 give them, once a second", small_older_ms, "ms", note=IN_TURNS),
        Row("10,000 tasks as kernels before 6.7 give them, once a second", large_older_ms, "ms", note=IN_TURNS),
        Row("50,000 tasks as kernels before 6.7 give them, once a second", threads_older_ms, "ms", note=IN_TURNS),
    ]
