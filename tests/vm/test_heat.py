"""Real heat: the host sets the temperature of the guest's ACPI thermal zone (packaging/dev/vm/thermal.asl)."""

from __future__ import annotations

import os
import select
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from smoothtask_gui.domain.batch import CoolingEvent, ThermalEvent
from smoothtask_gui.sources.packets import decode_packet
from tests.vm.kernel_words import packet_with

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator

    from tests.vm.conftest import Machine

HEAT_PORT: Final = 0x2FF
COOL_C, HOT_C = 45, 97
PATIENCE_S: Final = 30.0


class Listener:
    """The thermal events that the guest's probe has told so far."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        self._fd = process.stdout.fileno()
        self._text = ""
        self.until(lambda: "ready\n" in self._text)

    def events(self) -> list[ThermalEvent | CoolingEvent]:
        whole = self._text[: self._text.rfind("\n") + 1].split()[1:]
        told = [decode_packet(packet_with(bytes.fromhex(line))) for line in whole]
        assert all(isinstance(one, ThermalEvent | CoolingEvent) for one in told)
        return [one for one in told if isinstance(one, ThermalEvent | CoolingEvent)]

    def zone(self) -> list[ThermalEvent]:
        return [one for one in self.events() if isinstance(one, ThermalEvent)]

    def until(self, holds: Callable[[], object]) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not holds():
            ready, _, _ = select.select([self._fd], [], [], max(deadline - time.monotonic(), 0))
            assert ready, f"waited in vain; told were: {self.events()}"
            self._text += os.read(self._fd, 1 << 16).decode()


@contextmanager
def listening(machine: Machine) -> Iterator[Listener]:
    process = machine.begin("thermal")
    try:
        yield Listener(process)
    finally:
        machine.guest.monitor.write_port(HEAT_PORT, 0)
        process.stdin.close() if process.stdin else None
        process.wait(PATIENCE_S)
        process.stdout.close() if process.stdout else None


def test_a_heated_zone_tells_its_temperature_its_trips_and_its_cooling(machine: Machine) -> None:
    with listening(machine) as listener:
        machine.guest.monitor.write_port(HEAT_PORT, HOT_C)
        listener.until(lambda: any(one.temperature_c == HOT_C for one in listener.zone()))
        listener.until(lambda: {"active", "passive", "hot"} <= {one.trip_type for one in listener.zone()})
        listener.until(lambda: any(isinstance(one, CoolingEvent) and one.target_state for one in listener.events()))
        limits = machine.sh("cd /sys/class/thermal/thermal_zone0; cat type temp; grep -H . trip_point_*_type").split()
        machine.guest.monitor.write_port(HEAT_PORT, COOL_C)
        listener.until(lambda: listener.zone()[-1].temperature_c == COOL_C)
    assert limits[:2] == ["acpitz", str(1000 * HOT_C)]
    trips = [one for one in listener.zone() if one.trip_index is not None]
    assert {one.zone_type for one in listener.zone()} == {"acpitz"}
    assert {one.zone_id for one in listener.zone()} == {0}
    for trip in trips:
        assert f"trip_point_{trip.trip_index}_type:{trip.trip_type}" in limits
    fans = [one for one in listener.events() if isinstance(one, CoolingEvent) and one.device_type == "Fan"]
    assert any(one.target_state == 1 for one in fans)


def test_the_zone_is_a_sensor_with_its_limits(machine: Machine) -> None:
    machine.guest.monitor.write_port(HEAT_PORT, 61)
    deadline = time.monotonic() + PATIENCE_S
    while (told := machine.inside("sensors"))[0]["temperature_c"] != 61:
        assert time.monotonic() < deadline, told
    machine.guest.monitor.write_port(HEAT_PORT, 0)
    assert [(one["driver"], one["max_c"], one["critical_c"], one["reason"]) for one in told] == [
        ("acpitz", 95.0, 110.0, "")
    ]
