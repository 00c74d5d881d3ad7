"""What probes made of one BPF object have in common: it is loaded whole or not at all, and not read while closed."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from helper.loaders.errors import LoaderError
from helper.probes.program import NO_MAPS, cost_of, load

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from helper.loaders.libbpf import BpfObject, Libbpf
    from helper.loaders.maps import RingBuffer
    from helper.probes.probe import ProbeCost


class ObjectProbe(ABC):
    """`name` is the object's; `optional` are programs whose tracepoint some kernels lack: it runs without them."""

    name = ""
    optional: tuple[str, ...] = ()

    def __init__(self, door: Libbpf, shared_maps: Callable[[], Mapping[str, int]] = lambda: NO_MAPS) -> None:
        """`shared_maps` are those of other objects (name to descriptor), asked for at each opening."""
        self._door = door
        self._shared_maps = shared_maps
        self._object: BpfObject | None = None
        self.missing_programs: dict[str, LoaderError] = {}

    def open(self) -> None:
        """Raises LoaderError; nothing is left behind then."""
        maps = self._shared_maps()
        bpf_object, self.missing_programs = load(self._door, self.name, self.optional, shared_maps=maps)
        try:
            self._find_maps(bpf_object)
        except LoaderError:
            bpf_object.close()
            raise
        self._object = bpf_object

    def close(self) -> None:
        if self._object is None:
            return
        self._let_go()
        self._object.close()
        self._object = None

    def cost(self) -> ProbeCost:
        return cost_of(self._opened())

    @abstractmethod
    def _find_maps(self, bpf_object: BpfObject) -> None:
        """Looks up what is read later. Raises LoaderError."""

    def _let_go(self) -> None:  # noqa: B027  most hold nothing else
        """Of what hangs on the object, which is still open."""

    def _opened(self) -> BpfObject:
        if self._object is None:
            raise LoaderError(self.name, "read", 0, hint="the probe is not open")
        return self._object


class RingProbe(ObjectProbe):
    """One with a ring buffer of events, which `_find_maps` opens."""

    _ring: RingBuffer

    def fileno(self) -> int:
        self._opened()
        return self._ring.fileno()

    def drain(self, sink: Callable[[bytes], None]) -> None:
        self._opened()
        self._ring.drain(sink)

    def _let_go(self) -> None:
        self._ring.close()
