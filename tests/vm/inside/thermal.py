"""Listens to thermal events until its input ends; prints "ready", then each record in hexadecimal."""

import select
import sys
from pathlib import Path

from helper.loaders.libbpf import Libbpf
from helper.probes import ThermalEvents


def main() -> None:
    probe = ThermalEvents(Libbpf(Path("build/bpf")))
    probe.open()
    print("ready", flush=True)
    while True:
        ready, _, _ = select.select([probe.fileno(), sys.stdin], [], [])
        if sys.stdin in ready:
            return
        probe.drain(lambda record: print(record.hex(), flush=True))


if __name__ == "__main__":
    main()
