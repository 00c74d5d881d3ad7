"""The task snapshot without a BPF iterator: rows of `struct st_task` from /proc, where there is no type information.

One row a process, none for its threads: their time is in it, in clock ticks (10 ms). /proc keeps others' bytes from
the sampler's user, and names no cgroup by id: both are flagged as missing. Run delay is there for processes of one
thread. Context switches are those of the first thread. About forty times the cost of the iterator.
"""

from __future__ import annotations

import mmap
import struct
import time
from pathlib import Path
from typing import Final

from helper.loaders.errors import LoaderError
from helper.probes import proc_files
from helper.probes.probe import ProbeCost, TaskReading

TASK: Final = struct.Struct("@IIIIQQQQQQQQQQQIIBB2xI16s")  # struct st_task
MISSING_IO, MISSING_DELAY, MISSING_CGROUP = 1 << 0, 1 << 2, 1 << 7
NOBODYS: Final = 0xFFFFFFFF  # ST_NOBODYS
KERNEL_THREAD: Final = 0x00200000  # PF_KTHREAD, include/linux/sched.h
ALL_BORN: Final = 2**64 - 1


class ProcSnapshot:
    """The probe `task_snapshot` of the BCC loader."""

    name = "task_snapshot"

    def __init__(self, root: Path = Path("/proc")) -> None:
        self._root = root

    def open(self) -> None:
        """Raises LoaderError if /proc isn't there."""
        if proc_files.stat_of("self", self._root) is None:
            raise LoaderError(self.name, "read", 0, hint=f"{self._root} can't be read")

    def close(self) -> None:
        """Nothing is open."""

    def cost(self) -> ProbeCost:
        return ProbeCost(None, None, 0)

    def read_into(self, buffer: memoryview, born_before_ns: int = ALL_BORN) -> TaskReading:
        """Fills `buffer` with whole rows, as TaskSnapshot.read_into does."""
        filled, began_ns = 0, time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        for pid in proc_files.pids(self._root):
            row = self._row(pid, born_before_ns)
            if row is None:
                continue
            if filled + TASK.size > len(buffer):
                return TaskReading(filled, truncated=True, began_ns=began_ns)
            buffer[filled : filled + TASK.size] = row
            filled += TASK.size
        return TaskReading(filled, truncated=False, began_ns=began_ns)

    def _row(self, pid: str, born_before_ns: int) -> bytes | None:
        stat = proc_files.stat_of(pid, self._root)
        status = proc_files.read(f"{self._root}/{pid}/status")
        if stat is None or not status or stat.start_ns >= born_before_ns:
            return None
        uids = [int(each) for each in _field(status, b"Uid").split()[:3]]
        threads = int(stat.fields[17])
        alone = proc_files.schedstat_of(f"{self._root}/{pid}") if threads == 1 else None
        run_ns, delay_ns = alone or (0, 0)
        return TASK.pack(
            stat.pid,
            stat.pid,
            int(stat.fields[1]),
            uids[1],
            stat.start_ns,
            max(run_ns, stat.run_ns),
            delay_ns,
            int(stat.fields[21]) * mmap.PAGESIZE,
            int(stat.fields[7]),
            int(stat.fields[9]),
            0,
            0,
            int(_field(status, b"voluntary_ctxt_switches") or 0),
            int(_field(status, b"nonvoluntary_ctxt_switches") or 0),
            0,
            threads,
            MISSING_IO | MISSING_CGROUP | (0 if alone else MISSING_DELAY),
            stat.fields[0][0],
            int(stat.fields[6]) & KERNEL_THREAD != 0,
            uids[1] if len(set(uids)) == 1 else NOBODYS,
            stat.comm[:15],
        )


def _field(status: bytes, name: bytes) -> bytes:
    """A line's value; empty if there is no such line."""
    return status.partition(b"\n" + name + b":\t")[2].partition(b"\n")[0]
