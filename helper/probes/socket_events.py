"""TCP connections that closed, and datagrams: the reader of bpf/socket_events.bpf.c.

Bytes are summed per process in the kernel and read here in one call: no connection is too short. Each closed
connection also comes as `struct st_event_socket_closed`, up to 256 a second; `lost` counts those that did not.

Datagrams are counted in one of two ways, which `cost().way` tells: at the return of the kernel's functions for UDP, or
at tracepoints that every message of any socket passes (helper/probes/parts.py).

What can't be known: datagrams and per-socket UDP bytes where the kernel takes programs neither there nor, before 6.3,
at these tracepoints; datagrams that the kernel sends itself (WireGuard), bytes of connections that closed before the
probe was open. A process whose user changes in its life keeps the row, and the uid, that it had first.
"""

from __future__ import annotations

import struct
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from helper.loaders.maps import HashReader, RingBuffer
from helper.probes.object_probe import RingProbe
from helper.probes.parts import AT_DATAGRAMS, AT_MESSAGES
from helper.probes.visibility import Mode

if TYPE_CHECKING:
    from collections.abc import Iterable

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


class SocketEvents(RingProbe):
    """The probe `socket_events`."""

    name = "socket_events"

    def __init__(self, door: Libbpf, memory: SocketMemory) -> None:
        super().__init__(door, memory.maps)
        self._memory = memory
        self._openings = 0

    def _find_maps(self, bpf_object: BpfObject) -> None:
        self._settings = bpf_object.shared(".data.socket_events")
        self._ring = RingBuffer(self._door, self.name, bpf_object.map_fd("socket_events_ring"))
        traffic = bpf_object.map_fd("traffic")
        self._traffic = HashReader(self._door, self.name, traffic, key_bytes=KEY.size, value_bytes=TRAFFIC.size)
        self._memory.keep(bpf_object)
        counts_datagrams = any(self.missing_programs.keys().isdisjoint(way) for way in (AT_DATAGRAMS, AT_MESSAGES))
        struct.pack_into("@I", self._settings, MISSING_AT, 0 if counts_datagrams else MISSING_TRAFFIC)
        self._memory.counts_datagrams = counts_datagrams
        self._openings += 1
        self._memory.followed, self._memory.closings = self._followed, self._closings

    def _let_go(self) -> None:
        super()._let_go()
        self._memory.counts_datagrams = False
        self._memory.followed = self._memory.closings = None
        del self._traffic

    def cost(self) -> ProbeCost:
        return replace(super().cost(), way=self._way())

    def _way(self) -> str:
        refused = self.missing_programs.get(AT_DATAGRAMS[0])
        if refused is None:
            return "datagrams are counted where only they pass"
        why = str(refused).removeprefix(f"{refused.program}: ")
        if self._memory.counts_datagrams:
            return f"datagrams are counted among the messages of all sockets, which slows these down: {why}"
        lacking = str(next(self.missing_programs[name] for name in AT_MESSAGES if name in self.missing_programs))
        return f"datagrams are not counted: {why}; {lacking.removeprefix(f'{self.name}: ')}"

    def read_traffic(self) -> bytes:
        """Packed `struct st_traffic`, the overflow row included if there is one; `traffic_seen_by` cuts them down."""
        self._opened()
        _, values = self._traffic.read()
        overflow = bytes(self._settings[SETTINGS.size : SETTINGS.size + TRAFFIC.size])
        return bytes(values) + (overflow if TRAFFIC.unpack(overflow)[4] else b"")

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


def traffic_seen_by(visibility: Visibility, rows: bytes) -> bytes:
    """All rows for SEES_ALL; for others their own, which the overflow row (no start_ns) never is."""
    if visibility.mode is Mode.SEES_ALL:
        return rows
    each = (rows[at : at + TRAFFIC.size] for at in range(0, len(rows), TRAFFIC.size))
    return b"".join(row for row in each if _is_own(row, visibility.uid))


def _is_own(row: bytes, viewer: int) -> bool:
    _, uid, start_ns, *_, uids_differ = TRAFFIC.unpack(row)
    return bool(start_ns and uid == viewer and not uids_differ)
