"""Takes the records out of the probes' ring buffers as they come and hands each to those who asked for its kind.

A record is masked once per visibility class. What the kernel's ring buffers lost is asked for at each tick.
"""

import asyncio
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final, Protocol

from helper.bus import journal
from helper.loaders.errors import LoaderError
from helper.sampler import packets
from helper.sampler.probe_set import Slot, State
from helper.sampler.stream import Stream

if TYPE_CHECKING:
    from helper.probes.visibility import Visibility

_KIND_OF_EVENT: Final = {
    1: packets.KIND_PROCESS_EXITS,  # enum st_event_kind
    2: packets.KIND_OOM,
    3: packets.KIND_THERMAL,
    4: packets.KIND_THERMAL,
    5: packets.KIND_THERMAL,
}
_EVENT_KINDS: Final = packets.KIND_PROCESS_EXITS | packets.KIND_OOM | packets.KIND_THERMAL


class EventSource(Protocol):
    """The part of helper.probes.probe.EventProbe that is used here."""

    def fileno(self) -> int: ...

    def drain(self, sink: Callable[[bytes], None]) -> None: ...

    def lost(self) -> int: ...


class EventFeed:
    """Listens to probes; `streams` gives the open streams."""

    def __init__(self, streams: Callable[[], Iterable[Stream]]) -> None:
        self._streams = streams
        self._sources: list[tuple[Slot, EventSource]] = []
        self._last_lost: dict[str, int] = {}
        self._lost_before: dict[str, int] = {}

    def listen(self, slot: Slot, source: EventSource) -> None:
        """From now on the records of `source`, whose probe runs, are passed on."""
        loop = asyncio.get_running_loop()
        descriptor = source.fileno()
        self._sources = [known for known in self._sources if known[0] is not slot] + [(slot, source)]
        self._lost_before[slot.probe.name] = self._last_lost.pop(slot.probe.name, 0)
        slot.before_close = lambda: loop.remove_reader(descriptor)
        loop.add_reader(descriptor, self._drain, slot, source)

    def lost(self, kinds: int) -> int:
        """Events of `kinds` that found no room in a ring buffer since their probes were first opened."""
        wanted = kinds & _EVENT_KINDS
        return sum(self._lost_by(slot, source) for slot, source in self._sources if slot.kinds & wanted)

    def _lost_by(self, slot: Slot, source: EventSource) -> int:
        if slot.state is State.RUNNING:
            try:
                self._last_lost[slot.probe.name] = self._lost_before[slot.probe.name] + source.lost()
            except LoaderError as error:
                slot.fail(error)
        return self._last_lost.get(slot.probe.name, self._lost_before[slot.probe.name])

    def _drain(self, slot: Slot, source: EventSource) -> None:
        try:
            source.drain(self._pass_on)
        except LoaderError as error:
            slot.fail(error)

    def _pass_on(self, record: bytes) -> None:
        kind, byte_count, _boottime_ns = packets.EVENT_HEAD.unpack_from(record)
        wanted = _KIND_OF_EVENT.get(kind)
        if wanted is None or byte_count != len(record):
            journal.write(f"an event of unknown kind {kind} with {len(record)} bytes was dropped")
            return
        made: dict[Visibility, bytes | None] = {}
        for stream in self._streams():
            if not stream.kinds & wanted:
                continue
            if stream.visibility not in made:
                shown = stream.visibility.event(record)
                made[stream.visibility] = None if shown is None else packets.packet(packets.EVENT, shown)
            packet = made[stream.visibility]
            if packet is not None:
                stream.send_event(packet)
