"""What small messages pay where datagrams are counted at the kernel's functions (fexit), and where at tracepoints.

The build machine's kernel may refuse the first way, so this is measured in a guest of the vm lane (Debian 13, 6.12).
Its clock goes on with its instructions, so its CPU time is their number, the same whatever this machine does besides.
That is no time: a processor takes longer for one instruction than for another. But where no program runs none is added.
"""

import json
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks import pace
from benchmarks.boxed import TOOLS, TOP
from benchmarks.messages_inside import AGAIN, AT_FUNCTIONS, AT_TRACEPOINTS, OFF
from benchmarks.others import between, told
from benchmarks.row import Row

BLOCKS, RUN_MS, LIMIT_S = 2, 100, 700
PLACE = "/opt/smoothtask"
SENT = ["helper", "benchmarks", "build/bpf"]
REACH = 1
TITLE = "in a guest"


def measure() -> list[Row]:
    found = in_guest()
    kernel, rounds = found["kernel"], found["rounds"]
    return [
        row(f"{TITLE}: small messages over TCP, datagrams counted at functions", rounds, "texts", AT_FUNCTIONS, kernel),
        row(f"{TITLE}: small messages over TCP, datagrams counted at tracepoints", rounds, "texts", AT_TRACEPOINTS),
        row(f"{TITLE}: datagrams, counted at functions", rounds, "datagrams", AT_FUNCTIONS),
        row(f"{TITLE}: datagrams, counted at tracepoints", rounds, "datagrams", AT_TRACEPOINTS),
        row_of_attaching(rounds),
    ]


def in_guest() -> dict[str, Any]:
    """What benchmarks/messages_inside.py says there."""
    sys.path.insert(0, str(TOOLS))
    from vm import images
    from vm.guest import Guest

    guest = Guest(images.counting(), images.KEY, images.ACPI_TABLE, cpus=1, by_instructions=True)
    try:
        guest.start()
        guest.send(TOP, SENT, PLACE)
        with tempfile.TemporaryDirectory() as folder:
            program = pace.PROGRAM.relative_to(TOP)
            pace.build(Path(folder) / program, "-static")  # the guest's C library is another one
            guest.send(Path(folder), [str(program)], PLACE)
        words = ["env", "-C", PLACE, "python3", "-m", "benchmarks.messages_inside", str(BLOCKS), str(RUN_MS)]
        return dict(json.loads(guest.run(*words, limit_s=LIMIT_S)))
    finally:
        guest.stop()


def row(name: str, rounds: list[dict[str, Any]], load: str, phase: str, kernel: str = "") -> Row:
    """By instructions; only what runs at the functions is promised to cost nothing."""

    def more(in_phase: str) -> list[float]:
        return [(each[in_phase][load] - each[OFF][load]) / each[OFF][load] * 100 for each in rounds]

    found, whole = more(phase), median(each[OFF][load] for each in rounds)
    note = f"95 % of {len(found)} rounds' medians: {between(found)}; off against off: {told(more(AGAIN))}"
    note += f"; {whole:,.0f} instructions to and fro without" + (f"; kernel {kernel}" if kernel else "")
    if load == "texts" and phase == AT_FUNCTIONS:
        return Row(name, median(found), "%", "at most", REACH, note)
    return Row(name, median(found), "%", note=note)


def row_of_attaching(rounds: list[dict[str, Any]]) -> Row:
    """All default probes, from load to attached."""
    functions, tracepoints = ([each[phase]["attaching"] for each in rounds] for phase in (AT_FUNCTIONS, AT_TRACEPOINTS))
    more = [(one / other - 1) * 100 for one, other in zip(functions, tracepoints, strict=True)]
    name = f"{TITLE}: load and attach of all default probes, more at functions than at tracepoints"
    millions = f"{median(functions):,.0f} million instructions for {median(tracepoints):,.0f}"
    return Row(name, median(more), "%", note=f"95 % of {len(more)} rounds' medians: {between(more)}; {millions}")
