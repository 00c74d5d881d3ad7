"""One snapshot of all tasks through the helper's own reader, beside psutil with the same fields.

CPU time of the calling thread (CLOCK_THREAD_CPUTIME_ID), which the iterator's work in the kernel is part of. Back to
back finds warm caches, paced at 1 Hz cold ones: both are given. Medians, since this machine isn't ours alone.
"""

import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
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


def with_psutil() -> None:
    for process in psutil.process_iter(FIELDS):
        process.info  # noqa: B018  the access is what is measured: psutil reads on iteration


class BeforeTheWalk(Libbpf):
    """As on a kernel before 6.7, which runs a program for each task."""

    def lends(self, function: bytes) -> bool:
        return function != b"bpf_iter_task_new" and super().lends(function)


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


def paced_in_turns_ms(one: Callable[[], object], other: Callable[[], object]) -> tuple[float, float]:
    """Medians of calls made once a second, each after one of the other."""
    costs = [cost for _ in range(PACED_PASSES) for work in (one, other) for cost in each_paced_ms(work, 1)]
    return median(costs[::2]), median(costs[1::2])


@dataclass(frozen=True, slots=True)
class Measured:
    """Of one number of tasks, milliseconds: back to back, once a second, and that as older kernels do it."""

    tasks: int
    warm_ms: float
    paced_ms: float
    older_ms: float


class Snapshots:
    """Both ways, into one buffer. Open from the start; close it."""

    def __init__(self) -> None:
        self._probe, self._older = TaskSnapshot(Libbpf(OBJECTS)), TaskSnapshot(BeforeTheWalk(OBJECTS))
        self._buffer = memoryview(bytearray(65_536 * TASK_BYTES))
        self._probe.open()
        self._older.open()

    def close(self) -> None:
        self._older.close()
        self._probe.close()

    def tasks(self) -> int:
        return self._probe.read_into(self._buffer).byte_count // TASK_BYTES

    def _tasks_one_by_one(self) -> int:
        return self._older.read_into(self._buffer).byte_count // TASK_BYTES

    def measure(self, passes: int) -> Measured:
        """`passes`: how many back to back."""
        count = self.tasks()
        warm_ms = median(thread_ms(self.tasks) for _ in range(passes))
        return Measured(count, warm_ms, *paced_in_turns_ms(self.tasks, self._tasks_one_by_one))


def measure() -> list[Row]:
    with closing(Snapshots()) as snapshots:
        others = snapshots.tasks()
        with load.idle(max(1000 - others, 0)):
            few = snapshots.measure(200)
            psutil_ms = median(thread_ms(with_psutil) for _ in range(7))
        with load.idle(max(10_000 - others, 0)):
            many = snapshots.measure(40)
        with load.threads(50_000 - others):
            threads = snapshots.measure(20)
    counted = f"{few.tasks} tasks, {others} of them not ours"
    growth = f"{many.tasks} tasks {many.paced_ms:.2f} ms"
    warm = f"{many.tasks} tasks {many.warm_ms:.2f} ms; 1,000 fit the CPU's caches, 10,000 don't"
    of_one = f"{threads.tasks} tasks, nearly all threads of one process; back to back {threads.warm_ms:.1f} ms"
    return [
        Row("snapshot of 1,000 tasks, back to back", few.warm_ms, "ms", "at most", 0.6, counted),
        Row("snapshot of 1,000 tasks, once a second", few.paced_ms, "ms", "at most", 1.2, counted),
        Row("the same with psutil", psutil_ms, "ms"),
        Row("psutil's cost over ours", psutil_ms / few.warm_ms, "times", "at least", 200),
        Row("10,000 tasks over 1,000, once a second", many.paced_ms / few.paced_ms, "times", "at most", 11, growth),
        Row("10,000 tasks over 1,000, back to back", many.warm_ms / few.warm_ms, "times", note=warm),
        Row("snapshot of 50,000 tasks, once a second", threads.paced_ms, "ms", "at most", 30, of_one),
        *(
            Row(f"{what} as kernels before 6.7 give them, once a second", found.older_ms, "ms", note=IN_TURNS)
            for what, found in (("1,000 tasks", few), ("10,000 tasks", many), ("50,000 tasks", threads))
        ),
    ]
