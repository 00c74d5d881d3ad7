"""TCP connections that closed, and datagrams: the reader of bpf/socket_events.bpf.c.

Bytes are summed per process in the kernel and read here in one call: no connection is too short. Each closed
connection also comes as `struct st_event_socket_closed`, up to 256 a second; `lost` counts those that did not.

Datagrams are counted in one of two ways, which `cost().way` tells: at the return of the kernel's functions for UDP, or
at tracepoints that every message of any socket passes (helper/probes/parts.py). The second is paused while it costs
others too much (message_guard.py). If datagrams pass meanwhile, rows are marked ST_MISSING_TRAFFIC.

What can't be known: datagrams and per-socket UDP bytes where the kernel takes programs neither there nor, before 6.3,
at these tracepoints; datagrams that the kernel sends itself (WireGuard), bytes of connections that closed before the
probe was open. A process whose user changes in its life keeps the row, and the uid, that it had first.
"""

from __future__ import annotations

import struct
import time
from array import array
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from helper.loaders.maps import HashReader, RingBuffer
from helper.probes.message_programs import AT_MESSAGES, MessagePrograms
from helper.probes.object_probe import RingProbe
from helper.probes.parts import AT_DATAGRAMS
from helper.probes.passed_datagrams import PassedDatagrams
from helper.probes.socket_memory import NEVER_COUNTED
from helper.probes.visibility import Mode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from helper.loaders.libbpf import BpfObject, Libbpf
    from helper.probes.probe import ProbeCost
    from helper.probes.socket_memory import SocketMemory
    from helper.probes.visibility import Visibility

TRAFFIC: Final = struct.Struct("@IIQ16sQQQQQQQQQII")  # struct st_traffic
KEY: Final = struct.Struct("@QII")  # struct process_key, bpf/socket_events.bpf.c
SETTINGS: Final = struct.Struct("@QQII")  # struct st_traffic_settings, up to `overflow`
MISSING_AT: Final = 20  # its member `missing`
UNREMEMBERED_AT: Final = SETTINGS.size + TRAFFIC.size  # its members `unremembered` and `closings`
MISSING_TRAFFIC: Final = 1 << 8  # ST_MISSING_TRAFFIC
ROW_MISSING_AT: Final = TRAFFIC.size - 8  # the member `missing` of struct st_traffic


def _boottime_ns() -> int:
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


