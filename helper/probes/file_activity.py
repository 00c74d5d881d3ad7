"""Opens, reads, writes and syncs of files by process and by file system; the reader of bpf/file_activity.bpf.c.

From system calls only: what goes through mmap, io_uring, splice, sendfile or copy_file_range isn't here. The table by
file system holds all users' calls together, so only who sees all gets it.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from helper.loaders.maps import HashReader
from helper.probes.activity import ActivityProbe, ActorRows, Table, Whose

if TYPE_CHECKING:
    from helper.loaders.libbpf import BpfObject

SECTION_FILE_USERS: Final = 21
SECTION_FILE_SYSTEMS: Final = 22
FILE_USER: Final = struct.Struct("@IIQQII16sQQQQQQQQ")  # struct st_file_user
FILE_SYSTEM: Final = struct.Struct("@II16sQQQQQQQQ32Q")  # struct st_file_system


class FileActivity(ActivityProbe):
    """The probe `file_activity`."""

    name = "file_activity"

    def _find_maps(self, bpf_object: BpfObject) -> None:
        super()._find_maps(bpf_object)
        self._users = ActorRows(self._door, bpf_object, FILE_USER.size)
        self._others = bpf_object.shared(".data.others")
        fd = bpf_object.map_fd("file_systems")
        self._systems = HashReader(self._door, self.name, fd, key_bytes=4, value_bytes=FILE_SYSTEM.size)

    def tables(self) -> tuple[Table, ...]:
        self._opened()
        users = Table(SECTION_FILE_USERS, FILE_USER.size, self._users.read(), Whose.ACTORS)
        _, values = self._systems.read()
        others = self._others[: FILE_SYSTEM.size]
        rows = bytes(values) + (others if any(others) else b"")
        return users, Table(SECTION_FILE_SYSTEMS, FILE_SYSTEM.size, rows, Whose.ALL_USERS)

    def forget_idle(self) -> None:
        self._opened()
        self._users.forget_idle()
