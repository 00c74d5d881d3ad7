"""The sockets of each tick, at less than half the cost of walking the kernel's tables for each.

Since its first pass over the tables (`Sockets.read_into`) every TCP socket is remembered, and `SocketEvents` sees to it
that new ones are too. So until the next one the remembered ones are read. What is left of closed connections is
remembered nowhere: rows in TIME_WAIT are those of the latest pass over the tables, in SYN_RECV there are rows only
right after it. The next pass comes ten seconds later if that one found remains or a socket has closed since, which may
have left some; else a minute later. Where something may have been missed, the tables are walked at once; where
`SocketEvents` doesn't run, or there are more than 4,096 sockets, always.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final, Protocol

from helper.probes.socket_table import MISSING_AT, MISSING_UID, SOCKET_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable

    from helper.probes.probe import Reading
    from helper.probes.socket_memory import SocketMemory
    from helper.probes.visibility import Visibility

TABLES_EVERY_NS: Final = 10 * 10**9
QUIET_TABLES_EVERY_NS: Final = 60 * 10**9
"""While no TCP socket has closed since a walk that found no remains."""


class SocketTables(Protocol):
    """helper.probes.sockets.Sockets."""

    unowned: int
    unremembered: int
    tcp_byte_count: int

    def read_into(self, buffer: memoryview, visibility: Visibility) -> Reading: ...

    def read_known(self, visibility: Visibility, remains: bytes = ...) -> memoryview | None: ...


class KnownSockets:
    """Reads `sockets`, which share `memory` with SocketEvents."""

    def __init__(
        self, sockets: SocketTables, memory: SocketMemory, clock_ns: Callable[[], int] = time.monotonic_ns
    ) -> None:
        self._sockets = sockets
        self._memory = memory
        self._clock_ns = clock_ns
        self._walked_for: tuple[Visibility, object] | None = None
        self._walked_ns = 0
        self._closings: int | None = None
        self._remains = b""

    @property
    def unowned(self) -> int:
        """As of Sockets."""
        return self._sockets.unowned

    def read_known(self, visibility: Visibility) -> memoryview | None:
        """Whole rows of `struct st_socket`, valid until the next call; None if the tables have to be walked now.

        A TCP socket has one, whichever way it was read.
        Raises LoaderError (step read) if the kernel ends the pass early.
        """
        followed = self._following(visibility)
        is_quiet = not self._remains and self._closed() == self._closings
        next_walk_ns = self._walked_ns + (QUIET_TABLES_EVERY_NS if is_quiet else TABLES_EVERY_NS)
        if followed is None or followed != self._walked_for or self._clock_ns() >= next_walk_ns:
            return None
        return self._sockets.read_known(visibility, self._remains)

    def read_into(self, buffer: memoryview, visibility: Visibility) -> Reading:
        """Walks the tables; fills `buffer` with whole rows. Raises LoaderError as above."""
        now_ns, followed, closings = self._clock_ns(), self._following(visibility), self._closed()
        reading = self._sockets.read_into(buffer, visibility)
        is_complete = not reading.truncated and not self._sockets.unremembered
        self._walked_for = followed if is_complete else None
        self._walked_ns, self._closings = now_ns, closings
        self._remains = _remains(buffer[: self._sockets.tcp_byte_count])
        return reading

    def _following(self, visibility: Visibility) -> tuple[Visibility, object] | None:
        return None if self._memory.followed is None else (visibility, self._memory.followed())

    def _closed(self) -> int | None:
        return self._memory.closings and self._memory.closings()


def _remains(tcp: memoryview) -> bytes:
    """Those rows that are nobody's: of connections in TIME_WAIT."""
    missing = tcp.cast("I")[MISSING_AT // 4 :: SOCKET_BYTES // 4].tolist()
    at = (number * SOCKET_BYTES for number, flags in enumerate(missing) if flags & MISSING_UID)
    return b"".join(tcp[place : place + SOCKET_BYTES] for place in at)
