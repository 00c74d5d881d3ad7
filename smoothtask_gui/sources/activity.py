"""The activity structs of bpf/records.h as numpy sees them: what hooks count while a stream asks for it.

As records.py; apart, because most streams carry none of it.
"""

from __future__ import annotations

from enum import IntEnum, IntFlag
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

DURATIONS: Final = 32
"""Slots of a histogram: slot n counts [2^n, 2^(n+1)) ns; the last takes all that is longer."""


class ActivityKinds(IntFlag):
    """`enum st_activity_kind`: bits for OpenStream."""

    RECLAIM = 1 << 8
    CPU_FREQUENCY = 1 << 9
    RUN_QUEUE = 1 << 10
    SYSCALLS = 1 << 11
    FILES = 1 << 12


OPT_IN: Final = ActivityKinds.RUN_QUEUE | ActivityKinds.SYSCALLS | ActivityKinds.FILES


class ActivitySection(IntEnum):
    """`enum st_activity_section`."""

    RECLAIM = 16
    CPU_FREQUENCY = 17
    RUN_QUEUE = 18
    CALLERS = 19
    SYSCALLS = 20
    FILE_USERS = 21
    FILE_SYSTEMS = 22


ACTOR: Final = np.dtype(
    [
        ("pid", "u4"),
        ("uid", "u4"),
        ("start_ns", "u8"),
        ("first_ns", "u8"),
        ("uids_differ", "u4"),
        ("pad", "u4"),
        ("comm", "S16"),
    ]
)

RECLAIM: Final = np.dtype(
    [
        ("actor", ACTOR),
        ("machine_count", "u8"),
        ("machine_ns", "u8"),
        ("cgroup_count", "u8"),
        ("cgroup_ns", "u8"),
        ("freed_pages", "u8"),
    ]
)

CPU_FREQUENCY: Final = np.dtype([("cpu", "u4"), ("frequency_khz", "u4"), ("changed_ns", "u8"), ("changes", "u8")])

RUN_QUEUE: Final = np.dtype(
    [("longest_ns", "u8"), ("count", "u8"), ("wait_ns", "u8"), ("durations", "u8", (DURATIONS,))]
)

CALLER: Final = np.dtype([("actor", ACTOR), ("calls", "u8"), ("failed", "u8"), ("call_ns", "u8")])

SYSCALL: Final = np.dtype(
    [
        ("number", "u4"),
        ("pad", "u4"),
        ("calls", "u8"),
        ("failed", "u8"),
        ("call_ns", "u8"),
        ("durations", "u8", (DURATIONS,)),
    ]
)

FILE_USER: Final = np.dtype(
    [
        ("actor", ACTOR),
        ("opens", "u8"),
        ("failed_opens", "u8"),
        ("reads", "u8"),
        ("read_bytes", "u8"),
        ("writes", "u8"),
        ("written_bytes", "u8"),
        ("syncs", "u8"),
        ("sync_ns", "u8"),
    ]
)

FILE_SYSTEM: Final = np.dtype(
    [
        ("major", "u4"),
        ("minor", "u4"),
        ("type", "S16"),
        ("first_ns", "u8"),
        ("opens", "u8"),
        ("reads", "u8"),
        ("read_bytes", "u8"),
        ("writes", "u8"),
        ("written_bytes", "u8"),
        ("syncs", "u8"),
        ("sync_ns", "u8"),
        ("durations", "u8", (DURATIONS,)),
    ]
)

STRUCTS: Final[Mapping[str, np.dtype[np.void]]] = MappingProxyType(
    {
        "st_actor": ACTOR,
        "st_reclaim": RECLAIM,
        "st_cpu_frequency": CPU_FREQUENCY,
        "st_run_queue": RUN_QUEUE,
        "st_caller": CALLER,
        "st_syscall": SYSCALL,
        "st_file_user": FILE_USER,
        "st_file_system": FILE_SYSTEM,
    }
)
"""The header's name of each struct."""
