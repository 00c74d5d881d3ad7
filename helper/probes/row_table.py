"""Rows of processes at one moment, and what each class of viewers may see of them.

The kernel is asked once a tick, however many users look: each row says whose own it is, and what others may not see of
it, its io, is blanked here. Columns are moved whole, never row by row: one class more costs little.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Final

from helper.probes.visibility import MISSING_IO, Mode

if TYPE_CHECKING:
    from helper.probes.visibility import Visibility

NOBODYS: Final = 0xFFFFFFFF  # ST_NOBODYS


@dataclass(frozen=True, slots=True)
class Places:
    """Where a record has its owner and its io: byte offsets, held by tests/contract."""

    record_bytes: int
    owner: int
    """A uid; nobody's if the member `uids_differ`, where there is one, isn't zero."""
    read_bytes: int
    """write_bytes follows it."""
    missing: int
    uids_differ: int | None = None


TASK_BYTES: Final = 136
TASK: Final = Places(TASK_BYTES, owner=116, read_bytes=64, missing=108)  # struct st_task
EXITED: Final = Places(104, owner=4, read_bytes=80, missing=96, uids_differ=100)  # struct st_exited


class RowTable:
    """`rows`: whole records laid out as `places` says, unchanged for as long as this is in use."""

    def __init__(self, rows: memoryview, places: Places) -> None:
        self._rows = rows
        self._places = places
        self._runs: dict[int, list[slice]] | None = None
        self._shown: bytearray | None = None
        self._shown_whole: list[slice] = []

    def seen_by(self, visibility: Visibility) -> memoryview | bytes | bytearray:
        """The rows as this viewer may see them, in the same order; valid until the next call.

        All who see as /proc shows share one copy without io, in which each one's own rows are whole in turn.
        """
        if visibility.mode is Mode.SEES_ALL:
            return self._rows
        own = self._runs_of(visibility.uid)
        if visibility.mode is Mode.SEES_OWN:
            return b"".join(self._rows[run] for run in own)
        if self._shown is None:
            self._shown = bytearray(self._rows)
            self._shown_whole = [slice(0, len(self._rows))]
        for run in self._shown_whole:
            self._blank_io(memoryview(self._shown)[run])
        for run in own:
            self._shown[run] = self._rows[run]
        self._shown_whole = own
        return self._shown

    def _runs_of(self, uid: int) -> list[slice]:
        """Where the user's own rows lie. One walk over the rows finds everybody's."""
        if self._runs is None:
            self._runs = {}
            begin, step = 0, self._places.record_bytes
            for owner, run in groupby(self._find_owners()):
                end = begin + step * len(list(run))
                self._runs.setdefault(owner, []).append(slice(begin, end))
                begin = end
        return self._runs.get(uid, [])

    def _find_owners(self) -> list[int]:
        uids = self._column(self._rows, self._places.owner).tolist()
        if self._places.uids_differ is None:
            return uids
        differ = self._column(self._rows, self._places.uids_differ).tolist()
        return [NOBODYS if differs else uid for uid, differs in zip(uids, differ, strict=True)]

    def _blank_io(self, rows: memoryview) -> None:
        """Takes the io out of these rows, and flags it as missing."""
        step = self._places.record_bytes
        count = len(rows) // step
        nothing = memoryview(bytes(8 * count)).cast("Q")
        for place in (self._places.read_bytes, self._places.read_bytes + 8):
            rows.cast("Q")[place // 8 :: step // 8] = nothing
        missing = self._column(rows, self._places.missing)
        flags = int.from_bytes(missing.tobytes(), sys.byteorder)  # one number: all flags are set at once
        flags |= int.from_bytes(MISSING_IO.to_bytes(4, sys.byteorder) * count, sys.byteorder)
        missing[:] = memoryview(flags.to_bytes(4 * count, sys.byteorder)).cast("I")

    def _column(self, rows: memoryview, place: int) -> memoryview:
        """A member of 32 bits, of all rows."""
        return rows.cast("I")[place // 4 :: self._places.record_bytes // 4]
