"""Which functions the kernel offers to eBPF programs, by the names in its type information.

Asked because libbpf 1.1 (Debian 12) looks for a function that the kernel lacks in the modules too, weak or not, which
takes CAP_SYS_ADMIN, and the helper doesn't have that. sysfs hands it out page by page: 2 ms. Fails by saying yes.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

HEADER: Final = struct.Struct("@HBBIIIII")  # struct btf_header, include/uapi/linux/btf.h
MAGIC: Final = 0xEB9F


def has_function(btf: Path, name: bytes) -> bool:
    """Whether the name is in this type information; True if it can't be read."""
    try:
        with btf.open("rb") as file:
            head = file.read(HEADER.size)
            if len(head) < HEADER.size:
                return True
            magic, _, _, header_bytes, _, _, strings_at, strings_bytes = HEADER.unpack(head)
            if magic != MAGIC:
                return True
            file.seek(header_bytes + strings_at)
            return b"\0" + name + b"\0" in file.read(strings_bytes)
    except OSError:
        return True
