"""Has the probe `socket_events` look, at each tick and now and then without one, whether it costs others too much."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from helper.bus import journal
from helper.loaders.errors import LoaderError
from helper.sampler.probe_set import State

if TYPE_CHECKING:
    from helper.sampler.probe_set import Slot


class Guarded(Protocol):
    """helper.probes.socket_events.SocketEvents."""

    @property
    def is_paused(self) -> bool: ...

    def look(self, slowest_ms: int) -> int | None: ...


def never(_slowest_ms: int) -> int | None:
    """Where there is nothing to look at."""
    return None


class MessageWatch:
    """Tells the journal of each pause and its end."""

    def __init__(self, slot: Slot, source: Guarded) -> None:
        self._slot = slot
        self._source = source
        self._was_paused = False

    def look(self, slowest_ms: int) -> int | None:
        """After how many ms to look again, None if at the next tick; `slowest_ms`: see Hub."""
        if self._slot.state is not State.RUNNING:
            return None
        try:
            again_ms = self._source.look(slowest_ms)
        except LoaderError as error:
            self._slot.fail(error)
            return None
        if self._source.is_paused != self._was_paused:
            self._was_paused = not self._was_paused
            journal.write(f"probe {self._slot.probe.name}: {self._slot.cost().way}")
        return again_ms
