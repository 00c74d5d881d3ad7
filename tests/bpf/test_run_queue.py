"""Waits for a CPU against what /proc/PID/schedstat says of the tasks that waited."""

from __future__ import annotations

import os
from contextlib import ExitStack
from typing import TYPE_CHECKING

import numpy as np
import pytest

from helper.probes.run_queue import RunQueue
from helper.probes.visibility import Mode, Visibility
from smoothtask_gui.sources.activity import ActivitySection
from tests.bpf.activity import opened, table
from tests.bpf.machine import NOBODY, Child, child

if TYPE_CHECKING:
    from collections.abc import Iterator

    from helper.loaders.libbpf import Libbpf
    from helper.probes.activity import ActivityProbe

RIVALS = 3
BUSY = "os.sched_setaffinity(0, {int(sys.argv[1])})\nsay()\nwait()\nburn(0.3)\nsay()\nwait()\n"


@pytest.fixture
def probe(door: Libbpf) -> Iterator[ActivityProbe]:
    with opened(RunQueue(door)) as found:
        yield found


def waits(probe: ActivityProbe) -> np.void:
    rows = table(probe, ActivitySection.RUN_QUEUE)
    assert rows is not None
    assert len(rows) == 1
    return rows[0]


def schedstat(process: Child) -> np.ndarray:
    """Run time, run delay, number of runs: Documentation/scheduler/sched-stats.rst."""
    return np.array(process.proc("schedstat").split(), "u8")


def test_three_busy_loops_on_one_cpu_wait_as_long_as_the_kernel_says(probe: ActivityProbe) -> None:
    cpu = str(min(os.sched_getaffinity(0)))
    with ExitStack() as stack:
        rivals = [stack.enter_context(child(BUSY, cpu)) for _ in range(RIVALS)]
        for rival in rivals:
            rival.settle()
        row_before, kernel_before = waits(probe).copy(), sum(map(schedstat, rivals))
        for rival in rivals:
            rival.tell()
        for rival in rivals:
            rival.settle()
        row, kernel = waits(probe), sum(map(schedstat, rivals))
    waited_ns = row["wait_ns"] - row_before["wait_ns"]
    rivals_waited_ns, rivals_ran = (kernel - kernel_before)[1:]
    assert rivals_waited_ns > 300_000_000, "each of three has a third of the CPU"
    assert waited_ns >= 0.99 * rivals_waited_ns, "others wait too, so at least that much"
    assert row["count"] - row_before["count"] >= rivals_ran
    assert row["longest_ns"] >= rivals_waited_ns / rivals_ran


def test_the_histogram_holds_every_wait_once(probe: ActivityProbe) -> None:
    with child("for _ in range(200): time.sleep(0.0001)\nsay(); wait()") as sleeper:
        sleeper.settle()
        row = waits(probe)
    assert row["count"] >= 200
    assert row["durations"].sum() == row["count"]
    slots = np.flatnonzero(row["durations"])
    assert 2.0 ** slots[-1] <= max(row["longest_ns"], 1) < 2.0 ** (slots[-1] + 1)
    bounds = 2.0 ** np.arange(32)
    assert (row["durations"][1:] * bounds[1:]).sum() <= row["wait_ns"] <= (row["durations"] * bounds * 2).sum()


def test_everybody_sees_the_same_row(probe: ActivityProbe) -> None:
    for mode in Mode:
        rows = table(probe, ActivitySection.RUN_QUEUE, Visibility(mode, NOBODY))
        assert rows is not None
        assert len(rows) == 1
