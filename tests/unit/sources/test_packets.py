from __future__ import annotations

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smoothtask_gui.domain.batch import CoolingEvent, OomKill, ProcessExit, ThermalEvent
from smoothtask_gui.sources import records
from smoothtask_gui.sources.frames import FrameError
from smoothtask_gui.sources.packets import Bye, Hello, Tick, decode_packet
from tests.fakes.stream import event, packet, struct

Kind = records.PacketKind


def test_hello_and_tick_say_what_the_stream_is_and_lost() -> None:
    hello = struct(records.HELLO, stream_id=2**40, period_ms=500, kinds=15, visibility=2, uid=1000)
    assert decode_packet(packet(Kind.HELLO, hello)) == Hello(2**40, 500, records.Kinds(15), 2, 1000)
    tick = struct(records.TICK, sequence=3, lost_ticks=2, lost_events=1, frame_bytes=99)
    assert decode_packet(packet(Kind.TICK, tick)) == Tick(3, 2, 1, 99)


def test_an_exit_without_io_has_none_of_it() -> None:
    octets = event(records.EVENT_EXIT, 1, pid=7, start_ns=3, run_ns=9, comm=b"a\0b", missing=1, exit_code=256)
    assert decode_packet(octets) == ProcessExit(5, 7, 0, 0, 3, 9, 256, "a", None, None)


def test_an_oom_kill_names_its_victim() -> None:
    octets = event(records.EVENT_OOM_KILL, 2, pid=7, uid=1, start_ns=3, rss_bytes=4096, comm=b"\xffx")
    assert decode_packet(octets) == OomKill(5, 7, 1, 3, 4096, "\\xffx")


@pytest.mark.parametrize(
    ("kind", "trip_type", "expected"),
    [(3, -1, (None, None)), (4, 3, (2, "critical")), (4, 0, (2, "active")), (4, 77, (2, None))],
)
def test_a_thermal_event_has_a_trip_only_if_one_was_crossed(
    kind: int, trip_type: int, expected: tuple[int | None, str | None]
) -> None:
    octets = event(
        records.EVENT_THERMAL,
        kind,
        zone_id=1,
        temperature_mc=97_500,
        last_temperature_mc=-1000,
        trip_index=2,
        trip_type=trip_type,
        zone_type=b"acpitz",
    )
    assert decode_packet(octets) == ThermalEvent(5, 1, "acpitz", 97.5, -1.0, *expected)


def test_a_zone_without_a_reading_has_no_temperature() -> None:
    invalid = records.NO_TEMPERATURE_MC
    octets = event(records.EVENT_THERMAL, 4, temperature_mc=invalid, last_temperature_mc=invalid, trip_type=3)
    assert decode_packet(octets) == ThermalEvent(5, 0, "", None, None, 0, "critical")


def test_a_cooling_event_says_how_far() -> None:
    octets = event(records.EVENT_COOLING, 5, device_id=4, target_state=2, max_state=10, device_type=b"Processor")
    assert decode_packet(octets) == CoolingEvent(5, 4, "Processor", 2, 10)


def test_kinds_of_a_newer_helper_are_passed_over() -> None:
    assert decode_packet(packet(77, b"12345678")) is None
    assert decode_packet(packet(Kind.EVENT, struct(records.EVENT, kind=77, bytes=16))) is None


def test_bye_says_why() -> None:
    found = decode_packet(packet(Kind.BYE, struct(records.BYE, reason=2)))
    assert found == Bye("the permission to watch processes was taken back")
    assert decode_packet(packet(Kind.BYE, struct(records.BYE, reason=9))) == Bye("the helper gave reason 9")


def test_a_higher_version_is_refused_naming_both() -> None:
    with pytest.raises(FrameError, match=r"version 2.*only 1"):
        decode_packet(packet(Kind.HELLO, version=2))


def test_a_packet_shorter_than_its_kind_needs_is_refused() -> None:
    whole = event(records.EVENT_EXIT, 1)
    for cut in range(len(whole)):
        with pytest.raises(FrameError):
            decode_packet(whole[:cut])


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200), st.integers(0, 6))
def test_any_body_gives_a_value_or_a_frame_error(body: bytes, kind: int) -> None:
    with contextlib.suppress(FrameError):
        decode_packet(packet(kind, body))
