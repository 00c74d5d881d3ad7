"""The sections of KIND_UNIX_SOCKETS: unix sockets and who holds them, read for the streams that ask.

A reading visits every open file of the machine. So it is shared by all streams, made about once a second, and never so
often that readings take more than a twentieth of the time; between two the latest is shown, with its age. What was read
is dropped with the probe. The probe may be missing or fail; then the sections are missing, and `Probes` says why.
"""

from __future__ import annotations

import struct
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol

from helper.loaders.errors import LoaderError
from helper.probes.unix_table import (
    HOLDER_BYTES,
    SECTION_UNIX_HOLDERS,
    SECTION_UNIX_READING,
    SECTION_UNIX_SOCKETS,
    SOCKET_BYTES,
    UnixTables,
)
from helper.sampler import packets
from helper.sampler.growing_buffer import FIRST_SOCKETS, MOST_SOCKETS, GrowingBuffer
from helper.sampler.packets import Section
from helper.sampler.probe_set import State

if TYPE_CHECKING:
    from collections.abc import Callable

    from helper.probes.probe import Reading
    from helper.probes.visibility import Visibility
    from helper.sampler.probe_set import Slot

PACE_NS: Final = 9 * 10**8
"""A stream with a tick a second has a new reading with each, also where a tick comes a little early."""
COST_FACTOR: Final = 20
READING: Final = struct.Struct("@QQI4x")  # struct st_unix_reading, held by tests/contract


class UnixRows(Protocol):
    """helper.probes.unix_sockets.UnixSockets."""

    def read_sockets_into(self, buffer: memoryview) -> Reading: ...

    def read_holders_into(self, buffer: memoryview) -> Reading: ...


def boottime_ns() -> int:
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


class _Room:
    """Kept from one reading to the next, as it has grown to the machine's size."""

    def __init__(self) -> None:
        self.sockets = GrowingBuffer(SOCKET_BYTES, FIRST_SOCKETS, MOST_SOCKETS)
        self.holders = GrowingBuffer(HOLDER_BYTES, FIRST_SOCKETS, 2 * MOST_SOCKETS)


@dataclass(frozen=True, slots=True)
class _Reading:
    """Everybody's, and what each class of viewers was shown of it."""

    read_ns: int
    took_ns: int
    tables: UnixTables
    sockets_truncated: bool
    holders_truncated: bool
    shown: dict[Visibility, UnixTables] = field(default_factory=dict)

    def sections(self, visibility: Visibility) -> tuple[Section, ...]:
        if visibility not in self.shown:
            self.shown[visibility] = self.tables.seen_by(visibility)
        seen = self.shown[visibility]
        when = READING.pack(self.read_ns, self.took_ns, self.sockets_truncated or self.holders_truncated)
        return (
            Section(SECTION_UNIX_READING, READING.size, when),
            Section(SECTION_UNIX_SOCKETS, SOCKET_BYTES, seen.sockets, self.sockets_truncated),
            Section(SECTION_UNIX_HOLDERS, HOLDER_BYTES, seen.holders, self.holders_truncated),
        )


class Unix:
    """Reads the probe when a stream wants its sections and the latest reading is old enough."""

    kind = packets.KIND_UNIX_SOCKETS

    def __init__(self, slot: Slot, source: UnixRows, clock_ns: Callable[[], int] = boottime_ns) -> None:
        self._slot = slot
        self._source = source
        self._clock_ns = clock_ns
        self._room: _Room | None = None
        self._latest: _Reading | None = None
        self._next_ns = 0
        slot.before_close = self._drop

    def sections(self, visibility: Visibility, _moment_ns: int) -> tuple[Section, ...]:
        if self._slot.state is not State.RUNNING:
            return ()
        if self._clock_ns() >= self._next_ns:
            self._read()
        return () if self._latest is None else self._latest.sections(visibility)

    def _read(self) -> None:
        began_ns = self._clock_ns()
        self._room = room = self._room or _Room()
        try:
            sockets, more_sockets = room.sockets.fill(self._source.read_sockets_into)
            holders, more_holders = room.holders.fill(self._source.read_holders_into)
        except LoaderError as error:
            self._slot.fail(error)
            return
        now_ns = self._clock_ns()
        took_ns = now_ns - began_ns
        self._latest = _Reading(now_ns, took_ns, UnixTables(sockets, holders), more_sockets, more_holders)
        self._next_ns = max(began_ns + PACE_NS, now_ns + COST_FACTOR * took_ns)

    def _drop(self) -> None:
        """The last stream that asked has ended. When the next reading may be made stays: streams may come and go."""
        self._latest = self._room = None
