"""What the probes of sockets and disks read and write, against bpf/records.h and bpf/settings.h."""

import struct

import pytest

from helper.probes import block_io, message_programs, socket_events, socket_owners, socket_table, sockets, visibility
from helper.sampler import network
from tests.contract.layout import BPF_FOLDER, RECORDS, Layout, Member, places_of, read_constants, read_header

LAYOUTS = read_header()
CONSTANTS = read_constants()
SETTINGS = read_header(BPF_FOLDER / "settings.h", before=f'#include "{RECORDS}"')
SETTINGS_CONSTANTS = read_constants(BPF_FOLDER / "settings.h", before=f'#include "{RECORDS}"')


@pytest.mark.parametrize(
    ("layout", "packed"),
    [
        (LAYOUTS["st_traffic"], socket_events.TRAFFIC),
        (SETTINGS["st_socket_settings"], sockets.SETTINGS),
        (SETTINGS["st_message_runs"], message_programs.RUNS),
    ],
    ids=lambda each: getattr(each, "name", ""),
)
def test_the_helper_packs_a_struct_as_the_compiler_does(layout: Layout, packed: struct.Struct) -> None:
    assert packed.size == layout.size
    assert places_of(packed) == list(layout.members.values())


def test_the_helper_packs_block_rows_as_the_compiler_does() -> None:
    layout = LAYOUTS["st_block_io"]
    *fields, latencies = layout.members.values()
    places = places_of(block_io.BLOCK_IO)
    assert block_io.BLOCK_IO.size == layout.size
    assert places[: len(fields)] == fields
    buckets = CONSTANTS["ST_LATENCY_BUCKETS"]
    assert places[len(fields) :] == [Member(latencies.offset + 8 * at, 8) for at in range(buckets)]
    assert SETTINGS["st_block_settings"].members["overflow"] == Member(0, layout.size)


def test_the_helper_steps_over_socket_rows_by_their_real_size() -> None:
    assert LAYOUTS["st_socket"].size == socket_table.SOCKET_BYTES
    assert LAYOUTS["st_socket"].members["uid"] == Member(socket_table.UID_AT, 4)
    assert LAYOUTS["st_socket"].members["missing"] == Member(socket_table.MISSING_AT, 4)
    assert CONSTANTS["ST_MISSING_UID"] == socket_table.MISSING_UID
    assert LAYOUTS["st_socket_owner"].size == socket_owners.OWNER_BYTES


def test_the_socket_probes_read_their_settings_where_the_programs_write_them() -> None:
    settings = SETTINGS["st_traffic_settings"]
    assert SETTINGS["st_socket_settings"].members["unowned"].offset == sockets.UNOWNED_AT
    assert settings.members["overflow"] == Member(socket_events.SETTINGS.size, LAYOUTS["st_traffic"].size)
    found = ("known", "known_udp", "bound_udp", "unremembered")
    assert [SETTINGS["st_socket_settings"].members[name] for name in found] == [
        Member(sockets.FOUND_AT + 4 * place, 4) for place in range(len(found))
    ]
    assert SETTINGS_CONSTANTS["ST_KNOWN_SOCKETS"] == sockets.MOST_KNOWN
    assert settings.members["unremembered"].offset == socket_events.UNREMEMBERED_AT
    assert settings.members["closings"].offset == socket_events.UNREMEMBERED_AT + 8
    assert settings.members["missing"].offset == socket_events.MISSING_AT
    assert settings.members["lost_events"].offset == 0
    assert CONSTANTS["ST_MISSING_TRAFFIC"] == socket_events.MISSING_TRAFFIC
    assert LAYOUTS["st_traffic"].members["missing"] == Member(socket_events.ROW_MISSING_AT, 4)


def test_masking_of_a_closed_connection_finds_its_user() -> None:
    place = visibility.EVENT_PLACES[CONSTANTS["ST_EVENT_SOCKET_CLOSED"]]
    socket = LAYOUTS["st_event_socket_closed"].members["socket"]
    assert place.uid == socket.offset + LAYOUTS["st_socket"].members["uid"].offset
    assert place.is_private


def test_the_sampler_finds_identities_in_rows_where_the_programs_write_them() -> None:
    owner, task = LAYOUTS["st_socket_owner"], LAYOUTS["st_task"]
    assert network._OWNER.size == owner.size
    assert places_of(network._OWNER) == list(owner.members.values())
    assert network._TASK_IDENTITY.size == task.size
    named = [task.members[name].offset for name in ("pid", "tgid", "start_ns")]
    assert named == [0, 4, 16]
