"""The facts of a machine that say how large the kernel's maps should be, and what they will take.

Only reads. A fact that can't be read is None: whoever sizes by it takes the least. `root` stands for / so that tests
can build a machine in a folder.
"""

from __future__ import annotations

import mmap
import os
import platform
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_NUMBER: Final = re.compile(r"\d+")
_CARD: Final = re.compile(r"card\d+")
_ANY: Final = re.compile(r".+")


@dataclass(frozen=True, slots=True)
class Machine:
    """`cpus`: possible ones, whether on line or not; `tasks`: how many threads the kernel allows at once."""

    cpus: int
    page_bytes: int
    kernel: tuple[int, int]  # major and minor
    memory_bytes: int | None
    tasks: int | None
    disks: int | None  # whole ones, loop devices included
    file_systems: int | None  # mounted
    cards: int | None = None  # graphics cards


def read_machine(root: Path = Path("/")) -> Machine:
    """What the running kernel tells; pages, memory and release are always the running one's."""
    limits = [_number(root / "proc/sys/kernel" / name) for name in ("pid_max", "threads-max")]
    known = [limit for limit in limits if limit is not None]
    release = [int(number) for number in _NUMBER.findall(platform.release())[:2]]
    return Machine(
        cpus=_possible_cpus(root / "sys/devices/system/cpu/possible"),
        page_bytes=mmap.PAGESIZE,
        kernel=(release[0], release[1]),
        memory_bytes=os.sysconf("SC_PHYS_PAGES") * mmap.PAGESIZE,
        tasks=min(known, default=None),
        disks=_entries(root / "sys/block", _ANY),
        file_systems=_file_systems(root / "proc/self/mountinfo"),
        cards=_entries(root / "sys/class/drm", _CARD),
    )


def _possible_cpus(path: Path) -> int:
    """One more than the highest number (Documentation/ABI/testing/sysfs-devices-system-cpu)."""
    try:
        return max(map(int, _NUMBER.findall(path.read_text(encoding="ascii"))), default=0) + 1
    except OSError:
        return os.cpu_count() or 1


def _number(path: Path) -> int | None:
    try:
        return int(path.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None


def _entries(folder: Path, name: re.Pattern[str]) -> int | None:
    try:
        return sum(bool(name.fullmatch(path.name)) for path in folder.iterdir())
    except OSError:
        return None


def _file_systems(path: Path) -> int | None:
    """Different devices in the third column: proc_pid_mountinfo(5)."""
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return None
    return len({line.split(" ", 3)[2] for line in lines if line.count(" ") > 3})
