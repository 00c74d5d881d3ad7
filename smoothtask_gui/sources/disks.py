"""Disks from /proc/diskstats: which are whole disks, what they did, and how long their requests waited."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from smoothtask_gui.domain.parts import DiskReading

if TYPE_CHECKING:
    from collections.abc import Callable

SECTOR_BYTES: Final = 512
"""Unit of /proc/diskstats whatever the disk's own sector (Documentation/admin-guide/iostats.rst)."""


def parse_diskstats(text: bytes, is_wanted: Callable[[str], bool] = lambda _: True) -> list[DiskReading]:
    """Parse /proc/diskstats, those whose name is wanted; short lines are left out."""
    found = []
    for line in text.split(b"\n"):
        words = line.split()
        if len(words) < 14 or not is_wanted(name := words[2].decode("utf-8", "replace")):
            continue
        if not all(map(bytes.isdigit, words[3:14])):
            continue
        reads, _, read_sectors, read_ms, writes, _, written_sectors, write_ms, in_flight, busy_ms, _ = map(
            int, words[3:14]
        )
        found.append(
            DiskReading(
                name=name,
                read_bytes=read_sectors * SECTOR_BYTES,
                write_bytes=written_sectors * SECTOR_BYTES,
                requests=reads + writes,
                waited_ms=read_ms + write_ms,
                busy_ms=busy_ms,
                in_flight=in_flight,
                flushes=int(words[18]) if len(words) >= 20 and words[18].isdigit() else None,
            )
        )
    return found


class WholeDisks:
    """Tells whole disks from partitions and from devices that are made of others."""

    def __init__(self, block_folder: str) -> None:
        self._folder = block_folder
        self._known: dict[str, bool] = {}

    def pick(self, text: bytes | None) -> tuple[DiskReading, ...] | None:
        """The whole disks of /proc/diskstats; None where /proc or /sys doesn't tell which devices are disks."""
        if text is None or not os.access(self._folder, os.R_OK):
            return None
        return tuple(parse_diskstats(text, self._is_whole))

    def _is_whole(self, name: str) -> bool:
        """Whether a device is a whole physical (or virtual machine's) disk.

        /sys/block has whole devices only, and of these loop, ram, zram, dm and md have no `device` link: their bytes
        pass through a disk that is counted already.
        """
        known = self._known.get(name)
        if known is None:
            if len(self._known) > 4096:
                self._known.clear()
            known = self._known[name] = os.path.exists(f"{self._folder}/{name.replace('/', '!')}/device")  # noqa: PTH110 - a Path costs more than the call
        return known
