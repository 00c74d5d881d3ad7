"""What is mounted where, as this process sees it: proc_pid_mountinfo(5). Empty where that can't be read."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from smoothtask_gui.sources import files

if TYPE_CHECKING:
    from collections.abc import Iterator

OWN_MOUNTS: Final = "/proc/self/mountinfo"
_ESCAPED: Final = re.compile(r"\\([0-7]{3})")


@dataclass(frozen=True, slots=True)
class Mount:
    """One line: a file system at a place; a file system may have several."""

    device: tuple[int, int]  # st_dev of its super block
    path: str
    is_read_only: bool
    type: str
    source: str  # "/dev/sda2", whatever the file system says


def read_mounts(mountinfo: str = OWN_MOUNTS) -> Iterator[Mount]:
    """All of them, in the kernel's order; lines that make no sense are passed over."""
    for line in (files.read_text(mountinfo) or "").split("\n"):
        words = line.split(" ")
        if "-" not in words[6:] or len(words) < 10:
            continue
        major, _, minor = words[2].partition(":")
        if not (major.isdecimal() and minor.isdecimal()):
            continue
        kind, source = words[words.index("-", 6) + 1 :][:2]
        path = _ESCAPED.sub(lambda found: chr(int(found[1], 8)), words[4])
        yield Mount((int(major), int(minor)), path, "ro" in words[5].split(","), kind, source)


def mount_points(mountinfo: str = OWN_MOUNTS) -> dict[tuple[int, int], str]:
    """Of each device the shortest path that it is mounted at."""
    shortest: dict[tuple[int, int], str] = {}
    for mount in read_mounts(mountinfo):
        known = shortest.get(mount.device)
        if known is None or len(mount.path) < len(known):
            shortest[mount.device] = mount.path
    return shortest
