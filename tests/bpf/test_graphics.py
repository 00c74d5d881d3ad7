"""The programs of graphics cards, run in the kernel with arguments of our choice: build machines have no card.

A job and its fence are addresses in the kernel that the programs only read through: here they lie in its code.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import re
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from helper.loaders.errors import LoaderError
from helper.loaders.libbpf import CONSTANTS_SECTION, KERNEL_BTF
from helper.loaders.maps import SLACK
from helper.loaders.member_offsets import ModuleTypes
from helper.probes.activity import SETTINGS, ActorRows, Table
from helper.probes.gpu_fences import GpuFences
from helper.probes.gpu_jobs import GPU_USER, OFFSETS, GpuJobs
from helper.probes.gpu_memory import GPU_MEMORY, GpuMemory
from helper.probes.graphics import DORMANT_AFTER_S, LOOK_EVERY_S, Cards
from helper.probes.program import CONSTANTS, constants
from helper.probes.visibility import Mode, Visibility
from smoothtask_gui.sources.activity import STRUCTS, ActivitySection
from tests.bpf.activity import opened, row_of, rows_of, table
from tests.bpf.machine import NOBODY, boottime_ns
from tests.bpf.running import run_program

if TYPE_CHECKING:
    from collections.abc import Iterator

    from helper.loaders.libbpf import BpfObject, Libbpf

OWN = os.getpid()
WAIT_NS = 30_000_000


@pytest.fixture
def cards(tmp_path: Path) -> Path:
    """A folder like /sys with a card that is awake."""
    power = tmp_path / "class/drm/card0/device/power"
    power.mkdir(parents=True)
    (power / "runtime_status").write_text("active\n")
    return tmp_path


def put(root: Path, state: str) -> None:
    (root / "class/drm/card0/device/power/runtime_status").write_text(state + "\n")


def run(door: Libbpf, bpf_object: BpfObject, program: str, *arguments: int) -> None:
    handles = dict(bpf_object._programs())
    fd = door.calls.bpf_program__fd(handles[program])
    assert run_program(door, fd, (ctypes.c_uint64 * 3)(*arguments)) == 0


@contextmanager
def loaded(door: Libbpf, name: str, told: bytes | None = None) -> Iterator[BpfObject]:
    """In the kernel, not attached."""
    bpf_object = door.open(name)
    try:
        bpf_object.set_constants(CONSTANTS_SECTION, told or constants(door))
        bpf_object.load()
        yield bpf_object
    finally:
        bpf_object.close()


def kernel_code() -> int:
    """An address from which whatever lies there can be read."""
    with Path("/proc/kallsyms").open(encoding="ascii") as symbols:
        return next(int(line.split()[0], 16) for line in symbols if line.split()[2] == "schedule")


def fence_of(door: Libbpf, bpf_object: BpfObject) -> int:
    """The fence of the one job that is known."""
    key = (ctypes.c_uint64 * 1)()
    next_key = door.calls.bpf_map_get_next_key
    next_key.argtypes, next_key.restype = [ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p], ctypes.c_int
    assert next_key(bpf_object.map_fd("jobs"), None, key) == 0
    return int(key[0])


def users(door: Libbpf, bpf_object: BpfObject) -> dict[int, tuple[int, int]]:
    """Jobs and busy ns by pid."""
    rows = ActorRows(door, bpf_object, GPU_USER.size).read()
    each = (GPU_USER.unpack_from(rows, at) for at in range(0, len(rows), GPU_USER.size))
    return {row[0]: (row[7], row[8]) for row in each}


@pytest.mark.parametrize("age", ["", "_older"])
def test_a_job_s_time_from_hand_over_to_end_is_that_of_the_process_that_queued_it(door: Libbpf, age: str) -> None:
    with loaded(door, "gpu_jobs") as jobs:
        OFFSETS.pack_into(jobs.shared(".data.offsets"), 0, 1, 0, 8, 0)
        job = kernel_code()
        run(door, jobs, f"job_queued{age}", job)
        fence = fence_of(door, jobs)
        began_ns = time.monotonic_ns()
        run(door, jobs, f"job_run{age}", job)
        time.sleep(WAIT_NS / 1e9)
        run(door, jobs, f"job_done{age}", fence)
        took_ns = time.monotonic_ns() - began_ns
        assert users(door, jobs)[OWN][0] == 1
        assert WAIT_NS <= users(door, jobs)[OWN][1] <= took_ns


def test_a_job_counts_once_and_only_if_it_ran(door: Libbpf) -> None:
    with loaded(door, "gpu_jobs") as jobs:
        OFFSETS.pack_into(jobs.shared(".data.offsets"), 0, 1, 0, 8, 0)
        job = kernel_code()
        run(door, jobs, "job_queued", job)
        fence = fence_of(door, jobs)
        run(door, jobs, "job_done", fence)
        assert users(door, jobs)[OWN][0] == 0, "it was never handed over"
        run(door, jobs, "job_run", job)
        for _ in range(2):  # a fence's address may be another's later, which nobody queued through the scheduler
            run(door, jobs, "job_done", fence)
        assert users(door, jobs)[OWN][0] == 1


def test_a_job_whose_process_s_row_was_dropped_meanwhile_is_counted_among_the_others(door: Libbpf) -> None:
    with loaded(door, "gpu_jobs") as jobs:
        OFFSETS.pack_into(jobs.shared(".data.offsets"), 0, 1, 0, 8, 0)
        job = kernel_code()
        run(door, jobs, "job_queued", job)
        run(door, jobs, "job_run", job)
        rows = ActorRows(door, jobs, GPU_USER.size)
        assert [rows.forget_idle(), rows.forget_idle()] == [0, 1]
        run(door, jobs, "job_done", fence_of(door, jobs))
        assert {pid: count for pid, (count, _) in users(door, jobs).items()} == {0: 1}


def test_a_ring_s_time_counts_once_when_its_next_job_waits_behind(door: Libbpf) -> None:
    with loaded(door, "gpu_jobs") as jobs:
        OFFSETS.pack_into(jobs.shared(".data.offsets"), 0, 1, 0, 8, 0)
        first, second = kernel_code(), kernel_code() + 8
        run(door, jobs, "job_queued", first)
        first_fence = fence_of(door, jobs)
        began_ns = time.monotonic_ns()
        run(door, jobs, "job_run", first)
        time.sleep(WAIT_NS / 1e9)
        run(door, jobs, "job_queued", second)
        run(door, jobs, "job_run", second)
        time.sleep(WAIT_NS / 1e9)
        run(door, jobs, "job_done", first_fence)
        run(door, jobs, "job_done", fence_of(door, jobs))
        took_ns = time.monotonic_ns() - began_ns
        assert users(door, jobs)[OWN][0] == 2
        assert 2 * WAIT_NS <= users(door, jobs)[OWN][1] <= took_ns


def test_a_job_that_was_queued_before_the_probe_was_there_counts_for_nobody(door: Libbpf) -> None:
    with loaded(door, "gpu_jobs") as jobs:
        run(door, jobs, "job_queued", kernel_code())  # where the pointers lie isn't known yet
        run(door, jobs, "job_run", kernel_code())
        run(door, jobs, "job_done", kernel_code())
        assert users(door, jobs) == {}


def test_fences_and_waits_are_the_running_process_s(door: Libbpf, cards: Path) -> None:
    with opened(GpuFences(door, Cards(cards))) as probe:
        assert probe._object is not None
        run(door, probe._object, "count_fence")
        run(door, probe._object, "count_fence")
        began_ns = time.monotonic_ns()
        run(door, probe._object, "note_wait")
        time.sleep(WAIT_NS / 1e9)
        run(door, probe._object, "count_wait")
        took_ns = time.monotonic_ns() - began_ns
        row = row_of(table(probe, ActivitySection.GPU_WAITERS), OWN)
    assert (row["fences"], row["waits"]) == (2, 1)
    assert WAIT_NS <= row["wait_ns"] <= took_ns


TOTALS = ((0, OWN, 4096), (0, OWN, 12288), (0, 1, 8192), (0, 0, 20480), (1, OWN, 1), (1, OWN, 0))
"""Card, process and bytes, as a driver would tell them one after another."""


def told_of_memory(door: Libbpf, memory: BpfObject) -> tuple[Table, list[tuple[int, int, int]]]:
    """The table after TOTALS, and (pid, card, bytes) of its rows."""
    for each in TOTALS:
        run(door, memory, "note_memory", *each)
    probe = GpuMemory(door)
    probe._find_maps(memory)
    [found] = probe._tables()
    rows = (GPU_MEMORY.unpack_from(found.rows, at) for at in range(0, len(found.rows), GPU_MEMORY.size))
    return found, sorted((row[0], row[7], row[8]) for row in rows)


def test_memory_of_a_card_is_the_latest_total_of_each_process(door: Libbpf, machine_pids: None) -> None:
    with loaded(door, "gpu_memory") as memory:
        found, rows = told_of_memory(door, memory)
    assert found.record_bytes == GPU_MEMORY.size == STRUCTS["st_gpu_memory"].itemsize
    assert rows == sorted([(OWN, 0, 12288), (0, 0, 20480), (1, 0, 8192)])
    own = found.seen_by(Visibility(Mode.SEES_OWN, 0))
    assert own is not None
    assert GPU_MEMORY.unpack(own.rows)[0] == OWN  # nobody owns what is told of another process, nor the total
    assert 0 < GPU_MEMORY.unpack(own.rows)[3] < boottime_ns()


def test_who_can_become_another_user_owns_no_row_of_a_card_s_memory(door: Libbpf, machine_pids: None) -> None:
    before = os.getresuid()
    with loaded(door, "gpu_memory") as memory:
        os.setresuid(0, 0, NOBODY)
        try:
            found, rows = told_of_memory(door, memory)
        finally:
            os.setresuid(*before)
    assert (OWN, 0, 12288) in rows
    own = found.seen_by(Visibility(Mode.SEES_OWN, 0))
    assert own is not None
    assert not own.rows


def test_processes_for_which_a_card_s_table_has_no_room_are_counted_as_lost(door: Libbpf) -> None:
    with loaded(door, "gpu_memory") as memory:
        room = next(shape.entries for shape in memory.shapes() if shape.name == "gpu_memory")
        for card in range(room + SLACK + 1):
            run(door, memory, "note_memory", card, 0, 4096)
        lost = SETTINGS.unpack_from(memory.shared(".data.settings"))[0]
        assert 1 <= lost <= SLACK + 1


def test_to_a_helper_in_a_pid_namespace_without_those_processes_only_the_card_s_total_is_told(door: Libbpf) -> None:
    nobody_is_there = Path("/proc/self/ns/user").stat().st_ino  # no pid namespace has a user namespace's inode
    with loaded(door, "gpu_memory", CONSTANTS.pack(nobody_is_there, mmap.PAGESIZE, 0)) as memory:
        assert told_of_memory(door, memory)[1] == [(0, 0, 20480)]


def test_without_a_card_nothing_is_tried_and_the_reason_says_so(door: Libbpf, tmp_path: Path) -> None:
    with pytest.raises(LoaderError, match="shows no graphics card") as refused:
        GpuFences(door, Cards(tmp_path)).open()
    assert refused.value.step == "hardware"


@pytest.mark.parametrize(
    ("kind", "words"), [(GpuJobs, "gpu_scheduler:drm_sched_job_run"), (GpuMemory, "gpu_mem_total")]
)
def test_a_tracepoint_that_this_kernel_lacks_is_named(
    door: Libbpf, cards: Path, kind: type[GpuJobs | GpuMemory], words: str
) -> None:
    probe = kind(door, Cards(cards))
    with pytest.raises(LoaderError, match=f"this kernel has no tracepoint .*{words}"):
        probe.open()
    assert probe.cost().memory_bytes == 0


def test_a_sleeping_card_s_probe_holds_nothing_until_the_card_is_awake(door: Libbpf, cards: Path) -> None:
    now_s = 0.0
    put(cards, "suspended")
    with opened(GpuFences(door, Cards(cards), lambda: now_s)) as probe:
        assert probe.tables() == ()
        assert probe.cost().memory_bytes == 0
        assert "every graphics card sleeps" in probe.cost().waits_for
        put(cards, "active")
        assert probe.tables() == ()  # it looks now and then only
        now_s += LOOK_EVERY_S
        assert table(probe, ActivitySection.GPU_WAITERS) is not None
        assert probe.cost().memory_bytes > 0
        assert not probe.cost().waits_for


@pytest.mark.parametrize("state", ["suspended", "suspending"])
def test_of_several_cards_one_that_is_awake_is_enough_and_one_that_falls_asleep_is_not_kept_up(
    cards: Path, state: str
) -> None:
    put(cards, state)
    assert Cards(cards).awake() is False
    other = cards / "class/drm/card1/device/power"
    other.mkdir(parents=True)
    (other / "runtime_status").write_text("active\n")
    assert Cards(cards).awake() is True


def test_a_card_that_fell_asleep_is_left_alone_after_a_while(door: Libbpf, cards: Path) -> None:
    now_s = 0.0
    with opened(GpuFences(door, Cards(cards), lambda: now_s)) as probe:
        put(cards, "suspended")
        now_s = DORMANT_AFTER_S / 2
        assert len(probe.tables()) == 1
        now_s = DORMANT_AFTER_S + LOOK_EVERY_S
        assert probe.tables() == ()
        assert probe.cost().memory_bytes == 0
        probe.forget_idle()


def test_rows_of_others_are_for_who_sees_all(door: Libbpf, cards: Path) -> None:
    with opened(GpuFences(door, Cards(cards))) as probe:
        assert probe._object is not None
        run(door, probe._object, "count_fence")
        stranger = table(probe, ActivitySection.GPU_WAITERS, Visibility(Mode.SEES_OWN, 4711))
        assert len(rows_of(stranger, OWN)) == 0


def test_offsets_of_members_are_those_that_the_kernel_s_types_tell(door: Libbpf) -> None:
    shown = subprocess.run(
        ["bpftool", "btf", "dump", "file", KERNEL_BTF, "format", "raw"], capture_output=True, text=True, check=True
    ).stdout
    found = re.search(r"^\[\d+\] STRUCT 'dma_fence' .*\n(?:\t.*\n)*?\t'seqno' .*bits_offset=(\d+)", shown, re.MULTILINE)
    assert found
    types = ModuleTypes(door, "gpu_sched")  # not loaded here: the kernel's own types are looked at
    try:
        assert types.offset("dma_fence", "seqno") == int(found[1]) // 8
        with pytest.raises(LoaderError, match="has no struct st_none"):
            types.offset("st_none", "a")
        with pytest.raises(LoaderError, match="with a member st_none"):
            types.offset("dma_fence", "st_none")
    finally:
        types.close()
