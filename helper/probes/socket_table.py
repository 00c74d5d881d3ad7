"""The sockets of one moment, and what each class of viewers may see of them: those that they created."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from helper.probes.visibility import Mode

if TYPE_CHECKING:
    from helper.probes.visibility import Visibility

SOCKET_BYTES: Final = 128  # sizeof(struct st_socket); this and the places below are held by tests/contract
UID_AT: Final = 84
MISSING_AT: Final = 112
MISSING_UID: Final = 1 << 12  # ST_MISSING_UID


def sockets_seen_by(visibility: Visibility, rows: memoryview) -> memoryview | bytes:
    """Whole records of `struct st_socket` as this viewer may see them, in the same order."""
    if visibility.mode is Mode.SEES_ALL:
        return rows
    creators = rows.cast("I")[UID_AT // 4 :: SOCKET_BYTES // 4].tolist()
    own = (at * SOCKET_BYTES for at, uid in enumerate(creators) if uid == visibility.uid)
    return b"".join(rows[at : at + SOCKET_BYTES] for at in own if not _is_nobodys(rows, at))


def _is_nobodys(rows: memoryview, at: int) -> bool:
    return bool(struct.unpack_from("@I", rows, at + MISSING_AT)[0] & MISSING_UID)
