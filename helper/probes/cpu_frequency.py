"""The frequency last asked of each CPU; the reader of bpf/cpu_frequency.bpf.c. Shown to everybody, as in /sys.

A CPU whose frequency didn't change since the probe was opened has no row. Drivers that leave the choice to the hardware
(intel_pstate and amd-pstate in active mode) never tell; a virtual machine usually has no driver at all.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from helper.loaders.maps import HashReader
from helper.probes.activity import ActivityProbe, Table, Whose

if TYPE_CHECKING:
    from helper.loaders.libbpf import BpfObject

SECTION_CPU_FREQUENCY: Final = 17
CPU_FREQUENCY: Final = struct.Struct("@IIQQ")  # struct st_cpu_frequency


class CpuFrequency(ActivityProbe):
    """The probe `cpu_frequency`."""

    name = "cpu_frequency"

    def _find_maps(self, bpf_object: BpfObject) -> None:
        super()._find_maps(bpf_object)
        fd = bpf_object.map_fd("cpus")
        self._cpus = HashReader(self._door, self.name, fd, key_bytes=4, value_bytes=CPU_FREQUENCY.size)

    def tables(self) -> tuple[Table, ...]:
        self._opened()
        _, values = self._cpus.read()
        return (Table(SECTION_CPU_FREQUENCY, CPU_FREQUENCY.size, bytes(values), Whose.EVERYBODYS),)
