from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smoothtask_gui.domain.batch import SensorReading
from smoothtask_gui.domain.incident import Action, IncidentState, Severity
from smoothtask_gui.domain.monitor import Monitor
from smoothtask_gui.domain.rules import Overheating, Rules, Runaway
from tests.fakes.batches import Machine, package_sensor, throttle, trip
from tests.fakes.watching import recorded, run, told, withdrawn

HEAT_ONLY = Rules(runaway=Runaway(enabled=False))


@pytest.fixture
def machine() -> Machine:
    found = Machine(cpus=4)
    found.hot(60)
    found.start("HandBrakeCLI", 2.8)
    found.start("firefox", 0.5)
    found.start("node", 0.2)
    found.start("sshd", 0.1)
    return found


@pytest.fixture
def monitor() -> Monitor:
    return Monitor(HEAT_ONLY)


def test_heat_names_the_top_three_of_the_last_minute(monitor: Monitor, machine: Machine) -> None:
    assert told(run(monitor, machine, 70)) == []
    machine.hot(96)
    assert told(run(monitor, machine, 10)) == []
    (incident,) = told(run(monitor, machine, 1))
    assert incident.title == "CPU at 96 °C: HandBrakeCLI is heating it"
    assert incident.body == (
        "HandBrakeCLI 78 %, firefox 14 %, node 6 %, the rest 3 % of CPU use in the last minute "
        "(estimated from CPU time).\nIts critical limit is 100 °C."
    )
    assert [share.name for share in incident.shares] == ["HandBrakeCLI", "firefox", "node"]
    assert incident.method == "estimated from CPU time"
    assert (incident.severity, incident.state) == (Severity.CRITICAL, IncidentState.FIRING)
    assert (incident.value, incident.limit) == (96, 100)
    assert incident.subject == package_sensor(96).key
    assert incident.target.comm == "HandBrakeCLI"
    assert incident.actions[:3] == (Action.PAUSE, Action.LIMIT, Action.SHOW)
    assert Action.STOP in incident.actions
    assert incident.started_realtime_ns - incident.started_boottime_ns == 1_700_000_000 * 10**9


def test_cooling_down_is_told_in_the_same_notification(monitor: Monitor, machine: Machine) -> None:
    machine.hot(97)
    (fired,) = told(run(monitor, machine, 20))
    machine.hot(90)
    assert told(run(monitor, machine, 60)) == []
    machine.hot(71)
    (resolved,) = told(run(monitor, machine, 20))
    assert resolved.id == fired.id
    assert resolved.state is IncidentState.RESOLVED
    assert resolved.title == "CPU cooled down to 71 °C after 1 min 22 s"
    assert resolved.value == 97
    assert monitor.incidents == (resolved,)


def test_a_spike_shorter_than_its_time_is_not_told(monitor: Monitor, machine: Machine) -> None:
    run(monitor, machine, 5)
    for _ in range(10):
        machine.hot(99)
        assert run(monitor, machine, 8) == []
        machine.hot(70)
        assert run(monitor, machine, 2) == []


def test_a_limit_set_in_the_settings_stands_in_where_the_driver_gives_none(monitor: Monitor, machine: Machine) -> None:
    machine.hot(94, max_c=None, critical_c=None)
    assert run(monitor, machine, 70) == []
    machine.hot(95, max_c=None, critical_c=None)
    (incident,) = told(run(monitor, machine, 15))
    assert incident.title == "CPU at 95 °C: HandBrakeCLI is heating it"
    assert "The limit set in the settings is 95 °C; its driver gives none." in incident.body
    assert (incident.severity, incident.limit) == (Severity.WARNING, 95)
    limit = monitor.view().cpu_limit
    assert limit is not None
    assert limit.is_set
    machine.hot(86, max_c=None, critical_c=None)
    (resolved,) = told(run(monitor, machine, 20))
    assert resolved.state is IncidentState.RESOLVED


def test_the_driver_s_own_limit_comes_before_the_one_set_in_the_settings(machine: Machine) -> None:
    monitor = Monitor(Rules(Overheating(limit_without_driver_c=70.0), Runaway(enabled=False)))
    machine.hot(90)
    assert run(monitor, machine, 30) == []


def test_the_limit_set_in_the_settings_is_for_processors_only(monitor: Monitor, machine: Machine) -> None:
    machine.sensors = (SensorReading("iwlwifi_1/temp1", "iwlwifi_1", "", "other", 120.0, None, None),)
    assert run(monitor, machine, 30) == []


def test_a_sensor_without_any_limit_raises_no_alert_and_says_so(machine: Machine) -> None:
    monitor = Monitor(Rules(Overheating(limit_without_driver_c=0.0), Runaway(enabled=False)))
    machine.hot(149, max_c=None, critical_c=None)
    assert run(monitor, machine, 60) == []
    view = monitor.view()
    assert view.cpu_limit is None
    assert "no temperature limit" in view.cpu_limit_reason


