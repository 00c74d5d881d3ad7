"""All tasks at one moment, and what each class of viewers may see of them.

The kernel is asked once a tick, however many users look: `struct st_task` says whose own a task is (`owner`), and what
others may not see of it, its io, is blanked here. Columns are moved whole, never row by row: a class costs a copy.
"""

from __future__ import annotations

import sys
from itertools import groupby
from typing import TYPE_CHECKING, Final

from helper.probes.visibility import MISSING_IO, Mode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from helper.probes.visibility import Visibility

TASK_BYTES: Final = 136  # sizeof(struct st_task); this and the places below are held by tests/contract
IO_AT: Final = (64, 72)  # read_bytes, write_bytes
MISSING_AT: Final = 108
OWNER_AT: Final = 116


class TaskTable:
    """`rows`: whole records of struct st_task, unchanged for as long as this is in use."""

    def __init__(self, rows: memoryview) -> None:
        self._rows = rows
        self._owners: list[int] | None = None
        self._shown: bytearray | None = None
        self._shown_whole: list[slice] = []

    def seen_by(self, visibility: Visibility) -> memoryview | bytes | bytearray:
        """The rows as this viewer may see them, in the same order; valid until the next call.

        All who see as /proc shows share one copy without io, in which each one's own rows are whole in turn.
        """
        if visibility.mode is Mode.SEES_ALL:
            return self._rows
        own = [slice(first * TASK_BYTES, end * TASK_BYTES) for first, end in self._runs_of(visibility.uid)]
        if visibility.mode is Mode.SEES_OWN:
            return b"".join(self._rows[run] for run in own)
        if self._shown is None:
            self._shown = bytearray(self._rows)
            blank_io(memoryview(self._shown))
        for run in self._shown_whole:
            blank_io(memoryview(self._shown)[run])
        for run in own:
            self._shown[run] = self._rows[run]
        self._shown_whole = own
        return self._shown

    def _runs_of(self, uid: int) -> Iterator[tuple[int, int]]:
        """Where the user's own rows lie: (first, end), as numbers of rows."""
        if self._owners is None:
            self._owners = _column(self._rows, OWNER_AT).tolist()
        own = [at for at, owner in enumerate(self._owners) if owner == uid]
        for _, run in groupby(enumerate(own), key=lambda place: place[1] - place[0]):
            places = [at for _, at in run]
            yield places[0], places[-1] + 1


def blank_io(rows: memoryview) -> None:
    """Takes the io out of all these rows, and flags it as missing."""
    count = len(rows) // TASK_BYTES
    nothing = memoryview(bytes(8 * count)).cast("Q")
    for place in IO_AT:
        rows.cast("Q")[place // 8 :: TASK_BYTES // 8] = nothing
    missing = _column(rows, MISSING_AT)
    flags = int.from_bytes(missing.tobytes(), sys.byteorder)  # one number: all flags are set at once
    flags |= int.from_bytes(MISSING_IO.to_bytes(4, sys.byteorder) * count, sys.byteorder)
    missing[:] = memoryview(flags.to_bytes(4 * count, sys.byteorder)).cast("I")


def _column(rows: memoryview, place: int) -> memoryview:
    """A member of 32 bits, of all rows."""
    return rows.cast("I")[place // 4 :: TASK_BYTES // 4]
