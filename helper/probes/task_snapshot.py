"""All tasks at once, as rows of `struct st_task`, through the programs in bpf/task_snapshot.bpf.c.

Where the kernel lends programs its walk over tasks (6.7), they are read in runs that fill a map shared with it; where
it doesn't, it runs a program for each and copies the row into the caller's buffer. What a viewer may see of the rows is
decided in `row_table.py`. A process whose threads come and go during the few hundred microseconds of a pass can miss
the time of a thread that exits between the pass's visit of the process and of the thread; the next pass has it.
"""

from __future__ import annotations

import os
import struct
from typing import TYPE_CHECKING, Final

from helper.loaders.errors import LoaderError
from helper.probes.object_probe import ObjectProbe
from helper.probes.probe import TaskReading
from helper.probes.row_table import TASK_BYTES
from helper.probes.rows import read_pass

if TYPE_CHECKING:
    from helper.loaders.libbpf import BpfObject, Libbpf

SETTINGS: Final = struct.Struct("@QQIiQII")  # struct st_snapshot_settings, bpf/settings.h
ALL_BORN: Final = 2**64 - 1
NOWHERE: Final = memoryview(b"")
PASSES: Final = 3
"""More are not made when a pass loses its place, as the task at which its next run was to begin has gone."""


class TaskSnapshot(ObjectProbe):
    """The probe `task_snapshot`."""

    name = "task_snapshot"

    def __init__(self, door: Libbpf) -> None:
        super().__init__(door)
        self._one_more = memoryview(bytearray(TASK_BYTES))
        self._rows: memoryview | None = None

    def _find_maps(self, bpf_object: BpfObject) -> None:
        self._settings = bpf_object.shared(".data.task_snapshot")
        if bpf_object.runs("walk_tasks"):
            (most,) = (shape.entries for shape in bpf_object.shapes() if shape.name == "task_rows")
            self._rows = memoryview(bpf_object.shared("task_rows", most))

    def _let_go(self) -> None:
        if self._rows is not None:
            self._rows.release()
        self._rows = None
        del self._settings

    def read_into(self, buffer: memoryview, born_before_ns: int = ALL_BORN) -> TaskReading:
        """Fills `buffer` (writable, of bytes) with whole rows.

        `born_before_ns` is the boot time given to `ProcessEvents.begin_snapshot`: a process that starts later is left
        to the next snapshot, so that one that dies meanwhile is counted either in a row or in a roll-up, never both.
        Raises LoaderError (step read) if the kernel ends the pass early.
        """
        bpf_object = self._opened()
        room = buffer[: len(buffer) // TASK_BYTES * TASK_BYTES]
        try:
            if self._rows is None:
                return self._read_one_by_one(bpf_object, room, born_before_ns)
            for _ in range(PASSES):
                reading, is_whole = self._walk(bpf_object, self._rows, room, born_before_ns)
                if is_whole:
                    break
        except OSError as reason:
            raise LoaderError(self.name, "read", reason.errno or 0) from reason
        return reading

    def _walk(
        self, bpf_object: BpfObject, rows: memoryview, room: memoryview, born_before_ns: int
    ) -> tuple[TaskReading, bool]:
        """As many runs as it takes, and whether each found the task at which it was to begin."""
        filled, goes_on = 0, 1
        SETTINGS.pack_into(self._settings, 0, born_before_ns, 0, 0, 0, 0, 0, 0)
        while goes_on:
            read_pass(bpf_object, "walk_tasks", NOWHERE, TASK_BYTES)
            _, began_ns, goes_on, _, _, count, is_lost = SETTINGS.unpack_from(self._settings)
            if is_lost:
                return TaskReading(filled, True, began_ns), False
            fitting = min(count * TASK_BYTES, len(room) - filled)
            room[filled : filled + fitting] = rows[:fitting]
            filled += fitting
            if fitting < count * TASK_BYTES:
                return TaskReading(filled, True, began_ns), True
        return TaskReading(filled, False, began_ns), True

    def _read_one_by_one(self, bpf_object: BpfObject, room: memoryview, born_before_ns: int) -> TaskReading:
        SETTINGS.pack_into(self._settings, 0, born_before_ns, 0, 0, 0, 0, 0, 0)
        fd = bpf_object.new_iteration(self.name)
        try:
            filled, truncated = self._read_whole_rows(fd, room)
        finally:
            os.close(fd)
        _, began_ns, *_ = SETTINGS.unpack_from(self._settings)
        return TaskReading(filled, truncated, began_ns)

    def _read_whole_rows(self, fd: int, room: memoryview) -> tuple[int, bool]:
        filled = 0
        while filled < len(room):
            count = os.readv(fd, [room[filled:]])
            if not count:
                return filled, False
            filled += count
        return filled, os.readv(fd, [self._one_more]) > 0
