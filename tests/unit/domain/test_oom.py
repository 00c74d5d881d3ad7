import pytest

from smoothtask_gui.domain.incident import Action, Severity
from smoothtask_gui.domain.monitor import Monitor
from smoothtask_gui.domain.rules import parse_rules
from tests.fakes.batches import Machine, oom_kill
from tests.fakes.watching import run, told


@pytest.fixture
def machine() -> Machine:
    return Machine()


def watching(text: str, machine: Machine) -> Monitor:
    monitor = Monitor(parse_rules(f"[oom]\n{text}\n", "my.toml"))
    run(monitor, machine, 5)
    return monitor


@pytest.mark.parametrize(
    ("text", "severity"),
    [
        ("", Severity.CRITICAL),
        ('severity = "warning"', Severity.WARNING),
        ('severity = "warning"\ncritical_when = "rss_bytes >= 3e9"', Severity.CRITICAL),
        ('severity = "warning"\ncritical_when = "rss_bytes >= 4e9"', Severity.WARNING),
    ],
)
def test_how_severe_a_kill_is_can_be_set(machine: Machine, text: str, severity: Severity) -> None:
    (incident,) = told(watching(text, machine).receive_event(oom_kill(machine.now_ns)))
    assert incident.severity is severity


def test_after_a_kill_its_cooldown_keeps_quiet_about_the_same_name_only(machine: Machine) -> None:
    monitor = watching("open_for_s = 10\ncooldown_s = 60", machine)
    assert len(told(monitor.receive_event(oom_kill(machine.now_ns)))) == 1
    run(monitor, machine, 12)
    assert told(monitor.receive_event(oom_kill(machine.now_ns))) == []
    assert len(told(monitor.receive_event(oom_kill(machine.now_ns, "node")))) == 1
    run(monitor, machine, 60)
    assert len(told(monitor.receive_event(oom_kill(machine.now_ns)))) == 1


def test_without_a_cooldown_the_next_kill_is_told_once_the_last_is_over(machine: Machine) -> None:
    monitor = watching("open_for_s = 10", machine)
    monitor.receive_event(oom_kill(machine.now_ns))
    run(monitor, machine, 12)
    assert len(told(monitor.receive_event(oom_kill(machine.now_ns)))) == 1


def test_who_may_be_stopped_is_not_told(machine: Machine) -> None:
    monitor = watching('ignore = ["chromium"]', machine)
    assert told(monitor.receive_event(oom_kill(machine.now_ns))) == []
    assert len(told(monitor.receive_event(oom_kill(machine.now_ns, "node")))) == 1


def test_a_kill_under_an_excuse_is_not_told(machine: Machine) -> None:
    machine.values["on_battery"] = False
    monitor = watching('unless = "not on_battery and rss_bytes < 4e9"', machine)
    assert told(monitor.receive_event(oom_kill(machine.now_ns))) == []
    assert len(told(monitor.receive_event(oom_kill(machine.now_ns, "node", 5_000_000_000)))) == 1


def test_what_is_offered_after_a_kill_can_be_set(machine: Machine) -> None:
    (incident,) = told(watching('remedies = ["show"]', machine).receive_event(oom_kill(machine.now_ns)))
    assert incident.actions == (Action.SHOW,)
