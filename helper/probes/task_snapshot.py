"""All tasks at once, as rows of `struct st_task`, through the iterator program in bpf/task_snapshot.bpf.c.

The kernel writes straight into the caller's buffer: nothing is copied or parsed here. What a viewer may see of the rows
is decided in `row_table.py`. A process whose threads come and go during the few hundred microseconds of a pass can
miss the time of a thread that exits between the pass's visit of the process and of the thread; the next pass has it.
"""

from __future__ import annotations

import os
import struct
from typing import TYPE_CHECKING, Final

from helper.loaders.errors import LoaderError
from helper.probes.object_probe import ObjectProbe
from helper.probes.probe import TaskReading
from helper.probes.row_table import TASK_BYTES

if TYPE_CHECKING:
    from helper.loaders.libbpf import BpfObject, Libbpf

SETTINGS: Final = struct.Struct("@QQ")  # struct st_snapshot_settings, bpf/settings.h
ALL_BORN: Final = 2**64 - 1


class TaskSnapshot(ObjectProbe):
    """The probe `task_snapshot`."""

    name = "task_snapshot"

    def __init__(self, door: Libbpf) -> None:
        super().__init__(door)
        self._one_more = memoryview(bytearray(TASK_BYTES))

    def _find_maps(self, bpf_object: BpfObject) -> None:
        self._settings = bpf_object.shared(".data.task_snapshot")

    def _let_go(self) -> None:
        del self._settings

    def read_into(self, buffer: memoryview, born_before_ns: int = ALL_BORN) -> TaskReading:
        """Fills `buffer` (writable, of bytes) with whole rows.

        `born_before_ns` is the boot time given to `ProcessEvents.begin_snapshot`: a process that starts later is left
        to the next snapshot, so that one that dies meanwhile is counted either in a row or in a roll-up, never both.
        Raises LoaderError (step read) if the kernel ends the pass early.
        """
        bpf_object = self._opened()
        SETTINGS.pack_into(self._settings, 0, born_before_ns, 0)
        fd = bpf_object.new_iteration(self.name)
        try:
            return self._read_whole_rows(fd, buffer[: len(buffer) // TASK_BYTES * TASK_BYTES])
        except OSError as reason:
            raise LoaderError(self.name, "read", reason.errno or 0) from reason
        finally:
            os.close(fd)

    def _read_whole_rows(self, fd: int, room: memoryview) -> TaskReading:
        filled, truncated = 0, False
        while filled < len(room):
            count = os.readv(fd, [room[filled:]])
            if not count:
                break
            filled += count
        else:
            truncated = os.readv(fd, [self._one_more]) > 0
        _, began_ns = SETTINGS.unpack_from(self._settings)
        return TaskReading(filled, truncated, began_ns)
