"""More tasks than the sampler's first buffer holds."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from helper.loaders.libbpf import Libbpf
from helper.machine import read_machine
from helper.probes import TaskSnapshot, task_snapshot
from helper.probes.row_table import TASK_BYTES
from helper.probes.rows import read_pass
from helper.probes.task_snapshot import SETTINGS
from helper.sampler import packets
from helper.sampler.probe_set import Slot, State
from helper.sampler.readings import Readings
from tests.bpf.machine import EVERYTHING, TASK, child, take

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

    from helper.loaders.libbpf import BpfObject
    from helper.probes.probe import Reading

RUN_ROWS = 1024
THREADS = 6000
MANY_THREADS = """
threading.stack_size(1 << 16)
over = threading.Event()
for _ in range(int(sys.argv[1])): threading.Thread(target=over.wait, daemon=True).start()
say(); wait(); os._exit(0)
"""


@pytest.fixture
def small_snapshot(objects: Path) -> Iterator[TaskSnapshot]:
    """As on a small machine: 1,024 tasks a run."""
    probe = TaskSnapshot(Libbpf(objects, machine=replace(read_machine(), memory_bytes=1 << 29)))
    probe.open()
    yield probe
    probe.close()


def test_the_sampler_s_buffer_grows_until_every_thread_has_its_row(snapshot: TaskSnapshot) -> None:
    readings = Readings((Slot(snapshot, packets.KIND_TASKS, State.RUNNING), snapshot, TASK_BYTES), None)
    with child(MANY_THREADS, str(THREADS)) as crowd:
        crowd.hear()
        (section,) = readings.take(EVERYTHING, readings.begin()).sections
        rows = np.frombuffer(bytes(section.rows), TASK)
        assert not section.truncated
        assert (rows["tgid"] == crowd.pid).sum() == THREADS + 1
        assert len(np.unique(rows["pid"])) == len(rows)
        assert crowd.end() == 0


def test_a_pass_of_several_runs_has_every_task_once(
    small_snapshot: TaskSnapshot, snapshot: TaskSnapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = interrupted(monkeypatch, small_snapshot, after_runs=())
    with child(MANY_THREADS, str(THREADS)) as crowd, child("say(); wait()") as born_after_it:
        crowd.hear()
        born_after_it.settle()
        rows = take(small_snapshot)
        made = len(runs)
        at_once = take(snapshot)
        assert (rows["tgid"] == crowd.pid).sum() == THREADS + 1
        assert len(np.unique(rows["pid"])) == len(rows)
        assert born_after_it.pid in rows["pid"]
        assert made > THREADS // RUN_ROWS
        assert small_snapshot._rows is not None
        assert len(small_snapshot._rows) == RUN_ROWS * TASK_BYTES
        kernel = [set(found["pid"][found["is_kernel"] == 1].tolist()) for found in (rows, at_once)]
        assert len(kernel[0] ^ kernel[1]) < 20  # kworkers come and go
        assert crowd.end() == 0


def test_a_pass_begins_anew_if_the_task_is_gone_at_which_a_run_was_to_begin(
    small_snapshot: TaskSnapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = interrupted(monkeypatch, small_snapshot, after_runs={1, 4})
    with child(MANY_THREADS, str(THREADS)) as crowd:
        crowd.hear()
        rows = take(small_snapshot)
        assert (rows["tgid"] == crowd.pid).sum() == THREADS + 1
        assert len(np.unique(rows["pid"])) == len(rows)
        assert len(runs) > 2 + 3 + THREADS // RUN_ROWS
        assert crowd.end() == 0


def test_a_pass_that_loses_its_place_each_time_says_that_there_are_more(
    small_snapshot: TaskSnapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = interrupted(monkeypatch, small_snapshot, after_runs=range(100))
    with child(MANY_THREADS, str(THREADS)) as crowd:
        crowd.hear()
        reading = small_snapshot.read_into(memoryview(bytearray(2 * THREADS * TASK_BYTES)))
        assert reading.truncated
        assert reading.byte_count == RUN_ROWS * TASK_BYTES
        assert len(runs) == 2 * task_snapshot.PASSES
        assert crowd.end() == 0


def interrupted(monkeypatch: pytest.MonkeyPatch, snapshot: TaskSnapshot, after_runs: Collection[int]) -> list[str]:
    """After these runs, counted from 1, the task to go on at is one that was born at another time; the runs made."""
    runs: list[str] = []

    def run(bpf_object: BpfObject, program: str, room: memoryview, row_bytes: int) -> Reading:
        runs.append(program)
        reading = read_pass(bpf_object, program, room, row_bytes)
        *before, start_ns, rows, is_lost = SETTINGS.unpack_from(snapshot._settings)
        if len(runs) in after_runs:
            SETTINGS.pack_into(snapshot._settings, 0, *before, start_ns + 1, rows, is_lost)
        return reading

    monkeypatch.setattr(task_snapshot, "read_pass", run)
    return runs
