"""How long tasks waited for a CPU, on all CPUs together; the reader of bpf/run_queue.bpf.c.

Shown to everybody, as /proc/pressure/cpu is.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from helper.loaders.maps import PerCpuReader
from helper.probes.activity import ActivityProbe, Table, Whose, add_up

if TYPE_CHECKING:
    from helper.loaders.libbpf import BpfObject

SECTION_RUN_QUEUE: Final = 18
RUN_QUEUE: Final = struct.Struct("@QQQ32Q")  # struct st_run_queue
LONGEST: Final = struct.Struct("@Q")  # its first member: the one that isn't a sum


class RunQueue(ActivityProbe):
    """The probe `run_queue`."""

    name = "run_queue"

    def _find_maps(self, bpf_object: BpfObject) -> None:
        super()._find_maps(bpf_object)
        self._waits = PerCpuReader(self._door, self.name, bpf_object.map_fd("waits"), RUN_QUEUE.size)

    def tables(self) -> tuple[Table, ...]:
        self._opened()
        shares = self._waits.shares()
        longest_ns = max(LONGEST.unpack_from(share)[0] for share in shares)
        row = LONGEST.pack(longest_ns) + add_up([share[LONGEST.size :] for share in shares])
        return (Table(SECTION_RUN_QUEUE, RUN_QUEUE.size, row, Whose.EVERYBODYS),)
