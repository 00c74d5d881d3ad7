"""What processes hand to graphics cards and wait for, whatever the driver; the reader of bpf/gpu_fences.bpf.c.

A fence that a kernel thread makes for a process is the thread's. A wait by poll() isn't seen.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from helper.probes.activity import ActorRows, Table, Whose
from helper.probes.graphics import CardProbe

if TYPE_CHECKING:
    from helper.loaders.libbpf import BpfObject

SECTION_GPU_WAITERS: Final = 25
GPU_WAITER: Final = struct.Struct("@IIQQII16sQQQ")  # struct st_gpu_waiter


class GpuFences(CardProbe):
    """The probe `gpu_fences`."""

    name = "gpu_fences"
    tracepoint = "dma_fence:dma_fence_init"

    def _find_maps(self, bpf_object: BpfObject) -> None:
        super()._find_maps(bpf_object)
        self._rows = ActorRows(self._door, bpf_object, GPU_WAITER.size)

    def _tables(self) -> tuple[Table, ...]:
        return (Table(SECTION_GPU_WAITERS, GPU_WAITER.size, self._rows.read(), Whose.ACTORS),)

    def _forget_idle(self) -> None:
        self._rows.forget_idle()
