"""What each activity probe costs an event, by the kernel's own count, and what calls cost with it on against off.

The kernel counts run time while kernel.bpf_stats_enabled is 1, which adds two clock readings to each run, most of which
it doesn't count; the sysctl is put back. Calls are paired as in others.py, without counting. These probes are opt-in or
fire rarely: their figures are for docs/ebpf.md and to show a relapse, not promises.
"""

import ctypes
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from benchmarks import load
from benchmarks.events import small_cgroup
from benchmarks.row import Row
from helper.loaders.libbpf import Libbpf
from helper.probes.activity import ActivityProbe
from helper.probes.cpu_frequency import CpuFrequency
from helper.probes.file_activity import FileActivity
from helper.probes.memory_reclaim import RECLAIM, MemoryReclaim
from helper.probes.program import COUNTING_RUNS
from helper.probes.run_queue import RunQueue
from helper.probes.syscalls import Syscalls
from helper.probes.visibility import Mode, Visibility

OBJECTS = Path(__file__).parents[1] / "build" / "bpf"
CALLS, PAIRS, SWITCHES = 100_000, 15, 20_000
EVERYTHING = Visibility(Mode.SEES_ALL, 0)


class TestRun(ctypes.Structure):
    """`struct bpf_test_run_opts`, libbpf's bpf.h."""

    _fields_ = (
        ("sz", ctypes.c_size_t),
        ("pointers_and_sizes", ctypes.c_uint64 * 3),
        ("ctx_in", ctypes.c_void_p),
        ("ctx_out", ctypes.c_void_p),
        ("ctx_size_in", ctypes.c_uint32),
        ("rest", ctypes.c_uint32 * 7),
    )


@contextmanager
def counting() -> Iterator[None]:
    before = COUNTING_RUNS.read_text()
    COUNTING_RUNS.write_text("1")
    try:
        yield
    finally:
        COUNTING_RUNS.write_text(before)


@contextmanager
def opened(probe: ActivityProbe) -> Iterator[ActivityProbe]:
    probe.open()
    try:
        yield probe
    finally:
        probe.close()


def call() -> None:
    for _ in range(CALLS):
        os.getppid()


def read_file() -> None:
    with tempfile.TemporaryFile() as file:
        file.write(bytes(4096))
        file.flush()
        fd = file.fileno()
        for _ in range(CALLS):
            os.pread(fd, 1, 0)


def run_ns(probe: ActivityProbe, work: Callable[[], object]) -> tuple[int, int]:
    """Runs of the probe's programs while `work` was done, and their time."""
    with counting():
        before = probe.cost()
        work()
        after = probe.cost()
    assert None not in (before.runs, before.run_ns, after.runs, after.run_ns)
    return (after.runs or 0) - (before.runs or 0), (after.run_ns or 0) - (before.run_ns or 0)


def slower_by_ns(probe: ActivityProbe, work: Callable[[], object]) -> tuple[float, str]:
    """Wall time of one of CALLS with the probe on, less that with it off: median of pairs, and their middle half."""
    found = []
    for pair in range(PAIRS):
        took = {}
        for on in (True, False) if pair % 2 else (False, True):
            if on:
                probe.open()
            started = time.perf_counter_ns()
            work()
            took[on] = time.perf_counter_ns() - started
            probe.close()
        found.append((took[True] - took[False]) / CALLS)
    found.sort()
    return median(found), f"median of {PAIRS} pairs; the middle half {found[PAIRS // 4]:.0f} to {found[-4]:.0f} ns"


def of_calls(probe: ActivityProbe, what: str, work: Callable[[], object]) -> list[Row]:
    with opened(probe):
        work()
        _, spent_ns = run_ns(probe, work)
    more_ns, spread = slower_by_ns(probe, work)
    return [
        Row(f"{probe.name}: its programs, {what}", spent_ns / CALLS, "ns"),
        Row(f"{probe.name}: slower by, {what}", more_ns, "ns", note=spread),
    ]


def of_switches(probe: ActivityProbe) -> list[Row]:
    with opened(probe):
        runs, spent_ns = run_ns(probe, lambda: load.elapsed_ns("pingpong", "4", str(SWITCHES)))
    return [Row("run_queue: its program, a switch", spent_ns / runs, "ns", note=f"{runs} switches")]


def of_reclaim(probe: ActivityProbe) -> list[Row]:
    def hoard() -> None:
        with small_cgroup() as group, tempfile.NamedTemporaryFile() as big:
            os.truncate(big.fileno(), 256 << 20)
            if not os.fork():
                (group / "cgroup.procs").write_text(str(os.getpid()))
                read_through(big.name)
                os._exit(0)
            os.wait()

    with opened(probe):
        runs, spent_ns = run_ns(probe, hoard)
        rows = RECLAIM.iter_unpack(probe.tables()[0].rows)
        took_ns = sum(row[8] + row[10] for row in rows)
    searches = max(runs // 2, 1)
    note = f"{searches} searches, {took_ns / searches / 1000:.0f} µs each"
    return [Row("memory_reclaim: its programs, a search for memory", spent_ns / searches, "ns", note=note)]


def read_through(name: str) -> None:
    with Path(name).open("rb", buffering=0) as file:
        while file.read(1 << 20):
            pass


def of_frequency(door: Libbpf, probe: ActivityProbe) -> list[Row]:
    """Runs the program through BPF_PROG_TEST_RUN: this machine may have no cpufreq."""
    with opened(probe):
        assert probe._object is not None  # noqa: SLF001 - a probe never runs its own programs, so it has no door to them
        [program], _ = probe._object.fds()  # noqa: SLF001 - as above
        arguments = (ctypes.c_uint64 * 2)(3_200_000, 0)
        test = TestRun(sz=ctypes.sizeof(TestRun), ctx_in=ctypes.addressof(arguments), ctx_size_in=16)

        def change() -> None:
            for _ in range(10_000):
                door.calls.bpf_prog_test_run_opts(program, ctypes.byref(test))

        runs, spent_ns = run_ns(probe, change)
    return [Row("cpu_frequency: its program, a change", spent_ns / max(runs, 1), "ns", note=f"{runs} test runs")]


def of_memory(probes: list[ActivityProbe]) -> list[Row]:
    found = []
    for probe in probes:
        with opened(probe):
            found.append(Row(f"{probe.name}: kernel memory", probe.cost().memory_bytes / 1024, "KiB"))
    return found


def measure() -> list[Row]:
    door = Libbpf(OBJECTS)
    load.build()
    reclaim, frequency, waits, calls, files = (
        kind(door) for kind in (MemoryReclaim, CpuFrequency, RunQueue, Syscalls, FileActivity)
    )
    return [
        *of_calls(calls, "a call", call),
        *of_calls(files, "a read of a file", read_file),
        *of_calls(files, "a call that isn't on files", call),
        *of_switches(waits),
        *of_reclaim(reclaim),
        *of_frequency(door, frequency),
        *of_memory([reclaim, frequency, waits, calls, files]),
    ]
