"""Latency and bytes of finished block requests per disk and operation; the reader of bpf/block_io.bpf.c.

The machine's, not a person's: shown to everybody, like /proc/diskstats. A disk that is unplugged keeps its rows.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from helper.loaders.maps import HashReader
from helper.probes.object_probe import ObjectProbe

if TYPE_CHECKING:
    from helper.loaders.libbpf import BpfObject

BLOCK_IO: Final = struct.Struct("@IIIIQQQQQQ32Q")  # struct st_block_io
KEY: Final = struct.Struct("@III")  # struct disk_key, bpf/block_io.bpf.c


class BlockIo(ObjectProbe):
    """The probe `block_io`."""

    name = "block_io"

    def _find_maps(self, bpf_object: BpfObject) -> None:
        self._overflow = bpf_object.shared(".data.block_io")
        disks = bpf_object.map_fd("disks")
        self._disks = HashReader(self._door, self.name, disks, key_bytes=KEY.size, value_bytes=BLOCK_IO.size)

    def _let_go(self) -> None:
        del self._disks

    def read(self) -> bytes:
        """Packed `struct st_block_io`, the overflow row included if there is one."""
        self._opened()
        _, values = self._disks.read()
        overflow = bytes(self._overflow[: BLOCK_IO.size])
        return bytes(values) + (overflow if BLOCK_IO.unpack(overflow)[4] else b"")
