"""Processes as a table: what each used, how it grows, how long it hangs, and what shows why it is busy."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from smoothtask_gui.domain.incident import ProcessIdentity
from smoothtask_gui.domain.judging.growth import GrowthWindow
from smoothtask_gui.domain.judging.table import Columns, Key, Table, Target
from smoothtask_gui.domain.matching import have_ended, is_same_start, positions, row_of
from smoothtask_gui.domain.naming import is_idle_injection, process_name
from smoothtask_gui.domain.network import Protocol
from smoothtask_gui.domain.text import safe_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from smoothtask_gui.domain.app import Apps
    from smoothtask_gui.domain.judging.expression import Floats
    from smoothtask_gui.domain.sample import Sample

SECOND_NS: Final = 1_000_000_000
MOST_HUNG: Final = 4096
ESTABLISHED: Final = 1  # TCP_ESTABLISHED, include/net/tcp_states.h
CLOSE_WAIT: Final = 8  # the other side closed; the program hasn't, which is how leaks look
PASSING_BPS: Final = 4_096
"""Less passes through a program that only says now and then that it is alive."""
WORKING_BPS: Final = 5_000_000
LEAST_CORES: Final = 0.25
"""Below it nobody looks for traits (sources/traits.py, BUSY_CORES), and the CPU time counts as it is."""
_COPIED: Final = {
    "cpu_cores": "cpu_ratio",
    "run_delay_ratio": "run_delay_ratio",
    "rss_bytes": "rss_bytes",
    "read_bps": "read_bps",
    "write_bps": "write_bps",
    "received_bps": "received_bps",
    "sent_bps": "sent_bps",
    "major_faults_per_s": "major_faults_per_s",
    "switches_per_s": "switches_per_s",
    "gpu_ratio": "gpu_ratio",
}
_TRAITS: Final = ("is_background", "is_foreground", "lost_terminal", "is_telling", "passed_bps")


@dataclass(frozen=True, slots=True)
class ProcessRows:
    """Processes of one sample; a key is (pid, start)."""

    rows: npt.NDArray[np.void]  # dtype RATE
    apps: Apps

    def __len__(self) -> int:
        return len(self.rows)

    def key(self, row: int) -> Key:
        return int(self.rows["pid"][row]), int(self.rows["start_ns"][row])

    def find(self, key: Key) -> int | None:
        """None also for one that has ended, whether or not its parent has asked how."""
        pid, start_ns = _pair(key)
        at: int | None = int(np.searchsorted(self.rows["pid"], pid))
        if at == len(self.rows) or self.rows["pid"][at] != pid:
            return None
        if not is_same_start(int(self.rows["start_ns"][at]), start_ns):
            at = row_of(self.rows, pid, start_ns)
        return None if at is None or have_ended(self.rows[at]) else at

    def lasting(self, row: int, series: str, since_ns: int) -> float | None:
        """Nothing: a process is of one piece."""

    def target(self, row: int, by: str = "") -> Target:  # noqa: ARG002 - a row is one process
        found = self.rows[row]
        pid, start_ns, comm = int(found["pid"]), int(found["start_ns"]), bytes(found["comm"])
        name = process_name(comm, is_kernel=bool(found["is_kernel"]))
        who = None if found["is_kernel"] else ProcessIdentity(pid, start_ns, int(found["uid"]), name)
        parent = parent_name(self.rows, int(found["parent_pid"]))
        app_id = self.apps.apps[self.apps.app_of[row]].id if who is not None and len(self.apps.app_of) else ""
        return Target(f"{pid}:{start_ns}", name, who, parent, (safe_text(comm),), start_ns, app_id)


def _pair(key: Key) -> tuple[int, int]:
    """What `ProcessRows.key` made."""
    match key:
        case (int(pid), int(start_ns)):
            return pid, start_ns
    raise TypeError(f"{key!r} is no process")


def parent_name(rows: npt.NDArray[np.void], parent_pid: int) -> str:
    found = np.flatnonzero(rows["pid"] == parent_pid)
    if parent_pid <= 0 or not len(found):
        return ""
    parent = rows[int(found[0])]
    return process_name(bytes(parent["comm"]), is_kernel=bool(parent["is_kernel"]))


class ProcessSeries:
    """Remembers how processes grew and since when they hang."""

    def __init__(self) -> None:
        self._memory = GrowthWindow(10 * SECOND_NS, 60)
        self._connections = GrowthWindow(10 * SECOND_NS, 60)
        self._hung_since_ns: dict[tuple[int, int], int] = {}

    def forget(self) -> None:
        """Another source may know the same processes by other start times."""
        self._memory.clear()
        self._connections.clear()
        self._hung_since_ns.clear()

    def columns(self, sample: Sample, machine: Mapping[str, float]) -> Columns[Floats]:
        """Each series, shape (len(sample.processes),), and those of the machine; remembers what must be remembered."""
        rows, now_ns = sample.processes, sample.boottime_ns
        hung_s = self._hung_s(sample)
        keys = cache(lambda: process_keys(rows))
        traits = cache(lambda: traits_of(sample))
        memory = cache(lambda: self._memory.of(keys()))
        opened = cache(lambda: self._connections.of(keys()))
        columns: Columns[Floats] = Columns(
            {
                **{name: partial(_field, rows, field) for name, field in _COPIED.items()},
                **{name: partial(_trait, traits, name) for name in _TRAITS if name != "is_telling"},
                "threads": lambda: rows["threads"].astype(np.float64),
                "is_kernel": lambda: rows["is_kernel"].astype(np.float64),
                "age_s": lambda: np.maximum(0.0, now_ns - rows["start_ns"].astype(np.float64)) / 1e9,
                "growth_bps": lambda: memory().per_s,
                "exhausts_in_s": lambda: exhausts_in_s(memory().per_s, machine["memory_left_bytes"]),
                "exited_per_s": lambda: exited_per_s(sample),
                "grown_bytes": lambda: memory().grown,
                "growth_steadiness_ratio": lambda: memory().steadiness,
                "connections": lambda: open_connections(sample),
                "connections_per_min": lambda: opened().per_s * 60,
                "connections_steadiness_ratio": lambda: opened().steadiness,
                "uninterruptible_s": lambda: hung_s,
                "spinning_cores": lambda: spinning_cores(sample, traits()),
            },
            machine,
        )
        if self._memory.is_due(now_ns):
            self._memory.add(keys(), rows["rss_bytes"], now_ns)
        if self._connections.is_due(now_ns):
            self._connections.add(keys(), columns.of_rows("connections"), now_ns)
        return columns

    def _hung_s(self, sample: Sample) -> Floats:
        rows = sample.processes
        hung_s = np.zeros(len(rows))
        since_ns: dict[tuple[int, int], int] = {}
        for at in np.flatnonzero((rows["state"] == b"D") & (rows["cpu_ratio"] == 0))[:MOST_HUNG]:
            key = int(rows["pid"][at]), int(rows["start_ns"][at])
            since_ns[key] = min(self._hung_since_ns.get(key, sample.boottime_ns), sample.boottime_ns)
            hung_s[at] = (sample.boottime_ns - since_ns[key]) / 1e9
        self._hung_since_ns = since_ns
        return hung_s


def _field(rows: npt.NDArray[np.void], field: str) -> Floats:
    return rows[field]


def _trait(traits: Callable[[], Mapping[str, Floats]], name: str) -> Floats:
    return traits()[name]


def process_table(sample: Sample, columns: Columns[Floats]) -> Table:
    return Table(ProcessRows(sample.processes, sample.apps), columns, is_read=bool(len(sample.processes)))


def process_keys(rows: npt.NDArray[np.void]) -> npt.NDArray[np.uint64]:
    """One number a process: its start time in odd steps of its pid; two never meet within one boot."""
    keys: npt.NDArray[np.uint64] = rows["start_ns"] ^ (rows["pid"].astype(np.uint64) << np.uint64(42))
    return keys


def traits_of(sample: Sample) -> dict[str, Floats]:
    """What shows why a process is busy; NaN for those that nobody looked at."""
    rows = sample.processes
    columns = {name: np.full(len(rows), np.nan) for name in _TRAITS}
    if sample.traits is not None and len(sample.traits):
        place = positions(rows, sample.traits["pid"], sample.traits["start_ns"])
        known = place >= 0
        for name in _TRAITS:
            columns[name][place[known]] = sample.traits[name][known]
    return columns


def spinning_cores(sample: Sample, traits: Mapping[str, Floats]) -> Floats:
    """The CPU time of processes that show no reason for it; NaN where that can't be told.

    The kernel's own threads have a reason while disks or network are at work, and where they force a CPU to idle. Of
    recordings without traits all CPU time counts.
    """
    rows, system = sample.processes, sample.system
    cores = np.array(rows["cpu_ratio"])
    for at in np.flatnonzero(rows["is_kernel"] & (cores >= LEAST_CORES)):
        if is_idle_injection(bytes(rows["comm"][at]), is_kernel=True):
            cores[at] = 0.0
    at_work = [rate for rate in (system.disk_read_bps, system.disk_write_bps, system.network_received_bps) if rate]
    if sum(at_work) > WORKING_BPS:
        cores[rows["is_kernel"]] = 0.0
    if sample.traits is not None:
        spins = 1.0 - np.maximum(np.maximum(traits["is_background"], traits["is_foreground"]), 0.0)
        passed = np.where(traits["is_telling"] == 0, seen_bps(rows), traits["passed_bps"])
        spins[passed >= PASSING_BPS] = 0.0
        spins[np.isnan(passed) & (spins != 0.0)] = np.nan
        looked_at = ~rows["is_kernel"] & (cores >= LEAST_CORES)
        cores[looked_at] *= spins[looked_at]
    return cores


def exhausts_in_s(growth_bps: Floats, left_bytes: float) -> Floats:
    """How long `left_bytes` lasts each of them alone; infinite for those that don't grow, NaN where unknown."""
    with np.errstate(divide="ignore", invalid="ignore"):
        lasts_s = left_bytes / growth_bps
    lasts_s[growth_bps <= 0] = np.inf
    return lasts_s if not math.isnan(left_bytes) else np.full(len(growth_bps), np.nan)


