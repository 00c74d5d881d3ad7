"""What the probes that count on hot paths have in common: tables read at each tick, losses, and who may see what.

They are opened when the first stream asks for them. Those that are opt-in are closed with the last such stream; what
they counted is gone then, but not how much they lost: `lost()` never runs backwards.
"""

from __future__ import annotations

import struct
import sys
from abc import abstractmethod
from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING, Final

from helper.loaders.maps import HashReader
from helper.probes.object_probe import ObjectProbe
from helper.probes.visibility import Mode

if TYPE_CHECKING:
    import mmap
    from collections.abc import Sequence

    from helper.loaders.libbpf import BpfObject, Libbpf
    from helper.probes.visibility import Visibility

SETTINGS: Final = struct.Struct("@Q")  # struct st_activity_settings
ACTOR: Final = struct.Struct("@IIQQI4x16s")  # struct st_actor
ACTOR_KEY: Final = struct.Struct("@IIQII")  # struct actor_key, bpf/activity.bpf.h


class Whose(Enum):
    """Who may see a table."""

    EVERYBODYS = "everybody's"
    ACTORS = "each actor's own rows"
    ALL_USERS = "what all users do together: for who sees all"


@dataclass(frozen=True, slots=True)
class Table:
    """One section of a frame: whole records of `record_bytes` each; `section` is of `enum st_activity_section`."""

    section: int
    record_bytes: int
    rows: bytes
    whose: Whose

    def seen_by(self, visibility: Visibility) -> Table | None:
        """What this viewer may see of it; None if not even that it is there."""
        if visibility.mode is Mode.SEES_ALL or self.whose is Whose.EVERYBODYS:
            return self
        if self.whose is Whose.ALL_USERS:
            return None
        own = (row for row in split(self.rows, self.record_bytes) if _is_own(row, visibility.uid))
        return replace(self, rows=b"".join(own))


class ActivityProbe(ObjectProbe):
    """A probe whose readings are tables."""

    def __init__(self, door: Libbpf) -> None:
        super().__init__(door)
        self._settings: mmap.mmap | None = None
        self._lost_before = 0

    def _find_maps(self, bpf_object: BpfObject) -> None:
        self._settings = bpf_object.shared(".data.settings")

    def _let_go(self) -> None:
        self._lost_before = self.lost()
        self._settings = None

    @abstractmethod
    def tables(self) -> tuple[Table, ...]:
        """Everything, now; `Table.seen_by` cuts it down. Raises LoaderError."""

    def lost(self) -> int:
        """How many events are in no table because the kernel had no memory; of all times the probe was open."""
        return self._lost_before + (int(SETTINGS.unpack_from(self._settings)[0]) if self._settings is not None else 0)

    def forget_idle(self) -> None:
        """Makes room in what is bounded. Call it now and then."""


class ActorRows:
    """The rows of bpf/activity.bpf.h: one for each process that did something, and the overflow row."""

    def __init__(self, door: Libbpf, bpf_object: BpfObject, record_bytes: int) -> None:
        """Raises LoaderError if the object isn't made of activity.bpf.h."""
        self._record_bytes = record_bytes
        self._overflow = bpf_object.shared(".data.overflow")
        self._taken = bytes(record_bytes - ACTOR.size)
        fd = bpf_object.map_fd("actors")
        self._reader = HashReader(door, bpf_object.name, fd, key_bytes=ACTOR_KEY.size, value_bytes=record_bytes)
        self._last_seen: dict[bytes, bytes] = {}

    def read(self) -> bytes:
        """Packed rows, the overflow row last if there is one. Who isn't in the helper's pid namespace has none."""
        _, values = self._reader.read()
        shown = [row for row in split(bytes(values), self._record_bytes) if ACTOR.unpack_from(row)[0]]
        overflow = self._overflow_row()
        return b"".join(shown if overflow is None else [*shown, overflow])

    def forget_idle(self) -> int:
        """Drops the rows that did nothing since the last call; returns how many.

        What a row gained between the reading and the deletion goes to the overflow row.
        """
        keys, values = self._reader.read()
        rows = dict(zip(split(bytes(keys), ACTOR_KEY.size), split(bytes(values), self._record_bytes), strict=True))
        idle = [key for key, row in rows.items() if self._last_seen.get(key) == row]
        for key in idle:
            last = self._reader.take(key)
            row = rows.pop(key)
            if last is not None and last != row:
                gained = _as_number(last[ACTOR.size :]) - _as_number(row[ACTOR.size :])
                self._taken = _as_bytes(_as_number(self._taken) + gained, len(self._taken))
        self._last_seen = rows
        return len(idle)

    def _overflow_row(self) -> bytes | None:
        """Of those that found the map full, and of those that were dropped while they did something."""
        row = self._overflow[: self._record_bytes]
        counts = add_up([row[ACTOR.size :], self._taken])
        return row[: ACTOR.size] + counts if any(counts) else None


def _is_own(row: bytes, viewer: int) -> bool:
    """The overflow row, which has pid 0, is nobody's."""
    pid, uid, _, _, uids_differ, _ = ACTOR.unpack_from(row)
    return bool(pid and uid == viewer and not uids_differ)


def split(rows: bytes, record_bytes: int) -> list[bytes]:
    return [rows[at : at + record_bytes] for at in range(0, len(rows), record_bytes)]


def add_up(shares: Sequence[bytes]) -> bytes:
    """The sum, field by field, of records that hold nothing but 64-bit counters.

    Added as one big number: no field runs over into the next as long as none reaches 2^64.
    """
    return _as_bytes(sum(map(_as_number, shares)), len(shares[0]))


def _as_number(record: bytes) -> int:
    return int.from_bytes(record, sys.byteorder)


def _as_bytes(number: int, byte_count: int) -> bytes:
    return number.to_bytes(byte_count, sys.byteorder)
