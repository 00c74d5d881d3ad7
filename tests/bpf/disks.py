"""Folders on disks that take requests, and which disk that is; elsewhere a disk is made of a file.

A file system in memory, or an overlay over one (a container's, a live system's), makes no requests and has no pages to
reclaim. Needs root, and for a disk of its own mkfs.ext4 and a free loop device: fails with what these say.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

IMAGE_BYTES: Final = 256 << 20
"""Takes what the tests write, four times over; not a byte of it is there before it is written."""


def device_of(folder: Path) -> Path:
    """What sysfs has of the device below a folder; isn't there for file systems without one."""
    device = folder.stat().st_dev
    return Path(f"/sys/dev/block/{os.major(device)}:{os.minor(device)}")


def disk_below(folder: Path) -> tuple[int, int, str]:
    """Major, minor and name of the whole disk."""
    own = device_of(folder).resolve()
    whole = own.parent if (own / "partition").exists() else own
    major, minor = map(int, (whole / "dev").read_text(encoding="ascii").split(":"))
    return major, minor, whole.name


@contextmanager
def folder_on_a_disk(usual: Path) -> Iterator[Path]:
    """An empty folder in the usual one, or on a loop device if no disk is below that; gone when the block ends."""
    with tempfile.TemporaryDirectory(dir=usual, prefix="on-disk-") as name:
        folder = Path(name)
        if device_of(folder).exists():
            yield folder
        else:
            with loop_mounted(folder) as mount:
                yield mount


@contextmanager
def loop_device(place: Path, size_bytes: int = 1 << 20) -> Iterator[Path]:
    """A disk of nothing but zeros, made of a file in `place`; gone when the block ends."""
    image = place / "disk"
    with image.open("wb") as made:
        made.truncate(size_bytes)
    found = subprocess.run(["losetup", "--find", "--show", image], check=True, capture_output=True, text=True)
    device = Path(found.stdout.strip())
    try:
        yield device
    finally:
        subprocess.run(["losetup", "--detach", device], check=True)


@contextmanager
def loop_mounted(place: Path) -> Iterator[Path]:
    """An ext4 on a loop device, which the kernel detaches with the last mount of it, also if the test is killed."""
    image, mount = place / "image", place / "mount"
    mount.mkdir()
    with image.open("wb") as made:
        made.truncate(IMAGE_BYTES)
    subprocess.run(["mkfs.ext4", "-q", "-F", image], check=True)
    subprocess.run(["mount", "-o", "loop", image, mount], check=True)
    try:
        yield mount
    finally:
        subprocess.run(["umount", mount], check=True)
