"""What /proc tells of processes, for the probes that run without kernel structs (the BCC loader).

Numbers are those of proc_pid_stat(5), proc_pid_status(5) and of Documentation/scheduler/sched-stats.rst. A process
that is gone, or that hidepid hides, is None.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

TICK_NS: Final = 10**9 // os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class StatLine:
    """A line of /proc/PID/stat; `fields[n]` is the file's field n + 3."""

    pid: int
    comm: bytes
    fields: list[bytes]

    @property
    def start_ns(self) -> int:
        """Boot time, in whole clock ticks."""
        return int(self.fields[19]) * TICK_NS

    @property
    def run_ns(self) -> int:
        """User and system time of all threads, also of those that are gone, in whole clock ticks."""
        return (int(self.fields[11]) + int(self.fields[12])) * TICK_NS


def read(path: str) -> bytes | None:
    """The whole file; None if the process is gone or hidden."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        return os.read(fd, 8192)
    except OSError:
        return None
    finally:
        os.close(fd)


def names_in(folder: str) -> list[str]:
    """Numbered entries; none if the folder is gone."""
    try:
        return [name for name in os.listdir(folder) if name.isdigit()]  # noqa: PTH208 - a Path each costs twice this
    except OSError:
        return []


def pids(root: Path = Path("/proc")) -> list[str]:
    return names_in(str(root))


def stat_of(pid: str, root: Path = Path("/proc")) -> StatLine | None:
    line = read(f"{root}/{pid}/stat")
    if not line:
        return None
    opening, closing = line.index(b"("), line.rindex(b")")
    return StatLine(int(line[:opening]), line[opening + 1 : closing], line[closing + 2 :].split())


def schedstat_of(folder: str) -> tuple[int, int] | None:
    """(run time, run delay) of one thread in ns; None without CONFIG_SCHED_INFO."""
    line = read(f"{folder}/schedstat")
    if not line:
        return None
    run_ns, delay_ns, _slices = line.split()
    return int(run_ns), int(delay_ns)
