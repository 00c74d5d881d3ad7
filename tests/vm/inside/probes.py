"""Opens every probe, one after another, on the guest's kernel; JSON: what became of each."""

import inspect
import json
import platform
import time
from pathlib import Path

from helper import probes
from helper.loaders.errors import LoaderError
from helper.loaders.libbpf import Libbpf
from helper.probes import SocketMemory

OBJECTS = Path("build/bpf")


def main() -> None:
    door, memory = Libbpf(OBJECTS), SocketMemory()
    kinds = [getattr(probes, name) for name in probes.__all__]
    by_name = {kind.name: kind for kind in kinds if hasattr(kind, "open") and hasattr(kind, "name")}
    states = {}
    for name, kind in sorted(by_name.items()):
        probe = kind(door, memory) if "memory" in inspect.signature(kind).parameters else kind(door)
        began = time.monotonic()
        try:
            probe.open()
        except LoaderError as error:
            states[name] = {"error": f"{error}\n{error.log_tail}"}
            continue
        missing = {program: str(error) for program, error in getattr(probe, "missing_programs", {}).items()}
        took_ms = 1000 * (time.monotonic() - began)
        states[name] = {"missing": missing, "took_ms": took_ms, "memory_bytes": probe.cost().memory_bytes}
        probe.close()
    print(json.dumps({"kernel": platform.release(), "probes": states}))


if __name__ == "__main__":
    main()
