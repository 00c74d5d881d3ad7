"""How long each process's jobs kept graphics cards busy; the reader of bpf/gpu_jobs.bpf.c.

For cards whose driver hands its jobs to the kernel's own scheduler (amdgpu, xe, nouveau, panfrost, v3d, … not i915, nor
NVIDIA's own). Where two pointers lie in the scheduler's structs is told by the module's type information.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from helper.loaders.member_offsets import ModuleTypes
from helper.probes.activity import ActorRows, Table, Whose
from helper.probes.graphics import CardProbe

if TYPE_CHECKING:
    from helper.loaders.libbpf import BpfObject

SECTION_GPU_USERS: Final = 24
GPU_USER: Final = struct.Struct("@IIQQII16sQQ")  # struct st_gpu_user
OFFSETS: Final = struct.Struct("@IIII")  # struct st_gpu_offsets, bpf/settings.h
MODULE: Final = "gpu_sched"


class GpuJobs(CardProbe):
    """The probe `gpu_jobs`."""

    name = "gpu_jobs"
    tracepoint = "gpu_scheduler:drm_sched_job_run, nor the older drm_run_job (no driver here uses the module gpu_sched)"
    optional = (
        "job_queued",
        "job_queued_older",
        "job_run",
        "job_run_older",
        "job_done",
        "job_done_older",
    )

    def _find_maps(self, bpf_object: BpfObject) -> None:
        super()._find_maps(bpf_object)
        self._rows = ActorRows(self._door, bpf_object, GPU_USER.size)
        types = ModuleTypes(self._door, MODULE)
        try:
            fence = types.offset("drm_sched_job", "s_fence")
            scheduler = types.offset("drm_sched_fence", "sched")
        finally:
            types.close()
        OFFSETS.pack_into(bpf_object.shared(".data.offsets"), 0, 1, fence, scheduler, 0)

    def _tables(self) -> tuple[Table, ...]:
        return (Table(SECTION_GPU_USERS, GPU_USER.size, self._rows.read(), Whose.ACTORS),)

    def _forget_idle(self) -> None:
        self._rows.forget_idle()
