"""python3 -m benchmarks.messages_inside BLOCKS RUN_MS: the guest's half of guest_messages; what it measured, as JSON.

Each block starts the loads anew and has a round in each of ORDERS, in which every phase is as often first as last. What
is attached in a phase are the sampler's default probes, as it opens them; nobody reads them.
"""

import json
import platform
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from benchmarks import pace
from benchmarks.loading import attached
from helper.probes.parts import PARTS

OFF, AGAIN, AT_FUNCTIONS, AT_TRACEPOINTS = "off", "off again", "at functions", "at tracepoints"
PHASES = (OFF, AT_FUNCTIONS, AGAIN, AT_TRACEPOINTS)
ORDERS = [turned for at in range(4) for turned in ((PHASES[at:] + PHASES[:at]), (PHASES[at:] + PHASES[:at])[::-1])]
WAYS = {AT_FUNCTIONS: "where only they pass", AT_TRACEPOINTS: "among the messages of all sockets"}
LOADS = ("texts", "datagrams")
SETTLE_S = 0.2


@contextmanager
def probes(phase: str) -> Iterator[float | None]:
    """Attached in the way that the phase asks for; yields the CPU time of that in ms, None where there are none.

    RuntimeError if the kernel has them run another way.
    """
    if phase not in WAYS:
        yield None
        return
    with attached(tuple(PARTS), at_functions=phase == AT_FUNCTIONS) as loaded:
        if WAYS[phase] not in loaded.way:
            raise RuntimeError(f"{phase}: {loaded.way}")
        yield loaded.cpu_ms


def in_phase(phase: str, loads: dict[str, pace.Load], run_ms: int) -> dict[str, float | None]:
    """CPU time in ns of one operation of each load, and in ms that of attaching the probes."""
    with probes(phase) as attaching_ms:
        time.sleep(SETTLE_S)
        return {"attaching": attaching_ms} | {name: load.run(run_ms).cpu_ns for name, load in loads.items()}


def main(blocks: int, run_ms: int) -> None:
    rounds = []
    for _ in range(blocks):
        with ExitStack() as started:
            loads = {name: started.enter_context(pace.Load(name)) for name in LOADS}
            rounds += [{phase: in_phase(phase, loads, run_ms) for phase in order} for order in ORDERS]
    print(json.dumps({"kernel": platform.release(), "rounds": rounds}))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
