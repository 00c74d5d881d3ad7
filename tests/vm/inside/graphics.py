"""A card without hardware (vgem), waits for its fences, and the tracepoints of gpu-sched; JSON: what was told.

A thread signals the fence after a while, on which the main thread waits in the kernel: DMA_BUF_IOCTL_SYNC.
"""

import fcntl
import json
import os
import struct
import subprocess
import threading
import time
from pathlib import Path

from helper.loaders.errors import LoaderError
from helper.loaders.libbpf import Libbpf
from helper.probes.estimates import estimates_of
from helper.probes.gpu_fences import GPU_WAITER, GpuFences
from helper.probes.gpu_jobs import OFFSETS, GpuJobs
from helper.probes.gpu_memory import GpuMemory

# include/uapi/drm/{drm,drm_mode,vgem_drm}.h, include/uapi/linux/dma-buf.h
CREATE_DUMB, HANDLE_TO_FD, ATTACH, SIGNAL, SYNC = 0xC02064B2, 0xC00C642D, 0xC0106441, 0x40086442, 0x40086200
VGEM_FENCE_WRITE = 1
SYNC_READ, SYNC_END = 1, 4
WAIT_S = 0.3


def vgem() -> int:
    """The card's descriptor."""
    for card in Path("/sys/class/drm").glob("card*"):
        if "vgem" in str(card.readlink()):
            return os.open(f"/dev/dri/{card.name}", os.O_RDWR | os.O_CLOEXEC)
    raise SystemExit("modprobe vgem made no card")


def wait_for_a_fence() -> float:
    """Seconds that this thread waited."""
    card = vgem()
    dumb = bytearray(struct.pack("@IIIIIIQ", 64, 64, 32, 0, 0, 0, 0))
    fcntl.ioctl(card, CREATE_DUMB, dumb)
    handle = struct.unpack_from("@I", dumb, 16)[0]
    prime = bytearray(struct.pack("@IIi", handle, os.O_CLOEXEC, -1))
    fcntl.ioctl(card, HANDLE_TO_FD, prime)
    buffer = struct.unpack_from("@i", prime, 8)[0]
    attach = bytearray(struct.pack("@IIII", handle, VGEM_FENCE_WRITE, 0, 0))
    fcntl.ioctl(card, ATTACH, attach)
    signal = struct.pack("@II", struct.unpack_from("@I", attach, 8)[0], 0)
    threading.Timer(WAIT_S, lambda: fcntl.ioctl(card, SIGNAL, signal)).start()
    began_s = time.monotonic()
    fcntl.ioctl(buffer, SYNC, struct.pack("@Q", SYNC_READ))
    return time.monotonic() - began_s


def opened(probe: GpuJobs | GpuMemory) -> str:
    """Why it could not be opened, empty if it could."""
    try:
        probe.open()
    except LoaderError as error:
        return str(error)
    return ""


def main() -> None:
    subprocess.run(["modprobe", "-a", "vgem", "gpu-sched"], check=True)
    door = Libbpf(Path("build/bpf"))
    fences, jobs, memory = GpuFences(door), GpuJobs(door), GpuMemory(door)
    fences.open()
    waited_s = wait_for_a_fence()
    [table] = fences.tables()
    rows = [GPU_WAITER.unpack_from(table.rows, at) for at in range(0, len(table.rows), GPU_WAITER.size)]
    [own] = [row for row in rows if row[0] == os.getpid()]
    told = {"waited_s": waited_s, "fences": own[7], "waits": own[8], "wait_ns": own[9]}
    told |= {"jobs": opened(jobs), "memory": opened(memory), "missing": sorted(jobs.missing_programs)}
    if not told["jobs"]:
        assert jobs._object is not None
        known, *offsets, _ = OFFSETS.unpack(jobs._object.shared(".data.offsets")[: OFFSETS.size])
        told |= {"known": known, "offsets": offsets}
    told["maps"] = {
        probe.name: (estimates_of(door, [probe.name])[probe.name].fresh_bytes, probe.cost().map_bytes)
        for probe in (fences, jobs)
    }
    print(json.dumps(told))


if __name__ == "__main__":
    main()
