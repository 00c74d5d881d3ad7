from dataclasses import replace

import pytest

from smoothtask_gui.domain.batch import Missing
from smoothtask_gui.domain.incident import Action, IncidentState, Severity
from smoothtask_gui.domain.monitor import Monitor
from smoothtask_gui.domain.rules import Rules, Runaway
from tests.fakes.batches import Machine
from tests.fakes.watching import recorded, run, told

RULES = Rules(runaway=Runaway(for_s=10))


@pytest.fixture
def machine() -> Machine:
    found = Machine(cpus=4)
    found.start("systemd")
    return found


@pytest.fixture
def monitor() -> Monitor:
    return Monitor(RULES)


def test_a_runaway_is_named_with_its_cores_and_time(monitor: Monitor, machine: Machine) -> None:
    run(monitor, machine, 10)
    node = machine.start("node", 3.9, parent_pid=1000, rss_bytes=512_000_000)
    assert told(run(monitor, machine, 9)) == []
    (incident,) = told(run(monitor, machine, 1))
    assert incident.title == "node has used 3.9 cores for 10 s"
    assert incident.body == "Started by systemd 10 s ago. Uses 512 MB of memory."
    assert incident.subject == "command:node:1000"
    assert incident.value == pytest.approx(3.9)
    assert incident.limit == 0.9
    assert incident.severity is Severity.WARNING
    assert incident.target.pid == node.pid
    assert incident.shares[0].ratio == pytest.approx(1.0)
    assert incident.actions[:3] == (Action.STOP, Action.EXPECTED, Action.SNOOZE)


def test_of_a_process_without_memory_none_is_told(monitor: Monitor, machine: Machine) -> None:
    run(monitor, machine, 10)
    machine.start("node", 3.9, parent_pid=1000, rss_bytes=0)
    (incident,) = told(run(monitor, machine, 10))
    assert incident.body == "Started by systemd 10 s ago."


def test_a_short_dip_is_forgiven_and_a_long_one_is_not(monitor: Monitor, machine: Machine) -> None:
    app = machine.start("node", 1.0)
    run(monitor, machine, 7)
    app.cores = 0.8
    run(monitor, machine, 1)
    app.cores = 1.0
    assert len(told(run(monitor, machine, 6))) == 1
    other = machine.start("other", 3.0)
    run(monitor, machine, 3)
    other.cores = 0.8
    assert told(run(monitor, machine, 60)) == []


def test_a_dip_to_the_clear_level_begins_anew(monitor: Monitor, machine: Machine) -> None:
    app = machine.start("node", 1.0)
    for _ in range(5):
        app.cores = 1.0
        run(monitor, machine, 9)
        app.cores = 0.5
        run(monitor, machine, 1)
    assert monitor.incidents == ()


def test_one_full_core_is_said_in_the_singular(monitor: Monitor, machine: Machine) -> None:
    machine.start("python3", 1.0)
    assert told(run(monitor, machine, 20))[0].title.startswith("python3 has used 1 core for ")


def test_calming_down_is_told_in_the_same_notification(monitor: Monitor, machine: Machine) -> None:
    node = machine.start("node", 2.0)
    (fired,) = told(run(monitor, machine, 20))
    node.cores = 0.6
    assert told(run(monitor, machine, 60)) == []
    node.cores = 0.5
    (resolved,) = told(run(monitor, machine, 20))
    assert resolved.id == fired.id
    assert resolved.title == "node calmed down after 1 min 33 s"


def test_a_runaway_that_ends_is_told_at_once(monitor: Monitor, machine: Machine) -> None:
    node = machine.start("node", 2.0)
    run(monitor, machine, 20)
    machine.end(node)
    (resolved,) = told(run(monitor, machine, 1))
    assert resolved.title.startswith("node ended after ")
    assert resolved.state is IncidentState.RESOLVED


def test_a_runaway_has_ended_though_nobody_has_asked_how(monitor: Monitor, machine: Machine) -> None:
    node = machine.start("node", 2.0)
    (fired,) = told(run(monitor, machine, 20))
    node.row = {"state": b"Z"}  # a zombie; what it used before is in its last second
    (resolved,) = told(run(monitor, machine, 1))
    assert (resolved.id, resolved.title.partition(" after ")[0]) == (fired.id, "node ended")
    node.cores = 0.0
    assert told(run(monitor, machine, 60)) == []


