"""Both loaders side by side: time to load, memory, and what an event costs, from the same events in one run.

CO-RE objects are compiled when the package is built; BCC compiles here, in a child that ends before its programs are
used. Run times are the kernel's own (kernel.bpf_stats_enabled, set back afterwards). BCC's programs include
sched_stat_runtime, which runs at every switch: that is what accounting costs where no kernel struct can be read.
"""

import os
import resource
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks.row import Row
from helper.loaders.bcc import Bcc
from helper.loaders.libbpf import Libbpf
from helper.probes import BlockIo, OomEvents, ProcessEvents, TaskSnapshot, ThermalEvents
from helper.probes.bcc_programs import ProcessEventsBySums
from helper.probes.probe import Probe
from helper.probes.proc_snapshot import ProcSnapshot
from helper.probes.program import COUNTING_RUNS
from helper.probes.row_table import TASK_BYTES
from tests.bpf.headers import enter_place_to_compile

TOP = Path(__file__).parents[1]
ROUNDS = 3
FORKS = 400
KIB = 1024


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one loader: `process_us` is the programs' run time per process that is forked, execs and ends."""

    load_ms: float
    kernel_kib: float
    process_us: float
    snapshot_ms: float


@contextmanager
def counted_runs() -> Iterator[None]:
    """The kernel counts runs of programs."""
    before = COUNTING_RUNS.read_text()
    COUNTING_RUNS.write_text("1")
    try:
        yield
    finally:
        COUNTING_RUNS.write_text(before)


def core() -> list[Probe]:
    door = Libbpf(TOP / "build" / "bpf")
    return [TaskSnapshot(door), ProcessEvents(door), OomEvents(door), ThermalEvents(door), BlockIo(door)]


def bcc() -> list[Probe]:
    door = Bcc(TOP / "bpf" / "bcc")
    return [ProcSnapshot(), ProcessEventsBySums(door), OomEvents(door), ThermalEvents(door), BlockIo(door)]


def load_ms(make: Callable[[], list[Probe]]) -> float:
    """Open all, in milliseconds; they are closed again."""
    started = time.perf_counter_ns()
    probes = make()
    for probe in probes:
        probe.open()
    took_ms = (time.perf_counter_ns() - started) / 1e6
    for probe in probes:
        probe.close()
    return took_ms


def cost_of(make: Callable[[], list[Probe]]) -> Cost:
    loads = [load_ms(make) for _ in range(ROUNDS)]
    probes = make()
    for probe in probes:
        probe.open()
    snapshot, events = probes[0], probes[1]
    assert isinstance(snapshot, TaskSnapshot | ProcSnapshot)
    buffer = memoryview(bytearray(8192 * TASK_BYTES))
    try:
        before_ns = events.cost().run_ns or 0
        for _ in range(FORKS):
            subprocess.run(["/bin/true"], check=True)
        process_us = ((events.cost().run_ns or 0) - before_ns) / 1e3 / FORKS
        passes = []
        for _ in range(20):
            started = time.thread_time_ns()
            snapshot.read_into(buffer)
            passes.append((time.thread_time_ns() - started) / 1e6)
        kernel_kib = sum(probe.cost().memory_bytes for probe in probes) / KIB
    finally:
        for probe in probes:
            probe.close()
    return Cost(median(loads), kernel_kib, process_us, median(passes))


def measure() -> list[Row]:
    enter_place_to_compile()
    with counted_runs():
        ours, theirs = cost_of(core), cost_of(bcc)
    compiler_mib = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / KIB
    tasks = sum(name.isdigit() for name in os.listdir("/proc"))  # noqa: PTH208 - a count
    four = "task_snapshot, process_events, oom_events, thermal_events, block_io"
    return [
        Row("CO-RE: load and attach five probes", ours.load_ms, "ms", note=four),
        Row("BCC: compile, load and attach the same", theirs.load_ms, "ms", note="the snapshot is /proc there"),
        Row("BCC: the compiler's memory, given back", compiler_mib, "MiB", note="in a child, at its peak"),
        Row("CO-RE: kernel memory", ours.kernel_kib, "KiB"),
        Row("BCC: kernel memory", theirs.kernel_kib, "KiB"),
        Row("CO-RE: programs per process", ours.process_us, "µs", note="fork, exec, end"),
        Row("BCC: programs per process", theirs.process_us, "µs", note="and all switches meanwhile, of everybody"),
        Row(f"CO-RE: snapshot of {tasks} processes", ours.snapshot_ms, "ms"),
        Row("BCC: the same from /proc", theirs.snapshot_ms, "ms", note="processes only, no bytes"),
    ]
