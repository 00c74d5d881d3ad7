"""What the default probes cost everybody else: switching and forking, probes on against off, in pairs.

Off and on take turns within each pair and change their order from pair to pair, so that a drift of the machine hits
both. While on, the probes are read once a second as the sampler does.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from statistics import median

from benchmarks import load
from benchmarks.boxed import TOP
from benchmarks.row import Row
from helper.loaders.libbpf import Libbpf
from helper.probes.oom_events import OomEvents
from helper.probes.process_events import ProcessEvents
from helper.probes.task_snapshot import TASK_BYTES, TaskSnapshot
from helper.probes.thermal_events import ThermalEvents

OBJECTS = TOP / "build" / "bpf"
PAIRS = 15


@contextmanager
def probes_on() -> Iterator[None]:
    """All default probes attached and read once a second."""
    door = Libbpf(OBJECTS)
    snapshot, processes = TaskSnapshot(door), ProcessEvents(door)
    probes = [snapshot, processes, OomEvents(door), ThermalEvents(door)]
    for probe in probes:
        probe.open()
    buffer, over = memoryview(bytearray(4000 * TASK_BYTES)), threading.Event()

    dropped: list[bytes] = []

    def read() -> None:
        while not over.wait(1):
            snapshot.read_into(buffer)
            processes.drain(dropped.append)
            dropped.clear()

    reader = threading.Thread(target=read)
    reader.start()
    try:
        yield
    finally:
        over.set()
        reader.join()
        for probe in probes:
            probe.close()


def ratios(work: Callable[[], int]) -> list[float]:
    """Time with probes over time without, pair by pair."""
    found = []
    for pair in range(PAIRS):
        took = {}
        for on in (True, False) if pair % 2 else (False, True):
            if on:
                with probes_on():
                    took[on] = work()
            else:
                took[on] = work()
        found.append(took[True] / took[False])
    return found


def row(name: str, work: Callable[[], int]) -> Row:
    work()
    found = sorted(ratios(work))
    middle = [f"{(found[at] - 1) * 100:+.1f}" for at in (PAIRS // 4, -1 - PAIRS // 4)]
    spread = f"median of {PAIRS} pairs; the middle half from {middle[0]} to {middle[1]} %"
    return Row(name, (median(found) - 1) * 100, "%", "at most", 1, spread)


def measure() -> list[Row]:
    return [
        row("default probes' cost: processes passing messages", lambda: load.elapsed_ns("pingpong", "8", "40000")),
        row("default probes' cost: fork, exec, exit", lambda: load.elapsed_ns("forks", "1500")),
    ]
