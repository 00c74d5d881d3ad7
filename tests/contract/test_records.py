"""bpf/records.h against everything in the helper and the app's domain that reads or writes its structs."""

import re
import struct

import pytest

from helper.probes import (
    bcc_programs,
    events,
    late_exits,
    proc_snapshot,
    process_events,
    program,
    row_table,
    task_snapshot,
    visibility,
)
from smoothtask_gui.domain.batch import EXITED, Missing
from tests.contract.layout import BPF_FOLDER, RECORDS, Layout, Member, fields_of, places_of, read_constants, read_header

LAYOUTS = read_header()
CONSTANTS = read_constants()
BCC_MAPS = read_header(BPF_FOLDER / "bcc" / "process_maps.h", before=f'#include "{RECORDS}"')
SETTINGS = read_header(BPF_FOLDER / "settings.h", before=f'#include "{RECORDS}"')


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=lambda layout: layout.name)
def test_a_struct_has_no_hidden_padding_and_is_a_multiple_of_eight_bytes(layout: Layout) -> None:
    end = 0
    for name, member in layout.members.items():
        assert member.offset == end, f"hole before {name}"
        end = member.offset + member.size
    assert end == layout.size
    assert layout.size % 8 == 0


def test_the_compiler_was_asked_for_every_struct_of_the_header() -> None:
    declared = re.findall(r"^struct (\w+) \{", RECORDS.read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(LAYOUTS) == sorted(declared)
    assert len(declared) > 10


def test_the_apps_roll_up_rows_are_laid_out_as_the_kernel_writes_them() -> None:
    layout = LAYOUTS["st_exited"]
    assert EXITED.itemsize == layout.size
    assert list(fields_of(EXITED).values()) == list(layout.members.values())
    named = {name: member for name, member in layout.members.items() if name != "uids_differ"}
    assert named.items() <= fields_of(EXITED).items()


def test_the_apps_missing_bits_are_those_of_the_records() -> None:
    assert CONSTANTS["ST_MISSING_IO"] == Missing.IO
    assert CONSTANTS["ST_MISSING_RSS"] == Missing.RSS
    assert CONSTANTS["ST_MISSING_DELAY"] == Missing.RUN_DELAY
    assert CONSTANTS["ST_MISSING_PARENT"] == Missing.PARENT
    assert CONSTANTS["ST_MISSING_FAULTS"] == Missing.FAULTS
    assert CONSTANTS["ST_MISSING_EXIT_CODE"] == Missing.EXIT_CODE
    assert CONSTANTS["ST_MISSING_CGROUP"] == Missing.CGROUP


def test_the_helper_steps_over_task_rows_by_their_real_size() -> None:
    assert LAYOUTS["st_task"].size == row_table.TASK_BYTES


@pytest.mark.parametrize(
    ("layout", "packed"),
    [
        (LAYOUTS["st_exited"], process_events.EXITED),
        (LAYOUTS["st_counters"], process_events.COUNTERS),
        (SETTINGS["st_constants"], program.CONSTANTS),
        (SETTINGS["st_snapshot_settings"], task_snapshot.SETTINGS),
        (SETTINGS["st_event_settings"], events.SETTINGS),
        (BCC_MAPS["run"], bcc_programs.RUN),
        (BCC_MAPS["process"], bcc_programs.PROCESS),
    ],
    ids=lambda each: getattr(each, "name", ""),
)
def test_the_helper_packs_a_struct_as_the_compiler_does(layout: Layout, packed: struct.Struct) -> None:
    assert packed.size == layout.size
    assert places_of(packed) == list(layout.members.values())


def test_the_overflow_row_follows_the_process_settings() -> None:
    settings = SETTINGS["st_process_settings"]
    assert settings.members["overflow"].offset == process_events.SETTINGS.size
    assert settings.members["last_snapshot_ns"].offset == 0
    assert settings.members["epoch_ns"].offset == 8
    assert settings.members["lost_exits"].offset == process_events.LOST_AT
    assert settings.members["roll_ups"].offset == process_events.LOST_AT + 8


def test_the_epochs_of_exits_follow_the_overflow_row() -> None:
    settings = SETTINGS["st_process_settings"]
    waiting = process_events.SETTINGS.size + process_events.EXITED.size
    assert settings.members["waiting"] == Member(waiting, late_exits.WAITING.size)
    assert settings.members["first_young_epoch"].offset == waiting + late_exits.WAITING.size
    assert settings.size == waiting + late_exits.WAITING.size + late_exits.COUNTING.size


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("st_event_exit", visibility.EVENT_PLACES[CONSTANTS["ST_EVENT_EXIT"]]),
        ("st_event_oom_kill", visibility.EVENT_PLACES[CONSTANTS["ST_EVENT_OOM_KILL"]]),
    ],
)
def test_masking_hits_the_members_it_means(name: str, place: visibility._Place) -> None:
    members = LAYOUTS[name].members
    assert place.uid == members["uid"].offset
    if place.read_bytes is not None:
        assert place.read_bytes == members["read_bytes"].offset
        assert members["write_bytes"] == Member(place.read_bytes + 8, 8)
        assert place.missing == members["missing"].offset
        assert place.uids_differ == members["uids_differ"].offset


@pytest.mark.parametrize(
    ("name", "owner", "places"), [("st_task", "owner", row_table.TASK), ("st_exited", "uid", row_table.EXITED)]
)
def test_masking_of_rows_hits_the_members_it_means(name: str, owner: str, places: row_table.Places) -> None:
    members = LAYOUTS[name].members
    assert places.record_bytes == LAYOUTS[name].size
    assert members[owner] == Member(places.owner, 4)
    assert members["read_bytes"] == Member(places.read_bytes, 8)
    assert members["write_bytes"] == Member(places.read_bytes + 8, 8)
    assert members["missing"] == Member(places.missing, 4)
    assert CONSTANTS["ST_MISSING_IO"] == visibility.MISSING_IO
    if places.uids_differ is not None:
        assert members["uids_differ"] == Member(places.uids_differ, 4)


def test_rows_made_from_proc_are_laid_out_as_those_of_the_iterator() -> None:
    members = [member for name, member in LAYOUTS["st_task"].members.items() if name != "pad"]
    assert proc_snapshot.TASK.size == LAYOUTS["st_task"].size
    assert places_of(proc_snapshot.TASK) == members


def test_an_owner_found_later_is_written_where_the_record_has_it() -> None:
    begin = LAYOUTS["st_event_socket_closed"].members["socket"].offset
    members = LAYOUTS["st_socket"].members
    places = [begin + members[name].offset for name in ("pid", "pid_start_ns", "missing")]
    assert places == [bcc_programs.OWNER_PID, bcc_programs.OWNER_START_NS, bcc_programs.MISSING]


def test_visibility_modes_are_those_of_the_records() -> None:
    assert {f"ST_{mode.name}": int(mode) for mode in visibility.Mode} == {
        name: value for name, value in CONSTANTS.items() if name.startswith("ST_SEES_")
    }


def test_every_event_begins_with_its_head() -> None:
    events = [layout for name, layout in LAYOUTS.items() if name.startswith("st_event_")]
    assert len(events) == 5
    assert all(layout.members["head"] == Member(0, LAYOUTS["st_event"].size) for layout in events)


def test_places_of_a_format_include_the_compilers_alignment() -> None:
    assert places_of(struct.Struct("@IQ3sx")) == [Member(0, 4), Member(8, 8), Member(16, 3)]
