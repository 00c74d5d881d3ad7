"""What a stream may ask the activity probes for.

In a file of its own, so that reading a command line, and making completions and manual page from it, loads no numpy.
"""

from __future__ import annotations

from enum import IntFlag
from typing import Final


class ActivityKinds(IntFlag):
    """`enum st_activity_kind`: bits for OpenStream."""

    RECLAIM = 1 << 8
    CPU_FREQUENCY = 1 << 9
    RUN_QUEUE = 1 << 10
    SYSCALLS = 1 << 11
    FILES = 1 << 12
    ENERGY = 1 << 13
    GPU = 1 << 14
    UNIX_SOCKETS = 1 << 15


OPT_IN: Final = ActivityKinds.RUN_QUEUE | ActivityKinds.SYSCALLS | ActivityKinds.FILES | ActivityKinds.UNIX_SOCKETS
