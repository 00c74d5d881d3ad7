"""What hooks counted between two batches: disks' requests, searches for memory, waits, system calls, files.

A row that is new counts from zero; one whose `first_ns` changed is new. Rows in which nothing happened are left out.
Latencies come as histograms whose slots double, so a percentile is given as the slot's upper end: "at most".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from smoothtask_gui.domain.batch import Batch

Rows = npt.NDArray[np.void]
Counts = npt.NDArray[np.uint64]

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


def activity_rates(previous: Batch, current: Batch) -> ActivityRates:
    """`current` comes after `previous`."""
    before, now = previous.activity, current.activity
    seconds = (current.boottime_ns - previous.boottime_ns) / 1e9

    def grown(old: Rows | None, new: Rows | None, *keys: str) -> _Grown | None:
        return None if old is None or new is None else _Grown(old, new, keys, previous.boottime_ns, seconds)

    actor = ("pid", "start_ns", "uid", "uids_differ")
    frequencies = grown(before.cpu_frequency, now.cpu_frequency, "cpu")
    return ActivityRates(
        disks=_disks(grown(previous.block_io, current.block_io, "major", "minor", "operation")),
        reclaim=_reclaim(grown(before.reclaim, now.reclaim, *actor)),
        cpu_frequency=_frequencies(frequencies, now.cpu_frequency),
        run_queue=_run_queue(grown(before.run_queue, now.run_queue)),
        callers=_callers(grown(before.callers, now.callers, *actor)),
        syscalls=_syscalls(grown(before.syscalls, now.syscalls, "number")),
        file_users=_file_users(grown(before.file_users, now.file_users, *actor)),
        file_systems=_file_systems(grown(before.file_systems, now.file_systems, "major", "minor")),
    )


class _Grown:
    """The differences of cumulative rows of the same `keys`, in the order of `now`."""

    def __init__(self, before: Rows, now: Rows, keys: tuple[str, ...], previous_ns: int, seconds: float) -> None:
        has_begin = "first_ns" in (now.dtype.names or ())
        identity = (*keys, "first_ns") if has_begin else keys
        if len(before) == len(now) and all((before[name] == now[name]).all() for name in identity):
            known = np.arange(len(now))
        else:
            places = {_key(row, identity): at for at, row in enumerate(before)}
            known = np.array([places.get(_key(row, identity), -1) for row in now], np.intp)
        if has_begin:  # a row that is older than `previous` and wasn't in it can't be told from one that was hidden
            kept = (known >= 0) | (now["first_ns"] >= max(0, previous_ns))
            now, known = now[kept], known[kept]
        self.rows = now
        self.seconds = seconds
        self._before = before
        self._known = known

    def of(self, name: str) -> Counts:
        """What `name` grew by; 0 where it ran backwards, as it does when a probe was loaded anew."""
        now = self.rows[name]
        base = np.zeros(now.shape, np.uint64)
        seen = self._known >= 0
        base[seen] = self._before[name][self._known[seen]]
        grown: Counts = np.where(now >= base, now - base, 0)
        return grown

    def per_s(self, name: str) -> npt.NDArray[np.float64]:
        return self.of(name) / self.seconds


def _key(row: np.void, names: tuple[str, ...]) -> tuple[int, ...]:
    return tuple(int(row[name]) for name in names)


def _at_most_us(histogram: Counts, share: float, unit_ns: int) -> float | None:
    """The upper end of the slot in which `share` of the events have happened; None of none, and of the open last."""
    total = int(histogram.sum())
    if not total:
        return None
    slot = int(np.searchsorted(np.cumsum(histogram), share * total))
    return None if slot >= len(histogram) - 1 else float(2 ** (slot + 1)) * unit_ns / 1e3


def _mean_us(ns: float, count: float) -> float | None:
    return None if not count else ns / count / 1e3


def _comm(row: np.void) -> str:
    return bytes(row["comm"]).decode("utf-8", "backslashreplace")


def _disks(grown: _Grown | None) -> tuple[DiskRates, ...] | None:
    if grown is None:
        return None
    requests, size, errors = (grown.per_s(name) for name in ("requests", "bytes", "errors"))
    timed, latency_ns, latencies = (grown.of(name) for name in ("timed_requests", "latency_ns", "latencies"))
    return tuple(
        DiskRates(
            int(row["major"]),
            int(row["minor"]),
            OPERATIONS.get(int(row["operation"]), "other"),
            float(requests[at]),
            float(size[at]),
            float(errors[at]),
            _mean_us(float(latency_ns[at]), float(timed[at])),
            _at_most_us(latencies[at], 0.5, 1000),
            _at_most_us(latencies[at], 0.99, 1000),
        )
        for at, row in enumerate(grown.rows)
        if requests[at]
    )


def _reclaim(grown: _Grown | None) -> tuple[ReclaimRates, ...] | None:
    if grown is None:
        return None
    waited = (grown.per_s("machine_ns") + grown.per_s("cgroup_ns")) / 1e9
    searches = grown.per_s("machine_count") + grown.per_s("cgroup_count")
    freed = grown.per_s("freed_pages")
    return tuple(
        ReclaimRates(
            int(row["pid"]), int(row["start_ns"]), _comm(row), float(waited[at]), float(searches[at]), float(freed[at])
        )
        for at, row in enumerate(grown.rows)
        if searches[at]
    )


def _frequencies(grown: _Grown | None, now: Rows | None) -> tuple[CpuFrequency, ...] | None:
    if grown is None or now is None:
        return None
    changes = grown.per_s("changes")
    return tuple(
        CpuFrequency(int(row["cpu"]), int(row["frequency_khz"]), float(changes[at])) for at, row in enumerate(now)
    )


def _run_queue(grown: _Grown | None) -> RunQueueRates | None:
    if grown is None or not len(grown.rows):
        return None
    count, durations = int(grown.of("count")[0]), grown.of("durations")[0]
    mean_us = _mean_us(float(grown.of("wait_ns")[0]), count)
    p50_us, p99_us = (_at_most_us(durations, share, 1) for share in (0.5, 0.99))
    return RunQueueRates(count / grown.seconds, mean_us, p50_us, p99_us)


def _callers(grown: _Grown | None) -> tuple[CallerRates, ...] | None:
    if grown is None:
        return None
    calls, failed, spent = grown.per_s("calls"), grown.per_s("failed"), grown.per_s("call_ns") / 1e9
    return tuple(
        CallerRates(
            int(row["pid"]), int(row["start_ns"]), _comm(row), float(calls[at]), float(failed[at]), float(spent[at])
        )
        for at, row in enumerate(grown.rows)
        if calls[at]
    )


def _syscalls(grown: _Grown | None) -> tuple[SyscallRates, ...] | None:
    if grown is None:
        return None
    calls, failed = grown.per_s("calls"), grown.per_s("failed")
    count, spent_ns, durations = grown.of("calls"), grown.of("call_ns"), grown.of("durations")
    return tuple(
        SyscallRates(
            None if row["number"] == 0xFFFFFFFF else int(row["number"]),
            float(calls[at]),
            float(failed[at]),
            _mean_us(float(spent_ns[at]), float(count[at])),
            _at_most_us(durations[at], 0.5, 1),
            _at_most_us(durations[at], 0.99, 1),
        )
        for at, row in enumerate(grown.rows)
        if count[at]
    )


def _file_users(grown: _Grown | None) -> tuple[FileUserRates, ...] | None:
    if grown is None:
        return None
    names = ("opens", "read_bytes", "written_bytes", "syncs", "sync_ns")
    opens, read, written, syncs, sync_ns = (grown.per_s(name) for name in names)
    return tuple(
        FileUserRates(
            int(row["pid"]),
            int(row["start_ns"]),
            _comm(row),
            float(opens[at]),
            float(read[at]),
            float(written[at]),
            float(syncs[at]),
            float(sync_ns[at]) / 1e9,
        )
        for at, row in enumerate(grown.rows)
        if opens[at] or read[at] or written[at] or syncs[at]
    )


def _file_systems(grown: _Grown | None) -> tuple[FileSystemRates, ...] | None:
    if grown is None:
        return None
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
            _at_most_us(durations[at], 0.5, 1),
            _at_most_us(durations[at], 0.99, 1),
        )
        for at, row in enumerate(grown.rows)
        if opens[at] or read[at] or written[at] or syncs[at]
    )