class SocketEvents(RingProbe):
    """The probe `socket_events`."""

    name = "socket_events"

    def __init__(self, door: Libbpf, memory: SocketMemory, clock_ns: Callable[[], int] = _boottime_ns) -> None:
        super().__init__(door, memory.maps)
        self._memory = memory
        self._clock_ns = clock_ns
        self._openings = 0
        self._messages: MessagePrograms | None = None
        self._is_incomplete = False

    def _find_maps(self, bpf_object: BpfObject) -> None:
        self._settings = bpf_object.shared(".data.socket_events")
        self._ring = RingBuffer(self._door, self.name, bpf_object.map_fd("socket_events_ring"))
        traffic = bpf_object.map_fd("traffic")
        self._traffic = HashReader(self._door, self.name, traffic, key_bytes=KEY.size, value_bytes=TRAFFIC.size)
        self._memory.keep(bpf_object)
        at_datagrams, at_messages = map(self.missing_programs.keys().isdisjoint, (AT_DATAGRAMS, AT_MESSAGES))
        self._is_incomplete = not (at_datagrams or at_messages)
        struct.pack_into("@I", self._settings, MISSING_AT, MISSING_TRAFFIC if self._is_incomplete else 0)
        self._memory.uncounted_ns = NEVER_COUNTED if self._is_incomplete else 0
        if at_messages and not at_datagrams:
            self._messages = MessagePrograms(self._door, bpf_object, PassedDatagrams(), self._clock_ns())
        self._openings += 1
        self._memory.followed, self._memory.closings = self._followed, self._closings

    def _let_go(self) -> None:
        super()._let_go()
        self._stop_counting()
        self._memory.followed = self._memory.closings = None
        del self._traffic

    def cost(self) -> ProbeCost:
        return replace(super().cost(), way=self._way())

    def _way(self) -> str:
        refused = self.missing_programs.get(AT_DATAGRAMS[0])
        if refused is None:
            return "datagrams are counted where only they pass"
        why = str(refused).removeprefix(f"{refused.program}: ")
        if self._messages is not None:
            return self._messages.way(why, self._clock_ns())
        lacking = str(next(self.missing_programs[name] for name in AT_MESSAGES if name in self.missing_programs))
        return f"datagrams are not counted: {why}; {lacking.removeprefix(f'{self.name}: ')}"

    def look(self, slowest_ms: int) -> int | None:
        """Pauses what counts among all messages, or goes on with it; returns after how many ms to look again.

        `slowest_ms`: the longest time between two frames of a reader; for so long after datagrams have passed uncounted
        rows are marked. Call it at each tick before anything is read. None: there is nothing to look at.
        Raises LoaderError (step read).
        """
        self._opened()
        messages = self._messages
        if messages is None:
            return None
        now_ns = self._clock_ns()
        failed = messages.look(now_ns)
        if failed:
            self.missing_programs |= failed
            self._is_incomplete = True
            struct.pack_into("@I", self._settings, MISSING_AT, MISSING_TRAFFIC)
            self._stop_counting()
            return None
        self._memory.uncounted_ns = messages.uncounted_ns
        gap_ns = messages.uncounted_ns
        self._is_incomplete = bool(gap_ns) and now_ns - gap_ns < slowest_ms * 10**6
        return messages.period_ms

    @property
    def is_paused(self) -> bool:
        """Whether datagrams aren't counted for a while, as that would cost others too much."""
        return self._messages is not None and self._messages.is_paused

    def _stop_counting(self) -> None:
        self._memory.uncounted_ns = NEVER_COUNTED
        if self._messages is not None:
            self._messages.close()
        self._messages = None

    def read_traffic(self) -> bytes:
        """Packed `struct st_traffic`, the overflow row included if there is one; `traffic_seen_by` cuts them down."""
        self._opened()
        _, values = self._traffic.read()
        overflow = bytes(self._settings[SETTINGS.size : SETTINGS.size + TRAFFIC.size])
        rows = bytes(values) + (overflow if TRAFFIC.unpack(overflow)[4] else b"")
        return _marked(rows) if self._is_incomplete else rows

    def forget(self, gone: Iterable[tuple[int, int]]) -> int:
        """Drops the rows of processes (pid, start_ns) that are gone for good; returns how many there were.

        The map is bounded (map_sizes.py); call this with those that the snapshot of tasks has lost, a while after, as
        their last connections may outlive them.
        """
        self._opened()
        keys, values = self._traffic.read()
        wanted = set(gone)
        dropped = 0
        for at in range(len(keys) // KEY.size):
            pid, _, start_ns = struct.unpack_from("@IIQ", values, at * TRAFFIC.size)
            if (pid, start_ns) in wanted:
                dropped += self._traffic.take(bytes(keys[at * KEY.size : (at + 1) * KEY.size])) is not None
        return dropped

    def lost(self) -> int:
        """Closed connections of which no event tells; their bytes are in the traffic rows all the same."""
        self._opened()
        return int(struct.unpack_from("@Q", self._settings, 0)[0])

    def _followed(self) -> tuple[int, int]:
        return self._openings, struct.unpack_from("@Q", self._settings, UNREMEMBERED_AT)[0]

    def _closings(self) -> int:
        return int(struct.unpack_from("@Q", self._settings, UNREMEMBERED_AT + 8)[0])


def _marked(rows: bytes) -> bytes:
    """What they say of datagrams may be too little."""
    marked = bytearray(rows)
    with memoryview(marked).cast("I") as words:
        at = slice(ROW_MISSING_AT // words.itemsize, None, TRAFFIC.size // words.itemsize)
        words[at] = memoryview(array("I", [flags | MISSING_TRAFFIC for flags in words[at].tolist()]))
    return bytes(marked)


def traffic_seen_by(visibility: Visibility, rows: bytes) -> bytes:
    """All rows for SEES_ALL; for others their own, which the overflow row (no start_ns) never is."""
    if visibility.mode is Mode.SEES_ALL:
        return rows
    each = (rows[at : at + TRAFFIC.size] for at in range(0, len(rows), TRAFFIC.size))
    return b"".join(row for row in each if _is_own(row, visibility.uid))


def _is_own(row: bytes, viewer: int) -> bool:
    _, uid, start_ns, *_, uids_differ = TRAFFIC.unpack(row)
    return bool(start_ns and uid == viewer and not uids_differ)
