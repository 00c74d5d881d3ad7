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
from tests.bpf.machine import NOBODY, Child, boottime_ns, child

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
    cpu = str(max(os.sched_getaffinity(0)))
    with ExitStack() as stack:
        rivals = [stack.enter_context(child(BUSY, cpu)) for _ in range(RIVALS)]
        for rival in rivals:
            rival.settle()
        began_ns = boottime_ns()
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
    took_ns = (boottime_ns() - began_ns) * (os.cpu_count() or 1)
    assert waited_ns <= 10 * (rivals_waited_ns + took_ns), "each wait once: what others wait is no multiple of it"
    assert row["count"] - row_before["count"] >= rivals_ran
    assert row["longest_ns"] >= rivals_waited_ns / rivals_ran


def test_waits_from_before_the_probe_was_there_are_not_counted(door: Libbpf) -> None:
    """Each rival has waited for seconds when it leaves a CPU for the first time in the probe's sight."""
    cpu = str(max(os.sched_getaffinity(0)))
    with ExitStack() as stack:
        rivals = [stack.enter_context(child(BUSY + "say()\n", cpu)) for _ in range(2 * RIVALS)]
        for rival in rivals:
            rival.settle()
        for rival in rivals:
            rival.tell()
        for rival in rivals:
            rival.settle()
        shortest_ns = min(int(schedstat(rival)[1]) for rival in rivals)
        assert shortest_ns > 10**9, "each of six has a sixth of the CPU"
        began_ns = boottime_ns()
        probe = stack.enter_context(opened(RunQueue(door)))
        for rival in rivals:
            rival.tell()
            rival.hear()
        longest_ns = int(waits(probe)["longest_ns"])
        assert longest_ns <= boottime_ns() - began_ns + 100_000_000, "a new task may have waited a little already"


BRIEF = """
os.sched_setaffinity(0, {int(sys.argv[1])}); say(); wait(); runs = 0
for _ in range(1000):
    pid = os.fork()
    if not pid: os._exit(0)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    runs += int(open(f'/proc/{pid}/schedstat').read().split()[2])
    os.waitpid(pid, 0)
say(runs); wait()
"""


def test_a_task_that_runs_only_once_has_waited_too(probe: ActivityProbe) -> None:
    with child(BRIEF, str(max(os.sched_getaffinity(0)))) as parent:
        parent.settle()
        row_before, kernel_before = waits(probe).copy(), schedstat(parent)
        parent.tell()
        childrens_runs = int(parent.hear())
        row, kernel = waits(probe), schedstat(parent)
    ran = int(kernel[2] - kernel_before[2]) + childrens_runs
    assert childrens_runs >= 1000
    assert row["count"] - row_before["count"] >= 0.98 * ran, "others run too, so at least that often"


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
