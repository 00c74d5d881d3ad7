"""What the probes of rare events have in common: a ring buffer, and the count of what it had no room for."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from helper.loaders.maps import RingBuffer
from helper.probes.object_probe import RingProbe

if TYPE_CHECKING:
    from helper.loaders.libbpf import BpfObject

SETTINGS: Final = struct.Struct("@Q")  # struct st_event_settings, bpf/settings.h


class RareEvents(RingProbe):
    """A probe of which all that comes is events."""

    def _find_maps(self, bpf_object: BpfObject) -> None:
        self._settings = bpf_object.shared(f".data.{self.name}")
        self._ring = RingBuffer(self._door, self.name, bpf_object.map_fd(f"{self.name}_ring"))

    def lost(self) -> int:
        """Events that found the ring buffer full."""
        self._opened()
        return int(SETTINGS.unpack_from(self._settings)[0])