def test_the_last_second_of_what_has_ended_raises_no_alert(machine: Machine) -> None:
    monitor = Monitor(Rules(runaway=Runaway(for_s=1)))
    run(monitor, machine, 90)
    node = machine.start("node", 2.0)
    node.row = {"state": b"Z"}
    assert told(run(monitor, machine, 3)) == []


def test_what_runs_after_its_first_thread_has_ended_is_not_over(monitor: Monitor, machine: Machine) -> None:
    node = machine.start("node", 2.0)
    run(monitor, machine, 20)
    node.row = {"state": b"Z", "threads": 2}
    assert told(run(monitor, machine, 20)) == []
    assert monitor.view().open_incidents


def test_a_zombie_does_not_hide_that_the_rest_of_its_app_runs_on(monitor: Monitor, machine: Machine) -> None:
    first = machine.start("node", 2.0)
    machine.start("node", 2.0, parent_pid=first.pid)
    run(monitor, machine, 20)
    first.row, first.cores = {"state": b"Z"}, 0.0
    assert told(run(monitor, machine, 20)) == []
    assert monitor.view().open_incidents


def test_a_process_on_the_ignore_list_may(machine: Machine) -> None:
    monitor = Monitor(Rules(runaway=Runaway(for_s=10, ignore=("cc1plus", "a-name-of-15-bytes-and-more"))))
    machine.start("cc1plus", 1.0)
    machine.start("a-name-of-15-byte"[:15], 1.0)
    assert run(monitor, machine, 60) == []


def test_a_name_put_on_the_ignore_list_ends_its_alert(monitor: Monitor, machine: Machine) -> None:
    machine.start("cc1plus", 1.0)
    run(monitor, machine, 20)
    monitor.set_rules(Rules(runaway=Runaway(for_s=10, ignore=("cc1plus",))))
    assert told(run(monitor, machine, 5)) == []
    assert monitor.view().open_incidents == ()


def test_the_same_pid_with_another_start_begins_anew(monitor: Monitor, machine: Machine) -> None:
    app = machine.start("node", 2.0)
    run(monitor, machine, 9)
    app.start_ns, app.run_ns = machine.now_ns + 1, 0
    assert told(run(monitor, machine, 9)) == []


def test_missing_values_never_fire(monitor: Monitor, machine: Machine) -> None:
    app = machine.start("node", 2.0)
    for _ in range(30):
        app.run_ns = 0
        assert run(monitor, machine, 1) == []
        app.run_ns += 10**9
        run(monitor, machine, 1)


def test_a_kernel_thread_is_named_as_such_and_not_offered_to_stop(monitor: Monitor, machine: Machine) -> None:
    machine.start("kswapd0", 1.0, is_kernel=True, missing=int(Missing.RSS))
    (incident,) = told(run(monitor, machine, 20))
    assert incident.title.startswith("Linux kernel has used")
    assert Action.STOP not in incident.actions
    assert incident.target is None


def test_forced_idling_is_no_runaway(monitor: Monitor, machine: Machine) -> None:
    machine.start("idle_inject/1", 1.0, is_kernel=True)
    assert run(monitor, machine, 60) == []


def test_a_hostile_name_is_harmless_in_title_and_body(monitor: Monitor, machine: Machine) -> None:
    app = machine.start("x", 1.0)
    app.comm = "\x1b[2J\n\u202e<b>".encode()
    (incident,) = told(run(monitor, machine, 20))
    assert incident.title.isprintable()
    assert len(incident.title) <= 60
    assert incident.body.isprintable()


def test_an_open_runaway_lives_through_a_change_of_source(monitor: Monitor, machine: Machine) -> None:
    app = machine.start("node", 2.0)
    (fired,) = told(run(monitor, machine, 20))
    monitor.source_changed("procfs", "the helper went away")
    machine.source = "procfs"
    app.start_ns -= app.start_ns % 10_000_000  # /proc knows the start in ticks of 10 ms
    assert told(run(monitor, machine, 30)) == []
    assert [incident.id for incident in monitor.view().open_incidents] == [fired.id]