def test_a_driver_that_gives_only_max_fires_at_max_as_a_warning(monitor: Monitor, machine: Machine) -> None:
    machine.hot(79, max_c=80.0, critical_c=None)
    assert run(monitor, machine, 30) == []
    machine.hot(80, max_c=80.0, critical_c=None)
    (incident,) = told(run(monitor, machine, 15))
    assert incident.severity is Severity.WARNING
    assert "Its limit is 80 °C." in incident.body


def test_a_missing_temperature_never_fires(monitor: Monitor, machine: Machine) -> None:
    machine.hot(None)
    assert run(monitor, machine, 60) == []
    for _ in range(20):
        machine.hot(99)
        run(monitor, machine, 1)
        machine.hot(255.0)
        assert run(monitor, machine, 9) == []


def test_a_temperature_that_stays_missing_ends_honestly(monitor: Monitor, machine: Machine) -> None:
    machine.hot(97)
    run(monitor, machine, 20)
    machine.hot(None)
    (resolved,) = told(run(monitor, machine, 60))
    assert resolved.title == "CPU: its temperature can't be read any more"


def test_cooler_neighbours_do_not_prove_that_a_silent_sensor_cooled_down(monitor: Monitor, machine: Machine) -> None:
    core = package_sensor(70.0, key="core", label="Core 0")
    machine.sensors = (package_sensor(97.0), core)
    run(monitor, machine, 20)
    machine.sensors = (package_sensor(None), core)
    assert told(run(monitor, machine, 20)) == []


def test_sixteen_hot_cores_and_the_board_are_one_incident(monitor: Monitor, machine: Machine) -> None:
    cores = tuple(package_sensor(96.0 + n / 10, key=f"core{n}", label=f"Core {n}") for n in range(16))
    board = SensorReading("acpitz", "acpitz", "", "board", 99.0, None, 100.0)
    machine.sensors = (*cores, board)
    assert len(told(run(monitor, machine, 60))) == 1


def test_an_input_that_never_moved_is_not_believed(monitor: Monitor, machine: Machine) -> None:
    def floating(value: float) -> SensorReading:
        return SensorReading("nct/AUXTIN1", "nct6798", "AUXTIN1", "board", value, 80.0, None)

    machine.sensors = (floating(111.0),)
    assert run(monitor, machine, 60) == []
    machine.sensors = (floating(110.0),)
    assert len(told(run(monitor, machine, 20))) == 1


def test_a_hot_disk_blames_nobody(monitor: Monitor, machine: Machine) -> None:
    machine.sensors = (SensorReading("nvme0", "nvme", "Composite", "disk", 83.0, 80.0, 85.0),)
    (incident,) = told(run(monitor, machine, 20))
    assert incident.title == "Disk (Composite) at 83 °C, critical limit 85 °C"
    assert incident.shares == ()
    assert Action.STOP not in incident.actions


def test_heat_without_a_busy_app_names_nobody(monitor: Monitor) -> None:
    machine = Machine()
    machine.hot(97)
    for number in range(8):
        machine.start(f"app{number}", 0.1)
    (incident,) = told(run(monitor, machine, 20))
    assert incident.title == "CPU at 97 °C: no single app stands out"
    assert Action.STOP not in incident.actions


def test_heat_of_an_idle_processor_says_that_it_is_idle(monitor: Monitor) -> None:
    machine = Machine()
    machine.hot(97)
    machine.start("clock", 0.01)
    assert told(run(monitor, machine, 20))[0].title == "CPU at 97 °C though hardly busy"


def test_stop_is_offered_for_own_processes_only(machine: Machine) -> None:
    machine.hot(97)
    (incident,) = told(run(Monitor(HEAT_ONLY, own_uid=1001), machine, 20))
    assert Action.STOP not in incident.actions


def test_a_hot_trip_point_is_told_at_once_with_its_culprits(monitor: Monitor, machine: Machine) -> None:
    run(monitor, machine, 70)
    (incident,) = told(monitor.receive_event(trip(machine.now_ns + 1, 97.0)))
    assert incident.title == "CPU at 97 °C: HandBrakeCLI is heating it"
    assert [share.name for share in incident.shares] == ["HandBrakeCLI", "firefox", "node"]
    assert incident.severity is Severity.CRITICAL
    assert "hot trip point is 97 °C" in incident.body


def test_a_trip_point_crossed_before_any_batch_is_told(monitor: Monitor) -> None:
    (incident,) = told(monitor.receive_event(trip(5, 97.0)))
    assert incident.title == "CPU at 97 °C, hot trip point 97 °C"
    assert incident.shares == ()


def test_a_trip_reported_at_each_poll_is_told_once(monitor: Monitor, machine: Machine) -> None:
    run(monitor, machine, 10)
    effects = []
    for _ in range(30):
        effects += monitor.receive_event(trip(machine.now_ns, 97.0))
        effects += run(monitor, machine, 1)
    assert len(told(effects)) == 1


@pytest.mark.parametrize("trip_type", ["active", "passive", None])
def test_other_trip_points_are_not_told(monitor: Monitor, machine: Machine, trip_type: str | None) -> None:
    run(monitor, machine, 10)
    assert monitor.receive_event(trip(machine.now_ns, 97.0, trip_type)) == ()


