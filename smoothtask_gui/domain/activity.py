"""What hooks count while a stream asks for it: the activity rows of bpf/records.h, as they come.

Cumulative and raw, like the rest of a batch; `domain/activity_rates.py` makes rates of them. A row of a process begins
with whose it is; one whose `first_ns` changed is a new row.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

Rows = npt.NDArray[np.void]

DURATIONS: Final = 32
"""Slots of a histogram: slot n counts [2^n, 2^(n+1)) ns; the last takes all that is longer."""

ACTOR_FIELDS: Final = (
    ("pid", "u4"),
    ("uid", "u4"),
    ("start_ns", "u8"),
    ("first_ns", "u8"),
    ("uids_differ", "u4"),
    ("pad", "u4"),
    ("comm", "S16"),
)
"""Whose row it is, `struct st_actor`: pid 0 in the row of those that found no room for one of their own."""

RECLAIM: Final = np.dtype(
    [
        *ACTOR_FIELDS,
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

CALLER: Final = np.dtype([*ACTOR_FIELDS, ("calls", "u8"), ("failed", "u8"), ("call_ns", "u8")])

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
        *ACTOR_FIELDS,
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


GPU_USER: Final = np.dtype([*ACTOR_FIELDS, ("jobs", "u8"), ("busy_ns", "u8")])

GPU_WAITER: Final = np.dtype([*ACTOR_FIELDS, ("fences", "u8"), ("waits", "u8"), ("wait_ns", "u8")])

GPU_MEMORY: Final = np.dtype([*ACTOR_FIELDS, ("card", "u8"), ("bytes", "u8")])

ENERGY: Final = np.dtype([("packages", "u4"), ("pad", "u4"), ("read_ns", "u8"), ("energy_uj", "u8")])

UNIX_READING: Final = np.dtype([("read_ns", "u8"), ("took_ns", "u8"), ("truncated", "u4"), ("pad", "u4")])
"""When the two tables below were read: the sampler doesn't do so at each tick."""

UNIX_SOCKET: Final = np.dtype(
    [
        ("cookie", "u8"),
        ("inode", "u8"),
        ("peer_inode", "u8"),
        ("uid", "u4"),
        ("net_namespace", "u4"),
        ("receive_queue_messages", "u4"),
        ("send_queue_bytes", "u4"),
        ("missing", "u4"),
        ("type", "u1"),
        ("state", "u1"),
        ("name_bytes", "u1"),
        ("is_peers_name", "u1"),
        ("name", "V112"),
    ]
)
"""One unix socket; `struct st_unix_socket`. `cookie` is its identity until reboot."""

UNIX_HOLDER: Final = np.dtype(
    [
        ("inode", "u8"),
        ("pid_start_ns", "u8"),
        ("pid", "u4"),
        ("owner", "u4"),
        ("fd", "u4"),
        ("net_namespace", "u4"),
        ("comm", "S16"),
    ]
)
"""One descriptor that is a unix socket; `struct st_unix_holder`."""


@dataclass(frozen=True, slots=True)
class Activity:
    """The tables of a tick; None where nobody asked, the probe isn't running, or this user may not see it."""

    reclaim: Rows | None = None
    cpu_frequency: Rows | None = None
    run_queue: Rows | None = None
    callers: Rows | None = None
    syscalls: Rows | None = None
    file_users: Rows | None = None
    file_systems: Rows | None = None
    energy: Rows | None = None
    gpu_users: Rows | None = None
    gpu_waiters: Rows | None = None
    gpu_memory: Rows | None = None
    unix_reading: Rows | None = None
    unix_sockets: Rows | None = None
    unix_holders: Rows | None = None


TABLES: Final = (
    ("reclaim", RECLAIM),
    ("cpu_frequency", CPU_FREQUENCY),
    ("run_queue", RUN_QUEUE),
    ("callers", CALLER),
    ("syscalls", SYSCALL),
    ("file_users", FILE_USER),
    ("file_systems", FILE_SYSTEM),
    ("energy", ENERGY),
    ("gpu_users", GPU_USER),
    ("gpu_waiters", GPU_WAITER),
    ("gpu_memory", GPU_MEMORY),
    ("unix_reading", UNIX_READING),
    ("unix_sockets", UNIX_SOCKET),
    ("unix_holders", UNIX_HOLDER),
)
"""Field of Activity, dtype of its rows."""
