"""Reading what programs have put into maps, through the door."""

from __future__ import annotations

import ctypes
import errno
from typing import TYPE_CHECKING, Final

from helper.loaders.errors import LoaderError
from helper.loaders.fdinfo import fdinfo
from helper.loaders.libbpf import Libbpf, record_callback

if TYPE_CHECKING:
    from collections.abc import Callable

TOKEN_BYTES: Final = 8  # a hash map's place in a batch is a u32
SLACK: Final = 256  # a big hash map counts per CPU and can hold a few entries more than it may (is_map_full())


class HashReader:
    """Reads whole hash maps in batches into memory allocated once."""

    def __init__(self, door: Libbpf, name: str, fd: int, *, key_bytes: int, value_bytes: int) -> None:
        self._door = door
        self._name = name
        self._fd = fd
        self.entries = fdinfo(fd)["max_entries"]
        """For how many the map was made."""
        self._entries = self.entries + SLACK
        self._key_bytes, self._value_bytes = key_bytes, value_bytes
        self._keys = ctypes.create_string_buffer(key_bytes * self._entries)
        self._values = ctypes.create_string_buffer(value_bytes * self._entries)

    def read(self) -> tuple[memoryview, memoryview]:
        """Keys and values, packed, in the same order; valid until the next read.

        ENOENT is how the kernel says that the end was reached (generic for *_LOOKUP_BATCH, kernel/bpf/hashtab.c).
        """
        filled = 0
        token = ctypes.create_string_buffer(TOKEN_BYTES)
        place = None
        while filled < self._entries:
            count = ctypes.c_uint32(self._entries - filled)
            keys = ctypes.byref(self._keys, filled * self._key_bytes)
            values = ctypes.byref(self._values, filled * self._value_bytes)
            result = self._door.calls.bpf_map_lookup_batch(
                self._fd, place, token, keys, values, ctypes.byref(count), None
            )
            if result not in {0, -errno.ENOENT}:
                raise LoaderError(self._name, "read", -result)
            filled += count.value
            if result:
                break
            place = token
        keys_read = memoryview(self._keys).cast("B")[: filled * self._key_bytes]
        return keys_read, memoryview(self._values).cast("B")[: filled * self._value_bytes]

    def take(self, key: bytes) -> bytes | None:
        """Deletes an entry and returns its last value; None if it wasn't there."""
        value = ctypes.create_string_buffer(self._value_bytes)
        result = self._door.calls.bpf_map_lookup_and_delete_elem(self._fd, key, value)
        return None if result else value.raw


class PerCpuReader:
    """Reads entry 0 of a per-CPU array into memory allocated once."""

    def __init__(self, door: Libbpf, name: str, fd: int, value_bytes: int) -> None:
        """`value_bytes` is a multiple of 8."""
        self._name = name
        self._value_bytes = value_bytes
        values = ctypes.create_string_buffer(value_bytes * door.calls.libbpf_num_possible_cpus())
        self._values = memoryview(values).cast("B")
        self._words = self._values.cast("Q")
        self._look_up = door.calls.bpf_map_lookup_elem
        self._arguments = fd, ctypes.byref(ctypes.c_uint32(0)), values

    def shares(self) -> list[bytes]:
        """A value for each possible CPU. Raises LoaderError (step read)."""
        self._read()
        width = self._value_bytes
        return [bytes(self._values[at : at + width]) for at in range(0, len(self._values), width)]

    def sums(self) -> list[int]:
        """Each 64-bit number of a value, summed over the CPUs. Raises LoaderError (step read)."""
        self._read()
        width = self._value_bytes // self._words.itemsize
        return [sum(self._words[at::width].tolist()) for at in range(width)]

    def _read(self) -> None:
        result = self._look_up(*self._arguments)
        if result:
            raise LoaderError(self._name, "read", -result)


class RingBuffer:
    """Event records, in the order the kernel wrote them."""

    def __init__(self, door: Libbpf, name: str, fd: int) -> None:
        self._calls = door.calls
        self._waiting: list[bytes] = []
        self._callback = record_callback(self._take)  # libbpf keeps the pointer, so we keep the object
        self._handle = self._calls.ring_buffer__new(fd, self._callback, None, None)
        if not self._handle:
            raise LoaderError(name, "map", ctypes.get_errno())

    def fileno(self) -> int:
        return int(self._calls.ring_buffer__epoll_fd(self._handle))

    def drain(self, sink: Callable[[bytes], None]) -> None:
        """Hands over what waits. An exception of `sink` reaches the caller; the records after it are kept."""
        self._calls.ring_buffer__consume(self._handle)
        while self._waiting:
            sink(self._waiting.pop(0))

    def close(self) -> None:
        if self._handle:
            self._calls.ring_buffer__free(self._handle)
            self._handle = None

    def _take(self, _context: int | None, record: int, byte_count: int) -> int:
        self._waiting.append(ctypes.string_at(record, byte_count))
        return 0
