"""What maps will take of the kernel's memory, before they are made: pure, from their shape and the machine's facts.

The same sums as the kernel's own account, which is `memlock` of a map's /proc/self/fdinfo: since 6.4 each type's
map_mem_usage() (90a5527d7686, "bpf: add new map ops ->map_mem_usage"), before that one rule for all, which counts
entries that aren't there and leaves out ring buffers: bpf_map_memory_footprint(), kernel/bpf/syscall.c.
Sizes of the kernel's own structs differ by some dozen bytes between kernels: they are those of 6.18 on x86_64.
Elements of storage in tasks and sockets are in neither account: the kernel doesn't tell them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from helper.machine import Machine

POINTER: Final = 8
BUCKET: Final = 16  # struct bucket: hlist_nulls_head, raw_spinlock_t; kernel/bpf/hashtab.c
HASH_HEAD: Final = 832  # struct bpf_htab
HASH_LOCKS: Final = 8  # HASHTAB_MAP_LOCK_COUNT: an int each, on each CPU
ELEMENT_HEAD: Final = 48  # struct htab_elem
ARRAY_HEAD: Final = 312  # struct bpf_array; kernel/bpf/arraymap.c
RING_HEAD: Final = 304  # struct bpf_ringbuf_map; kernel/bpf/ringbuf.c
RING_META_PAGES: Final = 3  # RINGBUF_NR_META_PAGES
STORAGE_HEAD: Final = 448  # struct bpf_local_storage_map; kernel/bpf/bpf_local_storage.c
NO_PREALLOC, MMAPABLE = 1 << 0, 1 << 10  # include/uapi/linux/bpf.h
OWN_ACCOUNTS: Final = (6, 4)


class MapType(IntEnum):
    """Of `enum bpf_map_type`, those in use."""

    HASH = 1
    ARRAY = 2
    PERCPU_HASH = 5
    PERCPU_ARRAY = 6
    LRU_HASH = 9
    SK_STORAGE = 24
    RINGBUF = 27
    TASK_STORAGE = 29


PER_CPU: Final = frozenset({MapType.PERCPU_HASH, MapType.PERCPU_ARRAY})


@dataclass(frozen=True, slots=True)
class MapShape:
    """A map as it will be made. `entries` is bytes of a ring buffer."""

    name: str
    map_type: int  # a MapType
    key_bytes: int
    value_bytes: int
    entries: int
    flags: int


@dataclass(frozen=True, slots=True)
class MapMemory:
    """`fresh_bytes` right after loading, `full_bytes` when every map that grows is full."""

    fresh_bytes: int
    full_bytes: int


def estimate(shapes: Iterable[MapShape], machine: Machine) -> MapMemory:
    """What the kernel will tell of these maps. Raises ValueError for a type that isn't in MapType."""
    known = tuple(shapes)
    return MapMemory(
        sum(map_bytes(shape, machine, 0) for shape in known),
        sum(map_bytes(shape, machine, shape.entries) for shape in known),
    )


def map_bytes(shape: MapShape, machine: Machine, rows: int) -> int:
    """Of one map with `rows` entries in use: they matter only where elements aren't made beforehand."""
    if machine.kernel < OWN_ACCOUNTS:
        return _footprint(shape, machine)
    kind = MapType(shape.map_type)
    if kind in {MapType.HASH, MapType.PERCPU_HASH, MapType.LRU_HASH}:
        return _hash(shape, machine, rows)
    if kind in {MapType.ARRAY, MapType.PERCPU_ARRAY}:
        return _array(shape, machine)
    if kind is MapType.RINGBUF:
        pages = shape.entries // machine.page_bytes
        pointers = RING_META_PAGES + 2 * pages  # the data is mapped twice in a row
        return RING_HEAD + (RING_META_PAGES + pages) * machine.page_bytes + pointers * POINTER
    return STORAGE_HEAD + BUCKET * _power_of_two(max(2, machine.cpus))


def _hash(shape: MapShape, machine: Machine, rows: int) -> int:
    """htab_map_mem_usage()."""
    per_cpu = shape.map_type == MapType.PERCPU_HASH
    value = _up(shape.value_bytes, 8)
    element = ELEMENT_HEAD + _up(shape.key_bytes, 8) + (POINTER if per_cpu else value)
    apart = value * machine.cpus if per_cpu else 0  # a per-CPU value lies outside its element
    used = HASH_HEAD + 4 * HASH_LOCKS * machine.cpus + BUCKET * _power_of_two(shape.entries)
    if shape.flags & NO_PREALLOC:
        beside = POINTER + (2 * POINTER if per_cpu else 0)  # struct llist_node, pointers of bpf_mem_alloc
        return used + (element + beside + apart) * rows
    if shape.map_type == MapType.LRU_HASH:
        return used + element * shape.entries
    spare = 0 if per_cpu else machine.cpus  # one element a CPU for updates in place
    return used + (element + apart) * (shape.entries + spare) + POINTER * spare


def _array(shape: MapShape, machine: Machine) -> int:
    """array_map_mem_usage()."""
    value = _up(shape.value_bytes, 8)
    if shape.map_type == MapType.PERCPU_ARRAY:
        return ARRAY_HEAD + shape.entries * (POINTER + value * machine.cpus)
    if shape.flags & MMAPABLE:
        return _up(ARRAY_HEAD, machine.page_bytes) + _up(shape.entries * value, machine.page_bytes)
    return ARRAY_HEAD + shape.entries * value


def _footprint(shape: MapShape, machine: Machine) -> int:
    """bpf_map_memory_footprint(), before 6.4."""
    value = shape.value_bytes
    if shape.map_type in PER_CPU:
        value = _up(value, 8) * machine.cpus
    return _up(shape.entries * _up(shape.key_bytes + value, 8), machine.page_bytes)


def _up(number: int, step: int) -> int:
    return -(-number // step) * step


def _power_of_two(number: int) -> int:
    return 1 << max(0, number - 1).bit_length()
