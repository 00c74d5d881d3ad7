"""The door to perf_event_open(2): counters of a performance monitoring unit that count for a whole CPU.

Needs CAP_PERFMON, or kernel.perf_event_paranoid at 0 or less. Such a counter runs in hardware: reading is all it costs.
"""

from __future__ import annotations

import ctypes
import os
import platform
import struct
from typing import Final

from helper.loaders.errors import LoaderError

NUMBERS: Final = {"x86_64": 298, "i686": 336, "aarch64": 241, "riscv64": 241, "ppc64le": 319, "s390x": 331}
"""Of the system call, by machine: include/uapi/asm/unistd.h of each."""
ATTRIBUTES: Final = struct.Struct("@IIQ112x")  # struct perf_event_attr: type, size, config; PERF_ATTR_SIZE_VER7
EVERY_PROCESS: Final = -1
NO_GROUP: Final = -1
CLOSE_ON_EXEC: Final = 8  # PERF_FLAG_FD_CLOEXEC
COUNT: Final = struct.Struct("@Q")


class PerfEvents:
    """Opens counters and reads them."""

    def __init__(self) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)

    def open(self, unit: int, event: int, cpu: int) -> int:
        """A descriptor of the counter `event` of the unit's type number, on that CPU. Raises LoaderError."""
        attributes = ctypes.create_string_buffer(ATTRIBUTES.pack(unit, ATTRIBUTES.size, event), ATTRIBUTES.size)
        number = NUMBERS.get(platform.machine())
        if number is None:
            raise LoaderError("perf_event_open", "open", 0, hint=f"unknown on {platform.machine()}")
        fd = self._libc.syscall(number, attributes, EVERY_PROCESS, cpu, NO_GROUP, CLOSE_ON_EXEC)
        if fd < 0:
            raise LoaderError("perf_event_open", "attach", ctypes.get_errno())
        return int(fd)

    def read(self, fd: int) -> int:
        """The count since it was opened. Raises LoaderError."""
        try:
            return int(COUNT.unpack(os.read(fd, COUNT.size))[0])
        except (OSError, struct.error) as error:
            raise LoaderError("perf_event_open", "read", getattr(error, "errno", None) or 0) from error
