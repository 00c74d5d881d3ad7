"""The kernel's type information as a file that has nothing but names: what an older kernel lacks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from helper.loaders.kernel_types import HEADER, MAGIC

if TYPE_CHECKING:
    from pathlib import Path

TYPES = bytes(40)


def type_information(file: Path, *names: bytes, magic: int = MAGIC) -> Path:
    """Writes it; returns `file`."""
    strings = b"".join(b"\0" + name for name in names) + b"\0"
    file.write_bytes(HEADER.pack(magic, 1, 0, HEADER.size, 0, len(TYPES), len(TYPES), len(strings)) + TYPES + strings)
    return file
