"""What the default probes cost everybody else: messages, forks, TCP and the disk, probes on against off, in pairs.

Off and on take turns within each pair and change their order from pair to pair, so that a drift of the machine hits
both. While on, the probes are read once a second as the sampler does.
"""

import tempfile
from collections.abc import Callable
from functools import partial
from statistics import median

from benchmarks import load
from benchmarks.boxed import TOP
from benchmarks.default_probes import default_probes
from benchmarks.row import Row

PAIRS = 15


def ratios(work: Callable[[], int]) -> list[float]:
    """Time with probes over time without, pair by pair."""
    found = []
    for pair in range(PAIRS):
        took: dict[bool, int] = {}
        for on in (True, False) if pair % 2 else (False, True):
            if on:
                with default_probes():
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
    loads: dict[str, tuple[str, ...]] = {
        "processes passing messages": ("pingpong", "8", "40000"),
        "fork, exec, exit": ("forks", "1500"),
        "loopback TCP throughput": ("stream", "3000"),
        "small messages over TCP": ("messages", "30000"),
    }
    with tempfile.NamedTemporaryFile(dir=TOP / "build") as file:  # on a disk, where /tmp may not be
        loads["4 KiB writes with fsync"] = ("fsyncs", "400", file.name)
        return [row(f"default probes' cost: {name}", partial(load.elapsed_ns, *words)) for name, words in loads.items()]
