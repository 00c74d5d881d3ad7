"""Latency and bytes of finished block requests per disk and operation; the reader of bpf/block_io.bpf.c.

The machine's, not a person's: shown to everybody, like /proc/diskstats. A disk that is unplugged keeps its rows.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from helper.loaders.errors import LoaderError
from helper.loaders.maps import HashReader
from helper.probes.program import cost_of, load

if TYPE_CHECKING:
    from helper.loaders.libbpf import BpfObject, Libbpf
    from helper.probes.probe import ProbeCost

BLOCK_IO: Final = struct.Struct("@IIIIQQQQQQ32Q")  # struct st_block_io
KEY: Final = struct.Struct("@III")  # struct disk_key, bpf/block_io.bpf.c


class BlockIo:
    """The probe `block_io`."""

    name = "block_io"

    def __init__(self, door: Libbpf) -> None:
        self._door = door
        self._object: BpfObject | None = None

    def open(self) -> None:
        bpf_object, _ = load(self._door, self.name)
        try:
            self._overflow = bpf_object.shared(".data.block_io")
            disks = bpf_object.map_fd("disks")
            self._disks = HashReader(self._door, self.name, disks, key_bytes=KEY.size, value_bytes=BLOCK_IO.size)
        except LoaderError:
            bpf_object.close()
            raise
        self._object = bpf_object

    def close(self) -> None:
        if self._object is None:
            return
        self._object.close()
        self._object = None
        del self._disks

    def cost(self) -> ProbeCost:
        return cost_of(self._opened())

    def read(self) -> bytes:
        """Packed `struct st_block_io`, the overflow row included if there is one."""
        self._opened()
        _, values = self._disks.read()
        overflow = bytes(self._overflow[: BLOCK_IO.size])
        return bytes(values) + (overflow if BLOCK_IO.unpack(overflow)[4] else b"")

    def _opened(self) -> BpfObject:
        if self._object is None:
            raise LoaderError(self.name, "read", 0, hint="the probe is not open")
        return self._object
