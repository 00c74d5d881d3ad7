"""What hooks counted between two batches: disks' requests, searches for memory, waits, system calls, files.

A row that is new counts from zero; one whose `first_ns` changed is new. Rows in which nothing happened are left out.
Latencies come as histograms whose slots double, so a percentile is given as the slot's upper end: "at most".
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from smoothtask_gui.domain.grown import Grown, at_most_us, comm_of, mean_us
from smoothtask_gui.domain.unix_sockets import UnixHolding, unix_holdings

if TYPE_CHECKING:
    from smoothtask_gui.domain.activity import Activity, Rows
    from smoothtask_gui.domain.batch import Batch

OPERATIONS: Final = {1: "read", 2: "write", 3: "flush", 4: "discard"}
"""`enum st_block_operation`."""


@dataclass(frozen=True, slots=True)
class DiskRates:
    """Finished requests of one disk and operation, from allocation to end. None: none had its time taken."""

    major: int  # 0: disks that found no row of their own
    minor: int
    operation: str
    requests_per_s: float
    bytes_per_s: float
    errors_per_s: float
    mean_us: float | None
    p50_us: float | None
    p99_us: float | None


@dataclass(frozen=True, slots=True)
class ReclaimRates:
    """A process that looked for free memory itself and waited meanwhile."""

    pid: int
    start_ns: int
    comm: str
    wait_ratio: float  # seconds per second, threads add up
    searches_per_s: float
    freed_pages_per_s: float


@dataclass(frozen=True, slots=True)
class CpuFrequency:
    """What the kernel last asked of a CPU."""

    cpu: int
    frequency_khz: int
    changes_per_s: float


@dataclass(frozen=True, slots=True)
class RunQueueRates:
    """Waits for a CPU that ended, of all tasks."""

    waits_per_s: float
    mean_us: float | None
    p50_us: float | None
    p99_us: float | None
    slots_per_s: tuple[float, ...]  # slot n: waits of [2^n, 2^(n+1)) ns; the last takes all that is longer


@dataclass(frozen=True, slots=True)
class CallerRates:
    """System calls of a process that returned."""

    pid: int
    start_ns: int
    comm: str
    calls_per_s: float
    failed_per_s: float
    time_ratio: float  # seconds in calls per second, asleep or not; threads add up


@dataclass(frozen=True, slots=True)
class SyscallRates:
    """One system call, by all processes; `number` of this machine's ABI, None for 32-bit programs' and unknown ones."""

    number: int | None
    calls_per_s: float
    failed_per_s: float
    mean_us: float | None
    p50_us: float | None
    p99_us: float | None


@dataclass(frozen=True, slots=True)
class FileUserRates:
    """Calls on files of one process."""

    pid: int
    start_ns: int
    comm: str
    opens_per_s: float
    read_bps: float
    write_bps: float
    syncs_per_s: float
    sync_ratio: float


@dataclass(frozen=True, slots=True)
class FileSystemRates:
    """Calls on files of one file system, by all processes; (major, minor) as in /proc/PID/mountinfo."""

    major: int
    minor: int
    type: str
    opens_per_s: float
    read_bps: float
    write_bps: float
    syncs_per_s: float
    sync_p50_us: float | None
    sync_p99_us: float | None
    mount: str | None = None  # domain/mounts.py


@dataclass(frozen=True, slots=True)
class GpuUserRates:
    """A process's jobs on graphics cards that ended, as the kernel's scheduler of cards saw them."""

    pid: int
    start_ns: int
    comm: str
    jobs_per_s: float
    busy_ratio: float  # seconds per second; rings work side by side and add up


@dataclass(frozen=True, slots=True)
class GpuWaiterRates:
    """What a process handed to cards, and its waits for them that are over."""

    pid: int
    start_ns: int
    comm: str
    fences_per_s: float
    waits_per_s: float
    wait_ratio: float  # seconds per second, threads add up


@dataclass(frozen=True, slots=True)
class GpuMemory:
    """What a process has of a card's memory; `card` is a number of the driver's, pid 0 all of the card."""

    card: int
    pid: int
    start_ns: int
    comm: str
    memory_bytes: int


@dataclass(frozen=True, slots=True)
class ActivityRates:
    """None where there is no reading: nobody asked, or the probe isn't running."""

    disks: tuple[DiskRates, ...] | None = None
    reclaim: tuple[ReclaimRates, ...] | None = None
    cpu_frequency: tuple[CpuFrequency, ...] | None = None
    run_queue: RunQueueRates | None = None
    callers: tuple[CallerRates, ...] | None = None
    syscalls: tuple[SyscallRates, ...] | None = None
    file_users: tuple[FileUserRates, ...] | None = None
    file_systems: tuple[FileSystemRates, ...] | None = None
    gpu_users: tuple[GpuUserRates, ...] | None = None
    gpu_waiters: tuple[GpuWaiterRates, ...] | None = None
    gpu_memory: tuple[GpuMemory, ...] | None = None
    unix_holders: tuple[UnixHolding, ...] | None = None