def exited_per_s(sample: Sample) -> Floats:
    """How many processes that each started ended within the interval, per second; NaN where nobody counts them."""
    rows = sample.processes
    if "exited" in sample.unavailable:
        return np.full(len(rows), np.nan)
    counts = np.zeros(len(rows))
    for gone in sample.exited:
        at = int(np.searchsorted(rows["pid"], gone.parent_pid))
        if at < len(rows) and rows["pid"][at] == gone.parent_pid:
            counts[at] += gone.count
    return counts * 1e9 / sample.interval_ns


def seen_bps(rows: npt.NDArray[np.void]) -> Floats:
    """Bytes from and to storage and network, where pipes and caches can't be seen; NaN where storage can't either."""
    network: Floats = np.nan_to_num(rows["received_bps"]) + np.nan_to_num(rows["sent_bps"])
    seen: Floats = rows["read_bps"] + rows["write_bps"] + network
    return seen


def open_connections(sample: Sample) -> Floats:
    """TCP connections that each process holds open, or has yet to close; NaN where the source sees none."""
    rows = sample.processes
    if sample.connections is None:
        return np.full(len(rows), np.nan)
    found = sample.connections
    held = (found["protocol"] == Protocol.TCP) & np.isin(found["state"], (ESTABLISHED, CLOSE_WAIT)) & (found["pid"] > 0)
    place = positions(rows, found["pid"][held], found["pid_start_ns"][held])
    counts = np.bincount(place[place >= 0], minlength=len(rows)).astype(np.float64)
    if "network" in sample.unavailable:  # others' aren't shown
        counts[counts == 0] = np.nan
    return counts
