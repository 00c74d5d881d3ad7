"""What the probes of rare events have in common: a ring buffer, and the count of what it had no room for."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from helper.loaders.errors import LoaderError
from helper.loaders.maps import RingBuffer
from helper.probes.program import cost_of, load

if TYPE_CHECKING:
    from collections.abc import Callable

    from helper.loaders.libbpf import BpfObject, Libbpf
    from helper.probes.probe import ProbeCost

SETTINGS: Final = struct.Struct("@Q")  # struct st_event_settings, bpf/settings.h


class RareEvents:
    """A probe of which all that comes is events; `name` is the object's."""

    name = ""

    def __init__(self, door: Libbpf) -> None:
        self._door = door
        self._object: BpfObject | None = None
        self.missing_programs: dict[str, LoaderError] = {}

    def open(self) -> None:
        bpf_object, self.missing_programs = load(self._door, self.name)
        try:
            self._settings = bpf_object.shared(f".data.{self.name}")
            self._ring = RingBuffer(self._door, self.name, bpf_object.map_fd(f"{self.name}_ring"))
        except LoaderError:
            bpf_object.close()
            raise
        self._object = bpf_object

    def close(self) -> None:
        if self._object is None:
            return
        self._ring.close()
        self._object.close()
        self._object = None

    def cost(self) -> ProbeCost:
        return cost_of(self._opened())

    def fileno(self) -> int:
        self._opened()
        return self._ring.fileno()

    def drain(self, sink: Callable[[bytes], None]) -> None:
        self._opened()
        self._ring.drain(sink)

    def lost(self) -> int:
        """Events that found the ring buffer full."""
        self._opened()
        return int(SETTINGS.unpack_from(self._settings)[0])

    def _opened(self) -> BpfObject:
        if self._object is None:
            raise LoaderError(self.name, "read", 0, hint="the probe is not open")
        return self._object
