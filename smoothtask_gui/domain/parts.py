"""Readings of the machine's parts that rules judge: disks, file systems, fans; and traits of the busy processes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np


@dataclass(frozen=True, slots=True)
class DiskReading:
    """One whole disk, from /proc/diskstats (Documentation/admin-guide/iostats.rst); all but `in_flight` cumulative."""

    name: str
    read_bytes: int
    write_bytes: int
    requests: int  # finished reads and writes
    waited_ms: int  # sum over these requests
    busy_ms: int
    in_flight: int
    flushes: int | None = None  # caches written out (fsync); None before kernel 5.5


@dataclass(frozen=True, slots=True)
class FileSystemReading:
    """One mounted local file system that is stored, by statvfs(3); `free` is what a user without privileges may use."""

    path: str
    device: str
    total_bytes: int
    free_bytes: int
    total_files: int  # 0 where the file system has no fixed number
    free_files: int


@dataclass(frozen=True, slots=True)
class FanReading:
    """One fan of a hwmon chip, by the same kind of key as a sensor's."""

    key: str
    label: str
    speed_rpm: int | None


@dataclass(frozen=True, slots=True)
class ClockReading:
    """At what clock a busy process runs: the mean of the CPUs that its threads ran on last."""

    pid: int
    start_ns: int
    clock_khz: int


@dataclass(frozen=True, slots=True)
class Parts:
    """What is read in threads, since drivers and disks may be slow; a reason says why there are none."""

    fans: tuple[FanReading, ...] = ()
    file_systems: tuple[FileSystemReading, ...] = ()
    no_fans: str = ""
    no_file_systems: str = ""


TRAITS: Final = np.dtype(
    [
        ("pid", "u4"),
        ("start_ns", "u8"),
        ("nice", "i4"),
        ("policy", "u4"),  # SCHED_*, sched(7)
        ("terminal", "u4"),  # device number, 0: none
        ("is_foreground", "?"),  # its process group is the one that its terminal listens to
        ("lost_terminal", "?"),  # its input or output was a terminal that is gone
        ("passed_bytes", "u8"),  # what it has read and written in all, pipes and caches included
        ("passed_known", "?"),
        ("lost_known", "?"),
    ]
)
"""What is read of the processes that use much CPU, and of no others: each costs three files."""
