"""Thermal events as the kernel's side writes them, through the helper's packet and the app's decoder.

A build machine has no thermal zone, so the bytes come from a C program that fills the structs of bpf/records.h as
bpf/thermal_events.bpf.c does, with the readings of a real run: a virtual machine's ACPI zone heated to 97 °C.
"""

from __future__ import annotations

import pytest

from helper.probes.visibility import Mode, Visibility
from helper.sampler import packets
from smoothtask_gui.domain.batch import CoolingEvent, KernelEvent, ThermalEvent
from smoothtask_gui.sources.packets import decode_packet
from tests.contract.layout import RECORDS, run_c

HEAD = ".head = { .kind = %s, .bytes = sizeof(event), .boottime_ns = 12345678901234567 }"
ZONE = '.zone_id = 0, .temperature_mc = %d, .last_temperature_mc = %d, .zone_type = "acpitz"'


def as_the_kernel_writes(struct: str, members: str) -> bytes:
    """The bytes of one record with these members, everything else zero."""
    code = [
        f"struct {struct} event = {{ {members} }};",
        "for (size_t at = 0; at < sizeof(event); at++)",
        'printf("%02x", ((unsigned char *)&event)[at]);',
    ]
    return bytes.fromhex(run_c(RECORDS, "", code))


def thermal(kind: str, reading: str, trip: str) -> bytes:
    return as_the_kernel_writes("st_event_thermal", f"{HEAD % kind}, {reading}, {trip}")


def replayed(record: bytes) -> object:
    """What the app makes of a record that a viewer of the least rights is shown."""
    shown = Visibility(Mode.SEES_OWN, 1000).event(record)
    assert shown == record
    return decode_packet(packets.packet(packets.EVENT, shown))


def test_a_zone_that_was_read_comes_with_both_temperatures_and_no_trip() -> None:
    record = thermal("ST_EVENT_TEMPERATURE", ZONE % (97_000, 45_500), ".trip_index = -1, .trip_type = -1")
    assert replayed(record) == ThermalEvent(12345678901234567, 0, "acpitz", 97.0, 45.5, None, None)


@pytest.mark.parametrize(
    ("trip_type", "name"), [(0, "active"), (1, "passive"), (2, "hot"), (3, "critical"), (4, None), (-1, None)]
)
def test_a_crossed_trip_point_comes_with_its_kind(trip_type: int, name: str | None) -> None:
    record = thermal("ST_EVENT_TRIP", ZONE % (97_000, 97_000), f".trip_index = 2, .trip_type = {trip_type}")
    assert replayed(record) == ThermalEvent(12345678901234567, 0, "acpitz", 97.0, 97.0, 2, name)


def test_a_zone_below_zero_stays_below_zero() -> None:
    record = thermal("ST_EVENT_TEMPERATURE", ZONE % (-5_250, -6_000), ".trip_index = -1, .trip_type = -1")
    event = replayed(record)
    assert isinstance(event, ThermalEvent)
    assert (event.temperature_c, event.last_temperature_c) == (-5.25, -6.0)


def test_a_zone_without_a_reading_has_none_instead_of_its_sentinel() -> None:
    zone = (ZONE % (0, 0)).replace("= 0, .last", "= ST_NO_TEMPERATURE_MC, .last").replace("mc = 0", "mc = -274000")
    event = replayed(thermal("ST_EVENT_TRIP", zone, ".trip_index = 1, .trip_type = 3"))
    assert event == ThermalEvent(12345678901234567, 0, "acpitz", None, None, 1, "critical")


def test_a_name_of_full_length_and_one_in_another_script_survive() -> None:
    for name in ("x86_pkg_temperature", "Gehäuse"):
        zone = (ZONE % (40_000, 40_000)).replace("acpitz", name)
        event = replayed(thermal("ST_EVENT_TEMPERATURE", zone, ".trip_index = -1, .trip_type = -1"))
        assert isinstance(event, ThermalEvent)
        assert event.zone_type == name


@pytest.mark.parametrize(("target", "most"), [(2, 10), (0, 10), (1, 0), (2**64 - 1, 2**64 - 1)])
def test_a_cooling_device_comes_with_its_state(target: int, most: int) -> None:
    states = f'.target_state = {target}u, .max_state = {most}u, .device_type = "Processor"'
    record = as_the_kernel_writes("st_event_cooling", f"{HEAD % 'ST_EVENT_COOLING'}, .device_id = 3, {states}")
    expected: KernelEvent = CoolingEvent(12345678901234567, 3, "Processor", target, most)
    assert replayed(record) == expected
