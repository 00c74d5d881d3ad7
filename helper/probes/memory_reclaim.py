"""Processes that had to look for free memory themselves, and for how long; the reader of bpf/memory_reclaim.bpf.c.

kswapd's work in the background is nobody's wait and isn't here. The programs for memory cgroups need CONFIG_MEMCG.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from helper.probes.activity import ActivityProbe, ActorRows, Table, Whose

if TYPE_CHECKING:
    from helper.loaders.libbpf import BpfObject

SECTION_RECLAIM: Final = 16
RECLAIM: Final = struct.Struct("@IIQQII16sQQQQQ")  # struct st_reclaim


class MemoryReclaim(ActivityProbe):
    """The probe `memory_reclaim`."""

    name = "memory_reclaim"
    optional = ("note_cgroup_reclaim", "count_cgroup_reclaim")

    def _find_maps(self, bpf_object: BpfObject) -> None:
        super()._find_maps(bpf_object)
        self._rows = ActorRows(self._door, bpf_object, RECLAIM.size)

    def tables(self) -> tuple[Table, ...]:
        self._opened()
        return (Table(SECTION_RECLAIM, RECLAIM.size, self._rows.read(), Whose.ACTORS),)

    def forget_idle(self) -> None:
        self._opened()
        self._rows.forget_idle()
