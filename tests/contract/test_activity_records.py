"""The activity structs and their numbers against everything in the helper and the app that reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from helper.probes import (
    activity,
    cpu_frequency,
    energy,
    file_activity,
    gpu_fences,
    gpu_jobs,
    gpu_memory,
    memory_reclaim,
    run_queue,
    syscalls,
    unix_sockets,
    unix_table,
)
from helper.sampler import unix
from smoothtask_gui.domain.activity import DURATIONS
from smoothtask_gui.sources.activity import ActivitySection
from smoothtask_gui.sources.activity_kinds import OPT_IN, ActivityKinds
from tests.contract.layout import BPF_FOLDER, RECORDS, Layout, Member, places_of, read_constants, read_header

if TYPE_CHECKING:
    import struct

LAYOUTS = read_header()
CONSTANTS = read_constants()
SETTINGS = read_header(BPF_FOLDER / "settings.h", before=f'#include "{RECORDS}"')
SETTINGS_CONSTANTS = read_constants(BPF_FOLDER / "settings.h", before=f'#include "{RECORDS}"')
WITH_ACTOR = {
    "st_reclaim": memory_reclaim.RECLAIM,
    "st_caller": syscalls.CALLER,
    "st_file_user": file_activity.FILE_USER,
    "st_gpu_user": gpu_jobs.GPU_USER,
    "st_gpu_waiter": gpu_fences.GPU_WAITER,
    "st_gpu_memory": gpu_memory.GPU_MEMORY,
}


@pytest.mark.parametrize(
    ("layout", "packed"),
    [
        (LAYOUTS["st_cpu_frequency"], cpu_frequency.CPU_FREQUENCY),
        (LAYOUTS["st_energy"], energy.ENERGY),
        (SETTINGS["st_activity_settings"], activity.SETTINGS),
        (SETTINGS["st_gpu_offsets"], gpu_jobs.OFFSETS),
        (SETTINGS["st_unix_settings"], unix_sockets.SETTINGS),
    ],
    ids=lambda each: getattr(each, "name", ""),
)
def test_the_helper_unpacks_a_struct_as_the_compiler_lays_it_out(layout: Layout, packed: struct.Struct) -> None:
    assert packed.size == layout.size
    assert places_of(packed) == list(layout.members.values())


def test_the_helper_finds_whose_row_it_is() -> None:
    members = dict(LAYOUTS["st_actor"].members)
    del members["pad"]
    assert activity.ACTOR.size == LAYOUTS["st_actor"].size
    assert places_of(activity.ACTOR) == list(members.values())


@pytest.mark.parametrize("name", WITH_ACTOR)
def test_a_row_of_a_process_is_its_actor_and_nothing_but_counters(name: str) -> None:
    layout = LAYOUTS[name]
    assert layout.size == WITH_ACTOR[name].size
    assert layout.members["actor"] == Member(0, activity.ACTOR.size)
    assert {member.size for key, member in layout.members.items() if key != "actor"} == {8}


@pytest.mark.parametrize(
    ("name", "packed", "not_summed"),
    [
        ("st_run_queue", run_queue.RUN_QUEUE, run_queue.LONGEST),
        ("st_syscall", syscalls.SYSCALL, syscalls.NUMBER),
    ],
)
def test_what_is_added_up_over_cpus_is_counters_only(
    name: str, packed: struct.Struct, not_summed: struct.Struct
) -> None:
    layout = LAYOUTS[name]
    assert layout.size == packed.size
    summed = [member for member in layout.members.values() if member.offset >= not_summed.size]
    assert {member.size for member in summed} == {8, 8 * DURATIONS}
    assert summed[0].offset == not_summed.size


def test_file_system_rows_have_the_helpers_size() -> None:
    assert LAYOUTS["st_file_system"].size == file_activity.FILE_SYSTEM.size


def test_the_helper_steps_over_unix_sockets_and_holders_by_their_real_size() -> None:
    socket, holder = LAYOUTS["st_unix_socket"], LAYOUTS["st_unix_holder"]
    assert (socket.size, holder.size) == (unix_table.SOCKET_BYTES, unix_table.HOLDER_BYTES)
    assert socket.members["inode"] == Member(unix_table.SOCKET_INODE_AT, 8)
    assert socket.members["uid"] == Member(unix_table.SOCKET_UID_AT, 4)
    assert holder.members["inode"] == Member(unix_table.HOLDER_INODE_AT, 8)
    assert holder.members["owner"] == Member(unix_table.HOLDER_OWNER_AT, 4)
    reading = dict(LAYOUTS["st_unix_reading"].members)
    del reading["pad"]
    assert unix.READING.size == LAYOUTS["st_unix_reading"].size
    assert places_of(unix.READING) == list(reading.values())
    assert SETTINGS_CONSTANTS["ST_UNIX_ROWS"] == unix_sockets.MOST_AT_ONCE


def test_kinds_and_sections_have_the_headers_numbers() -> None:
    helper_sections = {
        "ST_SECTION_RECLAIM": memory_reclaim.SECTION_RECLAIM,
        "ST_SECTION_CPU_FREQUENCY": cpu_frequency.SECTION_CPU_FREQUENCY,
        "ST_SECTION_RUN_QUEUE": run_queue.SECTION_RUN_QUEUE,
        "ST_SECTION_CALLERS": syscalls.SECTION_CALLERS,
        "ST_SECTION_SYSCALLS": syscalls.SECTION_SYSCALLS,
        "ST_SECTION_FILE_USERS": file_activity.SECTION_FILE_USERS,
        "ST_SECTION_FILE_SYSTEMS": file_activity.SECTION_FILE_SYSTEMS,
        "ST_SECTION_ENERGY": energy.SECTION_ENERGY,
        "ST_SECTION_GPU_USERS": gpu_jobs.SECTION_GPU_USERS,
        "ST_SECTION_GPU_WAITERS": gpu_fences.SECTION_GPU_WAITERS,
        "ST_SECTION_GPU_MEMORY": gpu_memory.SECTION_GPU_MEMORY,
        "ST_SECTION_UNIX_READING": unix_table.SECTION_UNIX_READING,
        "ST_SECTION_UNIX_SOCKETS": unix_table.SECTION_UNIX_SOCKETS,
        "ST_SECTION_UNIX_HOLDERS": unix_table.SECTION_UNIX_HOLDERS,
    }
    app_sections = {f"ST_SECTION_{section.name}": int(section) for section in ActivitySection}
    app_kinds = {f"ST_KIND_{kind.name}": int(kind) for kind in ActivityKinds}
    numbers = app_kinds | {"ST_DURATIONS": DURATIONS, "ST_KINDS_OPT_IN": int(OPT_IN)}
    assert app_sections == helper_sections
    assert (app_sections | numbers).items() <= CONSTANTS.items()