def activity_rates(previous: Batch, current: Batch) -> ActivityRates:
    """`current` comes after `previous`."""
    rates = rates_between(previous.activity, current.activity, previous.boottime_ns, current.boottime_ns)
    if previous.block_io is None or current.block_io is None:
        return rates
    seconds = (current.boottime_ns - previous.boottime_ns) / 1e9
    keys = ("major", "minor", "operation")
    grown = Grown(previous.block_io, current.block_io, keys, previous.boottime_ns, seconds)
    return replace(rates, disks=_disks(grown))


def rates_between(before: Activity, now: Activity, before_ns: int, now_ns: int) -> ActivityRates:
    """Of the tables of two moments of boot time, without disks, which aren't among them."""
    seconds = (now_ns - before_ns) / 1e9

    def grown(old: Rows | None, new: Rows | None, *keys: str) -> Grown | None:
        return None if old is None or new is None else Grown(old, new, keys, before_ns, seconds)

    actor = ("pid", "start_ns", "uid", "uids_differ")
    frequencies = grown(before.cpu_frequency, now.cpu_frequency, "cpu")
    return ActivityRates(
        reclaim=_reclaim(grown(before.reclaim, now.reclaim, *actor)),
        cpu_frequency=_frequencies(frequencies, now.cpu_frequency),
        run_queue=_run_queue(grown(before.run_queue, now.run_queue)),
        callers=_callers(grown(before.callers, now.callers, *actor)),
        syscalls=_syscalls(grown(before.syscalls, now.syscalls, "number")),
        file_users=_file_users(grown(before.file_users, now.file_users, *actor)),
        file_systems=_file_systems(grown(before.file_systems, now.file_systems, "major", "minor")),
        gpu_users=_gpu_users(grown(before.gpu_users, now.gpu_users, *actor)),
        gpu_waiters=_gpu_waiters(grown(before.gpu_waiters, now.gpu_waiters, *actor)),
        gpu_memory=_gpu_memory(now.gpu_memory),
        unix_holders=unix_holdings(now),
    )


def _disks(grown: Grown | None) -> tuple[DiskRates, ...] | None:
    if grown is None:
        return None
    requests = grown.per_s("requests")
    if not requests.any():
        return ()
    size, errors = (grown.per_s(name) for name in ("bytes", "errors"))
    timed, latency_ns, latencies = (grown.of(name) for name in ("timed_requests", "latency_ns", "latencies"))
    return tuple(
        DiskRates(
            int(row["major"]),
            int(row["minor"]),
            OPERATIONS.get(int(row["operation"]), "other"),
            float(requests[at]),
            float(size[at]),
            float(errors[at]),
            mean_us(float(latency_ns[at]), float(timed[at])),
            at_most_us(latencies[at], 0.5, 1000),
            at_most_us(latencies[at], 0.99, 1000),
        )
        for at, row in enumerate(grown.rows)
        if requests[at]
    )


def _reclaim(grown: Grown | None) -> tuple[ReclaimRates, ...] | None:
    if grown is None:
        return None
    if not len(grown.rows):
        return ()
    waited = (grown.per_s("machine_ns") + grown.per_s("cgroup_ns")) / 1e9
    searches = grown.per_s("machine_count") + grown.per_s("cgroup_count")
    freed = grown.per_s("freed_pages")
    return tuple(
        ReclaimRates(
            int(row["pid"]),
            int(row["start_ns"]),
            comm_of(row),
            float(waited[at]),
            float(searches[at]),
            float(freed[at]),
        )
        for at, row in enumerate(grown.rows)
        if searches[at]
    )


def _frequencies(grown: Grown | None, now: Rows | None) -> tuple[CpuFrequency, ...] | None:
    if grown is None or now is None:
        return None
    changes = grown.per_s("changes")
    return tuple(
        CpuFrequency(int(row["cpu"]), int(row["frequency_khz"]), float(changes[at])) for at, row in enumerate(now)
    )