def test_hundreds_of_runaways_stay_bounded(machine: Machine) -> None:
    machine.cpus = 1000
    monitor = Monitor(replace(RULES))
    for number in range(400):
        machine.start(f"app{number}", 2.0)
    effects = run(monitor, machine, 20)
    assert len(monitor.view().open_incidents) <= 256
    assert len(told(effects)) == 9  # of 12 an hour, a quarter is kept for what is critical
    assert len(recorded(effects)) == 256


def test_processes_of_one_app_count_together_and_the_busiest_is_offered_to_stop() -> None:
    monitor, machine = Monitor(RULES), Machine(cpus=4)
    browser = machine.start("browser", 0.1)
    tab = machine.start("tab", 0.5, parent_pid=browser.pid)
    machine.start("tab", 0.4, parent_pid=browser.pid)
    (incident,) = told(run(monitor, machine, 20))
    assert incident.title.startswith("browser has used 1 core for ")
    assert incident.target is not None
    assert incident.target.pid == tab.pid


def test_a_compile_of_many_short_lived_processes_is_no_runaway() -> None:
    monitor, machine = Monitor(RULES), Machine(cpus=4)
    make = machine.start("make")
    running = []
    for _ in range(60):
        for done in running:
            machine.end(done)
        running = [machine.start("cc1plus", 1.0, parent_pid=make.pid) for _ in range(4)]
        assert run(monitor, machine, 4) == []


def traits(machine: Machine, **values: object) -> None:
    """What is read of each process that the machine has now."""
    machine.traits = {
        app.pid: {"pid": app.pid, "start_ns": app.start_ns, "passed_known": True, "lost_known": True, **values}
        for app in machine.apps
    }


@pytest.mark.parametrize(
    ("seen", "is_told"),
    [({}, True), ({"nice": 10}, False), ({"policy": 3}, False), ({"is_foreground": True, "terminal": 5}, False)],
)
def test_what_is_nice_or_its_terminals_foreground_job_is_no_runaway(
    monitor: Monitor, machine: Machine, seen: dict[str, object], is_told: bool
) -> None:
    machine.start("node", 1.0)
    traits(machine, **seen)
    assert bool(told(run(monitor, machine, 30))) is is_told


def test_what_bytes_pass_through_is_no_runaway_and_who_cannot_be_looked_into_neither(
    monitor: Monitor, machine: Machine
) -> None:
    encoder = machine.start("encoder", 1.0)
    for tick in range(30):
        traits(machine, passed_bytes=tick * 500_000)
        assert run(monitor, machine, 1) == []
    machine.end(encoder)
    machine.start("secret", 1.0)
    secret = machine.apps[-1]
    secret.row["missing"] = int(Missing.IO)
    traits(machine, passed_known=False)
    assert run(monitor, machine, 30) == []


def test_of_several_runs_of_a_command_the_one_that_spins_is_described(machine: Machine, monitor: Monitor) -> None:
    machine.start("python3", 0.01, parent_pid=1)
    run(monitor, machine, 300)
    machine.start("python3", 1.0, parent_pid=1000)
    (incident,) = told(run(monitor, machine, 20))
    assert incident.body.startswith("Started by systemd 10 s ago.")


def test_the_process_that_does_most_of_a_commands_work_gives_its_name(machine: Machine, monitor: Monitor) -> None:
    script = machine.start("backup.sh", 0.01, parent_pid=1000)
    machine.start("spinner", 1.0, parent_pid=script.pid)
    (incident,) = told(run(monitor, machine, 20))
    assert incident.title.startswith("spinner has used ")
    assert incident.subject == "command:backup.sh:1000"


@pytest.mark.parametrize(
    ("cores", "waits", "is_told"),
    [
        (0.66, 0.34, True),  # three that never sleep, on two cores
        (0.66, 0.0, False),  # two thirds of a core are all it wants
        (0.25, 0.75, False),  # less than a third of `cores`: one of a crowd
    ],
)
def test_waiting_for_a_turn_counts_on_a_crowded_machine(
    monitor: Monitor, machine: Machine, cores: float, waits: float, *, is_told: bool
) -> None:
    run(monitor, machine, 10)
    app = machine.start("node", cores)
    said = []
    for second in range(1, 21):
        app.row["run_delay_ns"] = round(second * waits * 1e9)
        said += told(run(monitor, machine, 1))
    assert bool(said) is is_told
