"""A process runs out of memory in a cgroup of 30 MiB; JSON: who it was, and the probe's records."""

import json
import os
import select
import time
from pathlib import Path

from helper.loaders.libbpf import Libbpf
from helper.probes import OomEvents

GROUP = Path("/sys/fs/cgroup/smoothtask-test")
LIMIT_BYTES = 30 << 20
PATIENCE_S = 30
UID = 65534


def eat() -> None:
    """Never returns."""
    (GROUP / "cgroup.procs").write_text(str(os.getpid()))
    Path("/proc/self/comm").write_text("st-glutton")
    os.setresuid(UID, UID, UID)
    pages = []
    while True:
        pages.append(bytearray(b"x") * (1 << 20))


def main() -> None:
    GROUP.mkdir()
    (GROUP / "memory.max").write_text(str(LIMIT_BYTES))
    probe = OomEvents(Libbpf(Path("build/bpf")))
    probe.open()
    if not (pid := os.fork()):
        eat()
    _, status = os.waitpid(pid, 0)
    died = time.monotonic()
    select.select([probe.fileno()], [], [], PATIENCE_S)
    heard_ms = 1000 * (time.monotonic() - died)
    records: list[bytes] = []
    probe.drain(records.append)
    GROUP.rmdir()
    told = {"pid": pid, "signal": os.WTERMSIG(status), "limit_bytes": LIMIT_BYTES, "heard_ms": heard_ms}
    print(json.dumps(told | {"records": [record.hex() for record in records]}))


if __name__ == "__main__":
    main()