def test_a_trip_ends_when_its_zone_reports_that_it_cooled(monitor: Monitor, machine: Machine) -> None:
    machine.sensors = ()
    run(monitor, machine, 10)
    monitor.receive_event(trip(machine.now_ns, 97.0))
    assert told(run(monitor, machine, 20)) == []
    monitor.receive_event(trip(machine.now_ns, 80.0, None))
    (resolved,) = told(run(monitor, machine, 20))
    assert resolved.title.startswith("CPU cooled down to 80 °C after ")


def test_a_trip_that_nothing_more_is_heard_of_ends_as_unknown(monitor: Monitor, machine: Machine) -> None:
    machine.sensors = ()
    run(monitor, machine, 10)
    monitor.receive_event(trip(machine.now_ns, 97.0))
    (resolved,) = told(run(monitor, machine, 120))
    assert "can't be read any more" in resolved.title


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
    from smoothtask_gui.domain.batch import Lost

    run(monitor, machine, 10)
    monitor.receive_event(throttle(machine.now_ns, 2))
    machine.lost = Lost(events=1)
    run(monitor, machine, 60)
    assert monitor.view().open_incidents == ()


def test_throttling_is_told_where_the_kernel_keeps_no_highest_state(monitor: Monitor, machine: Machine) -> None:
    """Before 6.2, and with the BCC loader."""
    machine.hot(85)
    run(monitor, machine, 10)
    assert told(monitor.receive_event(throttle(machine.now_ns, 2, max_state=0)))


def test_a_trip_of_a_zone_without_a_reading_says_nothing(monitor: Monitor, machine: Machine) -> None:
    run(monitor, machine, 10)
    event = trip(machine.now_ns, 0.0)
    assert monitor.receive_event(replace(event, temperature_c=None, last_temperature_c=None)) == ()


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


def test_heat_that_comes_back_in_its_cooldown_is_not_told(monitor: Monitor, machine: Machine) -> None:
    machine.hot(97)
    run(monitor, machine, 20)
    machine.hot(60)
    run(monitor, machine, 20)
    machine.hot(97)
    assert run(monitor, machine, 200) == []
    assert monitor.receive_event(trip(machine.now_ns, 98.0)) == ()
    assert len(told(monitor.receive_event(trip(machine.now_ns, 104.0, "critical")))) == 1


def test_the_settings_of_the_rule_are_obeyed(machine: Machine) -> None:
    rule = Overheating(margin_c=20, for_s=0, keep_firing_for_s=0, cooldown_s=0)
    monitor = Monitor(Rules(overheating=rule, runaway=Runaway(enabled=False)))
    machine.hot(80)
    assert len(told(run(monitor, machine, 5))) == 1


def test_a_rule_that_is_switched_off_takes_its_notification_back(monitor: Monitor, machine: Machine) -> None:
    machine.hot(97)
    (incident,) = told(run(monitor, machine, 20))
    off = Rules(overheating=Overheating(enabled=False), runaway=Runaway(enabled=False))
    effects = monitor.set_rules(off)
    assert withdrawn(effects) == [incident.id]
    assert recorded(effects)[0].state is IncidentState.RESOLVED
    assert run(monitor, machine, 60) == []
    assert monitor.receive_event(trip(machine.now_ns, 99.0)) == ()


def test_a_changed_culprit_changes_the_notification_but_not_every_second(monitor: Monitor, machine: Machine) -> None:
    machine.hot(97)
    (fired,) = told(run(monitor, machine, 20))
    machine.apps[0].cores = 0.1
    machine.apps[1].cores = 3.0
    assert told(run(monitor, machine, 30)) == []
    effects = run(monitor, machine, 60)
    (changed,) = told(effects)
    assert changed.id == fired.id
    assert changed.title == "CPU at 97 °C: firefox is heating it"
    assert recorded(effects) == []


TEMPERATURES = st.lists(st.sampled_from([None, 20.0, 60.0, 90.0, 94.9, 95.0, 99.0, 120.0, -300.0]), max_size=60)


@given(TEMPERATURES)
@settings(max_examples=60, deadline=None)
def test_no_heat_is_told_before_it_lasted_and_none_is_stuck(temperatures_c: list[float | None]) -> None:
    machine, monitor, hot_s = Machine(cpus=4), Monitor(HEAT_ONLY), 0
    machine.hot(60)
    run(monitor, machine, 5)
    for temperature_c in temperatures_c:
        machine.hot(temperature_c)
        was_open = bool(monitor.view().open_incidents)
        effects = run(monitor, machine, 1)
        if temperature_c is not None and temperature_c > 0:  # what can't be true is missing
            hot_s = hot_s + 1 if temperature_c >= 95 else 0
        if not was_open and told(effects):
            assert hot_s > 10
    machine.hot(40)
    run(monitor, machine, 60)
    assert monitor.view().open_incidents == ()
