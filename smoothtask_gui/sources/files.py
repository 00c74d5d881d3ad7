"""Reads small kernel files: /proc and /sys answer a whole file in one read, so no buffered file object is needed."""

from __future__ import annotations

import errno
import os
from typing import Final

PAGE_BYTES: Final = 4096
"""sysfs never gives more (Documentation/filesystems/sysfs.rst)."""

_UNMOUNTED: Final = "Is /proc mounted?"
_ADVICE: Final = {
    errno.ENOENT: _UNMOUNTED,
    errno.ENOTDIR: _UNMOUNTED,
    errno.EMFILE: "SmoothTask has as many files open as it may: raise the limit (ulimit -n, LimitNOFILE= of its unit).",
    errno.ENFILE: "The whole machine has as many files open as it may: raise fs.file-max, or end what opens so many.",
}


def read_bytes(path: str, room: int = PAGE_BYTES) -> bytes:
    """Read a whole kernel file of whatever length, `room` bytes at a time. Raises OSError."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        found = os.read(fd, room)
        if len(found) < room:
            return found
        parts = [found]
        while found := os.read(fd, room):
            parts.append(found)
        return b"".join(parts)
    finally:
        os.close(fd)


def why_not(error: OSError) -> str:
    """Why a file of /proc that is always there couldn't be opened, and what can be done: for the end of a message."""
    return " ".join(filter(None, (f"{error.strerror}.", _ADVICE.get(error.errno or 0, ""))))


def read_text(path: str) -> str | None:
    """Read a one-line file without its newline; None if it isn't there or can't be read."""
    try:
        return read_bytes(path).decode("utf-8", "replace").strip()
    except OSError:
        return None


def read_int(path: str) -> int | None:
    """Read a file that holds one number; None if it isn't there, can't be read or holds something else."""
    text = read_text(path)
    try:
        return None if text is None else int(text)
    except ValueError:
        return None


def list_names(path: str) -> list[str]:
    """Names in a folder, sorted; empty if it isn't there or can't be read."""
    try:
        return sorted(os.listdir(path))  # noqa: PTH208 - paths are text here, a Path costs more than the call
    except OSError:
        return []
