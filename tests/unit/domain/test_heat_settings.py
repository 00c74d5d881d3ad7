"""What a rules file may say of heat: how severe it is, what excuses it, what is offered, and limits of one's own."""

from dataclasses import replace

import pytest

from smoothtask_gui.domain.batch import SensorReading
from smoothtask_gui.domain.incident import Action, IncidentState, Severity
from smoothtask_gui.domain.monitor import Monitor
from smoothtask_gui.domain.rules import parse_rules
from tests.fakes.batches import Machine, trip
from tests.fakes.watching import run, told


@pytest.fixture
def machine() -> Machine:
    found = Machine(cpus=4)
    found.hot(60)
    found.start("HandBrakeCLI", 2.8)
    return found


def ruled(text: str) -> Monitor:
    return Monitor(parse_rules(f"[runaway]\nenabled = false\n{text}", "my.toml"))


@pytest.mark.parametrize(
    ("text", "severity"),
    [
        ('severity = "warning"', Severity.WARNING),
        ('severity = "warning"\ncritical_when = "headroom_c <= 5"', Severity.CRITICAL),
        ('severity = "warning"\ncritical_when = "headroom_c <= 1"', Severity.WARNING),
        ('severity = "by_limit"', Severity.CRITICAL),
    ],
)
def test_how_severe_heat_is_can_be_set(machine: Machine, text: str, severity: Severity) -> None:
    monitor = ruled(f"[overheating]\n{text}\n")
    machine.hot(96)
    (incident,) = told(run(monitor, machine, 20))
    assert incident.severity is severity


def test_an_excuse_keeps_heat_from_beginning_and_does_not_end_it(machine: Machine) -> None:
    monitor = ruled('[overheating]\nunless = "on_battery"\n')
    machine.values["on_battery"] = True
    machine.hot(96)
    assert told(run(monitor, machine, 40)) == []
    assert told(monitor.receive_event(trip(machine.now_ns, 97))) == []
    machine.values["on_battery"] = False
    (incident,) = told(run(monitor, machine, 12))
    assert incident.rule == "overheating"
    machine.values["on_battery"] = True
    run(monitor, machine, 40)
    assert [one.state for one in monitor.incidents] == [IncidentState.FIRING]


def test_an_unknown_excuse_excuses_nothing(machine: Machine) -> None:
    monitor = ruled('[overheating]\nunless = "full_screen"\n')
    machine.hot(96)
    assert len(told(run(monitor, machine, 20))) == 1


def test_remedies_and_the_culprit_of_heat_can_be_taken_away(machine: Machine) -> None:
    monitor = ruled('[overheating]\nremedies = ["show"]\nblames = ""\n')
    machine.hot(96)
    (incident,) = told(run(monitor, machine, 80))
    assert incident.actions == (Action.SHOW,)
    assert incident.shares == ()
    assert incident.title == "CPU at 96 °C, critical limit 100 °C"


NVME = SensorReading("nvme/nvme0/Composite", "nvme", "Composite", "disk", 71.0, 81.8, 84.8)


@pytest.mark.parametrize("name", ["nvme", "nvme*", "Composite", "nvme/nvme0/Composite"])
def test_an_own_limit_of_a_sensor_holds_before_the_driver_s(machine: Machine, name: str) -> None:
    monitor = ruled(f'[overheating.limits_c]\n"{name}" = 70\n')
    machine.sensors = (*machine.sensors, NVME)
    (incident,) = told(run(monitor, machine, 20))
    assert incident.title == "Disk (Composite) at 71 °C, own limit 70 °C"
    assert incident.body == "Its own limit is 70 °C."
    assert (incident.severity, incident.limit) == (Severity.WARNING, 70)


def test_past_the_driver_s_critical_limit_heat_is_critical_whatever_the_own_limit(machine: Machine) -> None:
    monitor = ruled('[overheating.limits_c]\n"nvme*" = 70\n')
    machine.sensors = (*machine.sensors, replace(NVME, temperature_c=85.0))
    (incident,) = told(run(monitor, machine, 20))
    assert incident.severity is Severity.CRITICAL


@pytest.mark.parametrize("text", ['limits_c = {"nvme*" = 0}', 'ignore = ["nvme*"]'])
def test_a_sensor_that_may_be_hot_raises_no_alert(machine: Machine, text: str) -> None:
    monitor = ruled(f"[overheating]\n{text}\n")
    machine.sensors = (*machine.sensors, replace(NVME, temperature_c=85.0))
    assert told(run(monitor, machine, 40)) == []
    machine.hot(96)
    assert [incident.title[:3] for incident in told(run(monitor, machine, 20))] == ["CPU"]


def test_the_name_of_one_sensor_comes_before_a_pattern(machine: Machine) -> None:
    monitor = ruled('[overheating.limits_c]\n"nvme*" = 60\n"nvme/nvme0/Composite" = 75\n')
    machine.sensors = (*machine.sensors, NVME)
    assert told(run(monitor, machine, 40)) == []
