"""Processes that are gone, and where their time went; the reader of bpf/process_events.bpf.c.

A process that some snapshot may have seen comes as an event with the totals of its whole life. All others, which
no one will ever see in a snapshot, are summed in the kernel by nearest ancestor, cgroup, user and name, and read
here in one call. Between the two nothing is counted twice as long as each snapshot begins with `begin_snapshot`.

An exit is counted when the kernel frees the task: after an RCU grace period, usually some ten milliseconds after it
was reaped, up to ten seconds with CONFIG_RCU_LAZY on offloaded CPUs; later it is counted as lost (`late_exits.py`). A
process that no one reaps stays in the snapshots.
"""

from __future__ import annotations

import struct
import time
from typing import TYPE_CHECKING, Final

from helper.loaders.maps import HashReader, PerCpuReader, RingBuffer
from helper.probes.late_exits import LATE_NS, LateExits, epoch_ns
from helper.probes.object_probe import RingProbe
from helper.probes.rows import read_pass

if TYPE_CHECKING:
    from helper.loaders.libbpf import BpfObject, Libbpf

EXITED: Final = struct.Struct("@IIQ16sQQQQQQQQII")  # struct st_exited
KEY: Final = struct.Struct("@IIQ16sII")  # struct rollup_key, bpf/process_events.bpf.c
COUNTERS: Final = struct.Struct("@QQQQ")  # struct st_counters
SETTINGS: Final = struct.Struct("@QQQQ")  # struct st_process_settings, up to `overflow`
LOST_AND_ROLLED_UP: Final = struct.Struct("@QQ")  # its members `lost_exits` and `roll_ups`
LOST_AT: Final = 16
SEEN_NS: Final = struct.Struct("@Q")
IDLE_NS: Final = 120 * 10**9


class ProcessEvents(RingProbe):
    """The probe `process_events`."""

    name = "process_events"

    def __init__(self, door: Libbpf, late_ns: int = LATE_NS) -> None:
        """`late_ns`: how long after its exit a process that is not freed counts as lost."""
        super().__init__(door)
        self._late_ns = late_ns

    def _find_maps(self, bpf_object: BpfObject) -> None:
        self._settings = bpf_object.shared(".data.process_events")
        there_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME)  # some snapshot may have seen who was there before
        SETTINGS.pack_into(self._settings, 0, there_ns, epoch_ns(self._late_ns), 0, 0)
        rollups = bpf_object.map_fd("rollups")
        self._rollups = HashReader(self._door, self.name, rollups, key_bytes=KEY.size, value_bytes=EXITED.size)
        self._counters = PerCpuReader(self._door, self.name, bpf_object.map_fd("counters"), COUNTERS.size)
        self._ring = RingBuffer(self._door, self.name, bpf_object.map_fd("process_events_ring"))
        at = SETTINGS.size + EXITED.size
        nothing = memoryview(b"")
        self._late = LateExits(
            self._settings, at, self._late_ns, lambda: read_pass(bpf_object, "count_unreaped", nothing, 1)
        )
        self._taken_exits = 0
        self._exited: tuple[int, bytes] | None = None

    def _let_go(self) -> None:
        super()._let_go()
        del self._rollups, self._late

    def begin_snapshot(self, boottime_ns: int) -> None:
        """From now on, processes that started before `boottime_ns` count as seen. Call it right before a snapshot.

        Until then those count that are older than the opening: the first ticks don't wait for this probe.
        """
        self._opened()
        SEEN_NS.pack_into(self._settings, 0, boottime_ns)  # one store: CPython copies an aligned 8-byte value at once

    def read_exited(self) -> bytes:
        """All roll-ups, packed `struct st_exited`, the overflow row included if there is one."""
        self._opened()
        roll_ups = self._lost_and_rolled_up()[1]
        if self._exited is None or self._exited[0] != roll_ups:
            _, values = self._rollups.read()
            overflow = self._settings[SETTINGS.size : SETTINGS.size + EXITED.size]
            self._exited = roll_ups, bytes(values) + (overflow if EXITED.unpack(overflow)[6] else b"")
        return self._exited[1]

    def forget_idle(self, now_ns: int) -> int:
        """Drops roll-ups without an exit for two minutes; returns how many. Call it now and then.

        What a row gained between the reading and the deletion can't be put back: it is counted as lost.
        """
        self._opened()
        keys, values = self._rollups.read()
        dropped = 0
        for at, row in enumerate(_split(bytes(values))):
            if EXITED.unpack(row)[5] + IDLE_NS < now_ns:
                last = self._rollups.take(bytes(keys[at * KEY.size : (at + 1) * KEY.size]))
                if last is not None:
                    self._exited = None
                    dropped += 1
                    self._taken_exits += EXITED.unpack(last)[6] - EXITED.unpack(row)[6]
        return dropped

    def counters(self) -> bytes:
        """`struct st_counters`, summed over the CPUs."""
        self._opened()
        forks, execs, exits, _ = self._counters.sums()
        return COUNTERS.pack(forks, execs, exits, self._lost())

    def lost(self) -> int:
        """Exits whose record found no room, and those that nobody heard of."""
        self._opened()
        return self._lost()

    def _lost(self) -> int:
        late = self._late.lost(time.clock_gettime_ns(time.CLOCK_BOOTTIME))
        return self._lost_and_rolled_up()[0] + self._taken_exits + late

    def _lost_and_rolled_up(self) -> tuple[int, int]:
        lost, rolled_up = LOST_AND_ROLLED_UP.unpack_from(self._settings, LOST_AT)
        return lost, rolled_up


def _split(rows: bytes) -> list[bytes]:
    return [rows[at : at + EXITED.size] for at in range(0, len(rows), EXITED.size)]
