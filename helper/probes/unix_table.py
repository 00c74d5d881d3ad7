"""What each class of viewers may see of unix sockets and of who holds them. Pure.

/proc/PID/fd shows a user the sockets that his own processes hold, whoever created them. So holders are shown if they
are the viewer's own processes, and sockets if he created them or one of those holds them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from helper.probes.visibility import Mode

if TYPE_CHECKING:
    from collections.abc import Iterable

    from helper.probes.visibility import Visibility

SOCKET_BYTES: Final = 160  # sizeof(struct st_unix_socket); these and the places below are held by tests/contract
SOCKET_INODE_AT: Final = 8
SOCKET_UID_AT: Final = 24
HOLDER_BYTES: Final = 48  # sizeof(struct st_unix_holder)
HOLDER_INODE_AT: Final = 0
HOLDER_OWNER_AT: Final = 20
SECTION_UNIX_READING: Final = 27
SECTION_UNIX_SOCKETS: Final = 28
SECTION_UNIX_HOLDERS: Final = 29


@dataclass(frozen=True, slots=True)
class UnixTables:
    """Whole records of `struct st_unix_socket` and of `struct st_unix_holder`."""

    sockets: memoryview | bytes
    holders: memoryview | bytes

    def seen_by(self, visibility: Visibility) -> UnixTables:
        """What this viewer may see, in the same order."""
        if visibility.mode is Mode.SEES_ALL:
            return self
        sockets, holders = memoryview(self.sockets), memoryview(self.holders)
        own = [row for row, uid in enumerate(_owners(holders)) if uid == visibility.uid]
        inodes = _inodes(holders, HOLDER_BYTES, HOLDER_INODE_AT)
        held = {inodes[row] for row in own}
        creators = sockets.cast("I")[SOCKET_UID_AT // 4 :: SOCKET_BYTES // 4].tolist()
        there = _inodes(sockets, SOCKET_BYTES, SOCKET_INODE_AT)
        shown = (row for row, uid in enumerate(creators) if uid == visibility.uid or there[row] in held)
        return UnixTables(_picked(sockets, SOCKET_BYTES, shown), _picked(holders, HOLDER_BYTES, own))


def _owners(holders: memoryview) -> list[int]:
    return holders.cast("I")[HOLDER_OWNER_AT // 4 :: HOLDER_BYTES // 4].tolist()


def _inodes(rows: memoryview, record_bytes: int, at: int) -> list[int]:
    return rows.cast("Q")[at // 8 :: record_bytes // 8].tolist()


def _picked(rows: memoryview, record_bytes: int, places: Iterable[int]) -> bytes:
    return b"".join(rows[place * record_bytes : (place + 1) * record_bytes] for place in places)
