"""Processes with memory of every kind, asleep; JSON: what /proc says of them, and the rows of a snapshot."""

import json
import mmap
import os
import resource
import signal
import time
from pathlib import Path

from helper.loaders.libbpf import Libbpf
from helper.probes import TaskSnapshot

MIB = 1 << 20


def sleeper(anonymous_mib: int, shared_mib: int) -> int:
    """A child that has used its memory and 0.3 s of CPU, and then sleeps; its pid."""
    ready, told = os.pipe()
    if pid := os.fork():
        os.close(told)
        os.read(ready, 1)
        return pid
    shared = mmap.mmap(-1, shared_mib * MIB)
    shared.write(b"x" * (shared_mib * MIB))
    _kept = bytearray(b"x") * (anonymous_mib * MIB)
    while time.process_time() < 0.3:
        pass
    Path("/proc/self/comm").write_text("st-sleeper")
    os.write(told, b"x")
    while True:
        signal.pause()


def truth(pid: int) -> dict[str, object]:
    """As /proc tells it."""
    resident_pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    run_ns, delay_ns, _ = map(int, Path(f"/proc/{pid}/schedstat").read_text().split())
    return {
        "rss_bytes": resident_pages * resource.getpagesize(),
        "run_ns": run_ns,
        "run_delay_ns": delay_ns,
        "minor_faults": int(stat[7]),
        "state": stat[0],
        "cgroup": Path(f"/proc/{pid}/cgroup").read_text().strip().rpartition("::")[2],
    }


def main() -> None:
    pids = [sleeper(anonymous, shared) for anonymous, shared in [(1, 1), (60, 5), (5, 40)]]
    while any(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "S" for pid in pids):
        time.sleep(0.05)
    probe = TaskSnapshot(Libbpf(Path("build/bpf")))
    probe.open()
    room = memoryview(bytearray(MIB))
    reading = probe.read_into(room)
    told = {pid: truth(pid) for pid in pids}
    inode = {pid: Path(f"/sys/fs/cgroup{of['cgroup']}").stat().st_ino for pid, of in told.items()}
    numbers = sorted(int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit())
    rows = bytes(room[: reading.byte_count]).hex()
    print(json.dumps({"own": os.getpid(), "truth": told, "cgroups": inode, "pids": numbers, "rows": rows}))
    for pid in pids:
        os.kill(pid, signal.SIGKILL)


if __name__ == "__main__":
    main()
