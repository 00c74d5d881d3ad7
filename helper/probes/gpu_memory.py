"""How much of a graphics card's memory each process has, where the driver tells; the reader of bpf/gpu_memory.bpf.c.

Few drivers do (CONFIG_TRACE_GPU_MEM). What a process had before the probe was opened is told with its next change.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from helper.loaders.maps import HashReader
from helper.probes.activity import Table, Whose
from helper.probes.graphics import CardProbe

if TYPE_CHECKING:
    from helper.loaders.libbpf import BpfObject

SECTION_GPU_MEMORY: Final = 26
GPU_MEMORY: Final = struct.Struct("@IIQQII16sQQ")  # struct st_gpu_memory
KEY: Final = struct.Struct("@II")  # struct memory_key, bpf/gpu_memory.bpf.c


class GpuMemory(CardProbe):
    """The probe `gpu_memory`."""

    name = "gpu_memory"
    tracepoint = "gpu_mem:gpu_mem_total"

    def _find_maps(self, bpf_object: BpfObject) -> None:
        super()._find_maps(bpf_object)
        fd = bpf_object.map_fd("gpu_memory")
        self._reader = HashReader(self._door, self.name, fd, key_bytes=KEY.size, value_bytes=GPU_MEMORY.size)

    def _tables(self) -> tuple[Table, ...]:
        _, values = self._reader.read()
        return (Table(SECTION_GPU_MEMORY, GPU_MEMORY.size, bytes(values), Whose.ACTORS),)
