from __future__ import annotations

import pytest

from smoothtask_gui.domain.batch import Lost
from smoothtask_gui.domain.incident import Severity
from smoothtask_gui.domain.monitor import Monitor
from smoothtask_gui.domain.rules import Rules, Runaway
from tests.fakes.batches import Machine, throttle
from tests.fakes.watching import run, told


@pytest.fixture
def machine() -> Machine:
    found = Machine(cpus=4)
    found.hot(60)
    found.start("HandBrakeCLI", 2.8)
    return found


@pytest.fixture
def monitor() -> Monitor:
    return Monitor(Rules(runaway=Runaway(enabled=False)))


def test_throttling_is_told_at_once_and_counted(monitor: Monitor, machine: Machine) -> None:
    machine.hot(85)
    run(monitor, machine, 70)
    (incident,) = told(monitor.receive_event(throttle(machine.now_ns, 2)))
    assert incident.title == "CPU throttled at 85 °C: HandBrakeCLI is heating it"
    assert incident.severity is Severity.WARNING
    run(monitor, machine, 8)
    assert "Throttled for 8 s." in monitor.view().open_incidents[0].body
    monitor.receive_event(throttle(machine.now_ns, 0))
    (resolved,) = told(run(monitor, machine, 20))
    assert resolved.title.startswith("CPU cooled down to 85 °C")


def test_throttling_whose_end_was_lost_does_not_stay_for_ever(monitor: Monitor, machine: Machine) -> None:
    run(monitor, machine, 10)
    monitor.receive_event(throttle(machine.now_ns, 2))
    machine.lost = Lost(events=1)
    run(monitor, machine, 60)
    assert monitor.view().open_incidents == ()


def test_losses_before_the_source_was_watched_end_nothing(monitor: Monitor, machine: Machine) -> None:
    """Of a throttling that the first reading told, nothing has been lost since."""
    machine.lost = Lost(events=7)
    run(monitor, machine, 1)
    assert told(monitor.receive_event(throttle(machine.now_ns, 2)))
    run(monitor, machine, 30)
    assert monitor.view().open_incidents
    monitor.source_changed("helper", "restarted")
    machine.lost = Lost(events=2)
    run(monitor, machine, 1)
    monitor.receive_event(throttle(machine.now_ns, 2))
    run(monitor, machine, 30)
    assert "Throttled for 30 s." in monitor.view().open_incidents[0].body


def test_throttling_from_the_start_is_told_and_ends_with_its_event(monitor: Monitor, machine: Machine) -> None:
    machine.hot(85)
    run(monitor, machine, 1)
    (incident,) = told(monitor.receive_event(throttle(machine.now_ns, 2)))
    assert incident.title.startswith("CPU throttled")
    run(monitor, machine, 10)
    (open_,) = monitor.view().open_incidents
    assert open_.title == "CPU throttled at 85 °C: HandBrakeCLI is heating it"
    assert "Throttled for 10 s." in open_.body
    monitor.receive_event(throttle(machine.now_ns, 0))
    (resolved,) = told(run(monitor, machine, 20))
    assert resolved.title.startswith("CPU cooled down to 85 °C")


def test_throttling_lasts_until_the_last_device_has_ended_it(monitor: Monitor, machine: Machine) -> None:
    run(monitor, machine, 10)
    for device in (0, 1):
        monitor.receive_event(throttle(machine.now_ns, 2, device_id=device))
    monitor.receive_event(throttle(machine.now_ns, 0, device_id=1))
    run(monitor, machine, 60)
    assert monitor.view().open_incidents
    monitor.receive_event(throttle(machine.now_ns, 0, device_id=0))
    run(monitor, machine, 20)
    assert monitor.view().open_incidents == ()


def test_devices_of_unknown_number_are_told_apart_by_their_type(monitor: Monitor, machine: Machine) -> None:
    run(monitor, machine, 10)
    for name in ("Processor", "intel_powerclamp"):
        monitor.receive_event(throttle(machine.now_ns, 2, device_id=-1, device_type=name))
    monitor.receive_event(throttle(machine.now_ns, 0, device_id=-1, device_type="Processor"))
    run(monitor, machine, 60)
    assert monitor.view().open_incidents
    monitor.receive_event(throttle(machine.now_ns, 0, device_id=-1, device_type="intel_powerclamp"))
    run(monitor, machine, 20)
    assert monitor.view().open_incidents == ()


def test_throttling_is_told_where_the_kernel_keeps_no_highest_state(monitor: Monitor, machine: Machine) -> None:
    """Before 6.2, and with the BCC loader."""
    machine.hot(85)
    run(monitor, machine, 10)
    assert told(monitor.receive_event(throttle(machine.now_ns, 2, max_state=0)))


def test_a_fan_that_starts_is_no_throttling(monitor: Monitor, machine: Machine) -> None:
    run(monitor, machine, 10)
    assert monitor.receive_event(throttle(machine.now_ns, 1, device_type="Fan")) == ()


def test_throttling_that_becomes_critical_is_told_in_the_same_notification(monitor: Monitor, machine: Machine) -> None:
    run(monitor, machine, 10)
    (warned,) = told(monitor.receive_event(throttle(machine.now_ns, 2)))
    machine.hot(99)
    (worse,) = told(run(monitor, machine, 5))
    assert worse.id == warned.id
    assert worse.severity is Severity.CRITICAL
