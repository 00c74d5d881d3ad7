"""File systems and fans, read now and then in a thread: statvfs(3) may wait for a disk, a fan's chip for its bus."""

from __future__ import annotations

import os
import re
from collections import Counter
from pathlib import Path
from typing import Final

from smoothtask_gui.domain.parts import FanReading, FileSystemReading, Parts
from smoothtask_gui.sources import files
from smoothtask_gui.sources.hwmon import place_of
from smoothtask_gui.sources.mounts import Mount, read_mounts

NO_FANS: Final = "no fan reports its speed"
NO_STORE: Final = "no file system that is stored here is mounted"
MOST_FILE_SYSTEMS: Final = 64
STORED: Final = frozenset(
    [
        "ext2",
        "ext3",
        "ext4",
        "xfs",
        "btrfs",
        "f2fs",
        "bcachefs",
        "jfs",
        "reiserfs",
        "nilfs2",
        "zfs",
        "vfat",
        "exfat",
        "ntfs",
        "ntfs3",
        "hfsplus",
        "udf",
        "overlay",
    ]
)
"""Types that store what they hold on this machine. No network file systems: a server that is gone would hang us."""
_FAN: Final = re.compile(r"fan(\d+)_input")


class PartsReader:
    """Reads the fans and file systems of two roots."""

    def __init__(self, proc_root: Path = Path("/proc"), sysfs_root: Path = Path("/sys")) -> None:
        self._mounts = f"{proc_root}/self/mountinfo"
        self._hwmon = f"{sysfs_root}/class/hwmon"

    def read(self) -> Parts:
        """Read all of them."""
        fans, file_systems = read_fans(self._hwmon), read_file_systems(self._mounts)
        return Parts(fans, file_systems, NO_FANS if not fans else "", NO_STORE if not file_systems else "")


def read_file_systems(mounts: str) -> tuple[FileSystemReading, ...]:
    """Each stored, writable file system once, by the shortest path it is mounted at (proc_pid_mountinfo(5))."""
    shortest: dict[tuple[int, int], Mount] = {}
    for mount in read_mounts(mounts):
        if mount.type in STORED and not mount.is_read_only:
            known = shortest.get(mount.device)
            if known is None or len(mount.path) < len(known.path):
                shortest[mount.device] = mount
    found = []
    for mount in list(shortest.values())[:MOST_FILE_SYSTEMS]:
        try:
            room = os.statvfs(mount.path)
        except OSError:
            continue  # unmounted meanwhile, or not ours to see
        if room.f_blocks:
            total, free = room.f_blocks * room.f_frsize, room.f_bavail * room.f_frsize
            found.append(FileSystemReading(mount.path, mount.source, total, free, room.f_files, room.f_favail))
    return tuple(found)


def read_fans(folder: str) -> tuple[FanReading, ...]:
    """Every fan input of every chip (Documentation/hwmon/sysfs-interface.rst).

    Keys survive reboots, which hwmonN doesn't: driver, place of the device, the channel's label or else its number,
    which is the chip's own.
    """
    seen: Counter[str] = Counter()
    found = []
    for chip in sorted(files.list_names(folder)):
        driver = files.read_text(f"{folder}/{chip}/name") or "unknown"
        place = place_of(os.path.realpath(f"{folder}/{chip}/device"))
        for name in sorted(files.list_names(f"{folder}/{chip}")):
            if number := _FAN.fullmatch(name):
                label = files.read_text(f"{folder}/{chip}/fan{number[1]}_label")
                key = f"{driver}/{place}/{label or 'fan' + number[1]}"
                seen[key] += 1
                key = key if seen[key] == 1 else f"{key}#{seen[key]}"
                speed_rpm = files.read_int(f"{folder}/{chip}/{name}")
                found.append(FanReading(key, label or f"fan {number[1]}", speed_rpm))
    return tuple(found)
