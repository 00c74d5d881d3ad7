"""Room for rows of which nobody knows beforehand how many there are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from helper.probes.probe import Reading

FIRST_SOCKETS: Final = 1024
MOST_SOCKETS: Final = 32_768
"""4 MiB, and some 10 ms in the kernel: a desktop has hundreds, a busy server thousands."""


class GrowingBuffer:
    """Room for rows that doubles until a reading fits, up to `most_rows`."""

    def __init__(self, row_bytes: int, first_rows: int, most_rows: int) -> None:
        self._most_bytes = row_bytes * most_rows
        self._room = memoryview(bytearray(row_bytes * first_rows))

    def fill(self, read: Callable[[memoryview], Reading]) -> tuple[memoryview, bool]:
        """The rows read, and whether more existed than the largest room takes."""
        reading = read(self._room)
        while reading.truncated and len(self._room) < self._most_bytes:
            self._room = memoryview(bytearray(min(2 * len(self._room), self._most_bytes)))
            reading = read(self._room)
        return self._room[: reading.byte_count], reading.truncated