def _run_queue(grown: Grown | None) -> RunQueueRates | None:
    if grown is None or not len(grown.rows):
        return None
    count, durations = int(grown.of("count")[0]), grown.of("durations")[0]
    mean = mean_us(float(grown.of("wait_ns")[0]), count)
    p50_us, p99_us = (at_most_us(durations, share, 1) for share in (0.5, 0.99))
    slots = tuple((durations / grown.seconds).tolist())
    return RunQueueRates(count / grown.seconds, mean, p50_us, p99_us, slots)


def _callers(grown: Grown | None) -> tuple[CallerRates, ...] | None:
    if grown is None:
        return None
    if not len(grown.rows):
        return ()
    calls, failed, spent = grown.per_s("calls"), grown.per_s("failed"), grown.per_s("call_ns") / 1e9
    return tuple(
        CallerRates(
            int(row["pid"]), int(row["start_ns"]), comm_of(row), float(calls[at]), float(failed[at]), float(spent[at])
        )
        for at, row in enumerate(grown.rows)
        if calls[at]
    )


def _syscalls(grown: Grown | None) -> tuple[SyscallRates, ...] | None:
    if grown is None:
        return None
    if not len(grown.rows):
        return ()
    calls, failed = grown.per_s("calls"), grown.per_s("failed")
    count, spent_ns, durations = grown.of("calls"), grown.of("call_ns"), grown.of("durations")
    return tuple(
        SyscallRates(
            None if row["number"] == 0xFFFFFFFF else int(row["number"]),
            float(calls[at]),
            float(failed[at]),
            mean_us(float(spent_ns[at]), float(count[at])),
            at_most_us(durations[at], 0.5, 1),
            at_most_us(durations[at], 0.99, 1),
        )
        for at, row in enumerate(grown.rows)
        if count[at]
    )


def _file_users(grown: Grown | None) -> tuple[FileUserRates, ...] | None:
    if grown is None:
        return None
    if not len(grown.rows):
        return ()
    names = ("opens", "read_bytes", "written_bytes", "syncs", "sync_ns")
    opens, read, written, syncs, sync_ns = (grown.per_s(name) for name in names)
    return tuple(
        FileUserRates(
            int(row["pid"]),
            int(row["start_ns"]),
            comm_of(row),
            float(opens[at]),
            float(read[at]),
            float(written[at]),
            float(syncs[at]),
            float(sync_ns[at]) / 1e9,
        )
        for at, row in enumerate(grown.rows)
        if opens[at] or read[at] or written[at] or syncs[at]
    )


def _file_systems(grown: Grown | None) -> tuple[FileSystemRates, ...] | None:
    if grown is None:
        return None
    if not len(grown.rows):
        return ()
    opens, read, written, syncs = (grown.per_s(name) for name in ("opens", "read_bytes", "written_bytes", "syncs"))
    durations = grown.of("durations")
    return tuple(
        FileSystemRates(
            int(row["major"]),
            int(row["minor"]),
            bytes(row["type"]).decode("utf-8", "replace"),
            float(opens[at]),
            float(read[at]),
            float(written[at]),
            float(syncs[at]),
            at_most_us(durations[at], 0.5, 1),
            at_most_us(durations[at], 0.99, 1),
        )
        for at, row in enumerate(grown.rows)
        if opens[at] or read[at] or written[at] or syncs[at]
    )


def _gpu_users(grown: Grown | None) -> tuple[GpuUserRates, ...] | None:
    if grown is None:
        return None
    if not len(grown.rows):
        return ()
    jobs, busy = grown.per_s("jobs"), grown.per_s("busy_ns") / 1e9
    return tuple(
        GpuUserRates(int(row["pid"]), int(row["start_ns"]), comm_of(row), float(jobs[at]), float(busy[at]))
        for at, row in enumerate(grown.rows)
        if jobs[at]
    )


def _gpu_waiters(grown: Grown | None) -> tuple[GpuWaiterRates, ...] | None:
    if grown is None:
        return None
    if not len(grown.rows):
        return ()
    fences, waits, waited = grown.per_s("fences"), grown.per_s("waits"), grown.per_s("wait_ns") / 1e9
    return tuple(
        GpuWaiterRates(
            int(row["pid"]), int(row["start_ns"]), comm_of(row), float(fences[at]), float(waits[at]), float(waited[at])
        )
        for at, row in enumerate(grown.rows)
        if fences[at] or waits[at]
    )


def _gpu_memory(now: Rows | None) -> tuple[GpuMemory, ...] | None:
    if now is None:
        return None
    return tuple(
        GpuMemory(int(row["card"]), int(row["pid"]), int(row["start_ns"]), comm_of(row), int(row["bytes"]))
        for row in now
    )
