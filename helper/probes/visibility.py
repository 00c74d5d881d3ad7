"""Who is looking: how much of other users' processes a reading may show.

Events are masked here, the rows of a tick in `row_table.py` and `socket_table.py`, by the
same three rules (`enum st_visibility` in bpf/records.h). A process is one's own only if its real, effective and saved
uid are all the viewer's.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import Final, NamedTuple

MISSING_IO: Final = 1 << 0  # ST_MISSING_IO
NO_BYTES: Final = bytes(16)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a record has its owner and its io: byte offsets, held by tests/contract."""

    uid: int
    read_bytes: int | None = None  # write_bytes follows it
    missing: int | None = None
    uids_differ: int | None = None
    is_private: bool = False
    """Nothing of it is for other users, whatever /proc shows."""


EVENT_PLACES: Final = {
    1: _Place(uid=24, read_bytes=64, missing=88, uids_differ=92),  # ST_EVENT_EXIT, struct st_event_exit
    2: _Place(uid=20),  # ST_EVENT_OOM_KILL, struct st_event_oom_kill
    6: _Place(uid=100, is_private=True),  # ST_EVENT_SOCKET_CLOSED, struct st_event_socket_closed
}
"""Events that belong to a user; all others are the machine's and shown to everybody."""


class Mode(IntEnum):
    """`enum st_visibility`."""

    SEES_ALL = 1
    SEES_AS_PROC = 2
    SEES_OWN = 3


class Visibility(NamedTuple):
    """One class of viewers; `uid` has no meaning in SEES_ALL.

    A tuple, since each tick groups its streams by it: a dataclass is hashed and compared ten times as slowly.
    """

    mode: Mode
    uid: int

    def event(self, record: bytes) -> bytes | None:
        """A record beginning with `struct st_event` as this viewer may see it; None if not at all."""
        place = EVENT_PLACES.get(_u32(record, 0))
        return record if place is None else self._masked(record, place)

    def _masked(self, record: bytes, place: _Place) -> bytes | None:
        differ = place.uids_differ is not None and _u32(record, place.uids_differ) != 0
        own = _u32(record, place.uid) == self.uid and not differ
        if own or self.mode is Mode.SEES_ALL:
            return record
        if self.mode is Mode.SEES_OWN or place.is_private:
            return None
        if place.read_bytes is None or place.missing is None:
            return record
        masked = bytearray(record)
        masked[place.read_bytes : place.read_bytes + len(NO_BYTES)] = NO_BYTES
        struct.pack_into("@I", masked, place.missing, _u32(record, place.missing) | MISSING_IO)
        return bytes(masked)


EVERYBODY: Final = Visibility(Mode.SEES_ALL, 0)


def _u32(record: bytes, offset: int) -> int:
    return int(struct.unpack_from("@I", record, offset)[0])
