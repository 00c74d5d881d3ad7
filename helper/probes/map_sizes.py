"""How many entries each map gets on this machine. Pure; the sources say how many where nobody asks.

Rows of processes cost memory only once they are there, but their table of buckets always does, and each tick walks it:
hence the upper bounds. Ring buffers hold what comes between two looks of the reader: more CPUs make more at once.
Not here: numbers of system calls (the ABI's), one-entry arrays, storage in tasks and sockets (as many as there are).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from helper.machine import Machine

KIB: Final = 1024
MEMORY_A_ROW: Final = 1 << 20
MEMORY_A_TASK_ROW: Final = 1 << 19
MEMORY_A_RING_BYTE: Final = 4096
TASKS_A_ROW: Final = 8
OPERATIONS: Final = 4  # enum st_block_operation: a row each
JOBS_A_CARD: Final = 1024  # queued and running at once
RINGS_A_CARD: Final = 64
ROOM_TO_GROW: Final = 2  # disks that are plugged in, file systems that are mounted later


def entries_for(machine: Machine) -> Mapping[str, int]:
    """Entries of hash maps, bytes of ring buffers, by the map's name."""
    rows = _rows_of_processes(machine)
    rare = _ring(machine, 8 * KIB, 16 * KIB, 64 * KIB)
    return {
        "task_rows": _power_of_two((machine.memory_bytes or 0) // MEMORY_A_TASK_ROW, 1024, 8192),
        "rollups": rows,
        "traffic": rows,
        "actors": rows,
        "disks": _power_of_two(ROOM_TO_GROW * OPERATIONS * (machine.disks or 0), 64, 4096),
        "cpus": machine.cpus,
        "jobs": _power_of_two(JOBS_A_CARD * (machine.cards or 0), 1024, 8192),
        "rings": _power_of_two(RINGS_A_CARD * (machine.cards or 0), 64, 1024),
        "gpu_memory": rows,
        "file_systems": _power_of_two(ROOM_TO_GROW * (machine.file_systems or 0), 64, 1024),
        "process_events_ring": _ring(machine, 128 * KIB, 256 * KIB, 1024 * KIB),
        # 256 events a second at most (bpf/socket_events.bpf.c): 36 KiB
        "socket_events_ring": _ring(machine, 64 * KIB, 64 * KIB, 128 * KIB),
        "oom_events_ring": rare,
        "thermal_events_ring": rare,
    }


def _rows_of_processes(machine: Machine) -> int:
    by_tasks = (machine.tasks or 0) // TASKS_A_ROW
    by_memory = (machine.memory_bytes or 0) // MEMORY_A_ROW
    return _power_of_two(min(by_tasks, by_memory), 1024, 8192)


def _ring(machine: Machine, bytes_a_cpu: int, least: int, most: int) -> int:
    """A power of two, whole pages, as BPF_MAP_TYPE_RINGBUF has to be; never more than memory can spare."""
    spare = _power_of_two_below((machine.memory_bytes or 0) // MEMORY_A_RING_BYTE)
    wanted = _power_of_two(machine.cpus * bytes_a_cpu, least, most)
    return max(machine.page_bytes, min(wanted, max(spare, 16 * KIB)))


def _power_of_two(wanted: int, least: int, most: int) -> int:
    """The first that is not below `wanted`, within bounds that are such themselves."""
    return max(least, min(most, 1 << max(0, wanted - 1).bit_length()))


def _power_of_two_below(limit: int) -> int:
    return 1 << (limit.bit_length() - 1) if limit else 0
