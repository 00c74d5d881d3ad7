"""What the kernel offers to eBPF programs, by the names in its type information.

Asked because libbpf 1.1 (Debian 12) looks for a function or type that the kernel lacks in the modules too, weak or not,
which takes CAP_SYS_ADMIN, and the helper doesn't have that. sysfs hands it out page by page: 2 ms. Fails by saying yes.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

HEADER: Final = struct.Struct("@HBBIIIII")  # struct btf_header, include/uapi/linux/btf.h
MAGIC: Final = 0xEB9F


def names_in(btf: Path, names: Iterable[bytes]) -> frozenset[bytes]:
    """Which of these functions and types this type information names; all of them if it can't be read."""
    wanted = frozenset(names)
    try:
        with btf.open("rb") as file:
            head = file.read(HEADER.size)
            if len(head) < HEADER.size:
                return wanted
            magic, _, _, header_bytes, _, _, strings_at, strings_bytes = HEADER.unpack(head)
            if magic != MAGIC:
                return wanted
            file.seek(header_bytes + strings_at)
            strings = file.read(strings_bytes)
    except OSError:
        return wanted
    return frozenset(name for name in wanted if b"\0" + name + b"\0" in strings)
