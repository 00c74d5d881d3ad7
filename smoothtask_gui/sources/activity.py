"""The activity structs of bpf/records.h as numpy sees them: what hooks count while a stream asks for it.

As records.py; apart, because most streams carry none of it.
"""

from __future__ import annotations

from enum import IntEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import numpy as np

from smoothtask_gui.domain.activity import (
    ACTOR_FIELDS,
    CALLER,
    CPU_FREQUENCY,
    ENERGY,
    FILE_SYSTEM,
    FILE_USER,
    GPU_MEMORY,
    GPU_USER,
    GPU_WAITER,
    RECLAIM,
    RUN_QUEUE,
    SYSCALL,
    UNIX_HOLDER,
    UNIX_READING,
    UNIX_SOCKET,
)

if TYPE_CHECKING:
    from collections.abc import Mapping


class ActivitySection(IntEnum):
    """`enum st_activity_section`."""

    RECLAIM = 16
    CPU_FREQUENCY = 17
    RUN_QUEUE = 18
    CALLERS = 19
    SYSCALLS = 20
    FILE_USERS = 21
    FILE_SYSTEMS = 22
    ENERGY = 23
    GPU_USERS = 24
    GPU_WAITERS = 25
    GPU_MEMORY = 26
    UNIX_READING = 27
    UNIX_SOCKETS = 28
    UNIX_HOLDERS = 29


ACTOR: Final = np.dtype(list(ACTOR_FIELDS))


def _as_declared(flat: np.dtype[np.void]) -> np.dtype[np.void]:
    """The same layout with the actor as one member, which is how the header has it."""
    names = (flat.names or ())[len(ACTOR_FIELDS) :]
    return np.dtype([("actor", ACTOR), *((name, flat[name]) for name in names)])


STRUCTS: Final[Mapping[str, np.dtype[np.void]]] = MappingProxyType(
    {
        "st_actor": ACTOR,
        "st_reclaim": _as_declared(RECLAIM),
        "st_cpu_frequency": CPU_FREQUENCY,
        "st_run_queue": RUN_QUEUE,
        "st_caller": _as_declared(CALLER),
        "st_syscall": SYSCALL,
        "st_file_user": _as_declared(FILE_USER),
        "st_file_system": FILE_SYSTEM,
        "st_energy": ENERGY,
        "st_gpu_user": _as_declared(GPU_USER),
        "st_gpu_waiter": _as_declared(GPU_WAITER),
        "st_gpu_memory": _as_declared(GPU_MEMORY),
        "st_unix_reading": UNIX_READING,
        "st_unix_socket": UNIX_SOCKET,
        "st_unix_holder": UNIX_HOLDER,
    }
)
"""The header's name of each struct."""
