from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smoothtask_gui.domain.batch import Batch
from smoothtask_gui.domain.choices import Scope, ScopeKind
from smoothtask_gui.domain.effects import Effect
from smoothtask_gui.domain.incident import IncidentState, Severity
from smoothtask_gui.domain.monitor import Monitor
from smoothtask_gui.domain.rules import Notifications, Oom, Overheating, Rules, Runaway
from smoothtask_gui.domain.store import Series
from tests.fakes.batches import SECOND, Machine, exited_row, oom_kill, package_sensor, rows, throttle, trip
from tests.fakes.watching import recorded, run, told, withdrawn

QUICK = Rules(overheating=Overheating(for_s=5), runaway=Runaway(for_s=10))


@pytest.fixture
def machine() -> Machine:
    found = Machine(cpus=4)
    found.hot(60)
    return found


@pytest.fixture
def monitor() -> Monitor:
    return Monitor(QUICK)


def test_an_oom_kill_is_told_at_once(monitor: Monitor, machine: Machine) -> None:
    run(monitor, machine, 5)
    (incident,) = told(monitor.receive_event(oom_kill(machine.now_ns)))
    assert incident.title == "The kernel stopped chromium to free memory (3.1 GB)"
    assert incident.body == "Memory had run out. What wasn't saved is lost."
    assert incident.rule == "oom"
    assert incident.severity is Severity.CRITICAL


def test_an_oom_kill_says_which_app_lost_a_process(monitor: Monitor, machine: Machine) -> None:
    script = machine.start("encode.sh")
    worker = machine.start("ffmpeg", parent_pid=script.pid)
    run(monitor, machine, 5)
    event = replace(oom_kill(machine.now_ns, "ffmpeg"), pid=worker.pid, start_ns=worker.start_ns)
    (incident,) = told(monitor.receive_event(event))
    assert incident.body == "Memory had run out. It belonged to encode.sh. What wasn't saved is lost."


def test_several_oom_kills_of_one_app_are_told_once_and_end_without_a_word(monitor: Monitor, machine: Machine) -> None:
    run(monitor, machine, 5)
    assert len(told(monitor.receive_event(oom_kill(machine.now_ns)))) == 1
    assert monitor.receive_event(oom_kill(machine.now_ns)) == ()
    effects = run(monitor, machine, 310)
    assert told(effects) == []
    assert [incident.state for incident in recorded(effects)] == [IncidentState.RESOLVED]


def test_an_oom_kill_is_not_told_when_its_rule_is_off(machine: Machine) -> None:
    assert Monitor(Rules(oom=Oom(enabled=False))).receive_event(oom_kill(5)) == ()


def test_another_process_still_speaks_during_an_overheating(monitor: Monitor, machine: Machine) -> None:
    for comm in ("one", "two", "three"):
        machine.start(comm, 0.85)
    machine.hot(97)
    run(monitor, machine, 70)
    machine.start("four", 0.95)
    assert [incident.rule for incident in told(run(monitor, machine, 15))] == ["runaway"]


def test_nothing_is_told_in_the_first_seconds_from_samples(machine: Machine) -> None:
    rules = Rules(overheating=Overheating(for_s=0), runaway=Runaway(for_s=0))
    monitor = Monitor(rules)
    machine.start("node", 3.0)
    machine.hot(99)
    assert run(monitor, machine, 4) == []
    assert len(told(run(monitor, machine, 1))) >= 1
    monitor.source_changed("procfs", "")
    machine.source = "procfs"
    machine.start("late", 1.0)
    assert run(monitor, machine, 3) == []


@pytest.mark.parametrize("slept_s", [0, 600])
def test_after_a_resume_one_hot_sample_waits_for_a_second_one(slept_s: int) -> None:
    monitor, machine = Monitor(Rules(overheating=Overheating(for_s=0))), Machine()
    machine.hot(60)
    run(monitor, machine, 70)
    if slept_s:
        assert run(monitor, machine, 1, seconds=slept_s) == []
        run(monitor, machine, 3)
    machine.hot(99)
    assert len(told(run(monitor, machine, 1))) == (0 if slept_s else 1)
    assert len(told(run(monitor, machine, 1))) == (1 if slept_s else 0)


def test_one_sample_alone_is_never_judged_however_long_it_is() -> None:
    monitor, machine = Monitor(Rules()), Machine()
    machine.start("node", 3.0)
    assert run(monitor, machine, 2, seconds=60) == []
    assert len(told(run(monitor, machine, 1, seconds=60))) == 1


def test_a_snoozed_rule_is_recorded_but_not_told_until_the_snooze_is_over(monitor: Monitor, machine: Machine) -> None:
    run(monitor, machine, 5)
    monitor.snooze(Scope(ScopeKind.RULE, "overheating"), machine.now_ns + 60 * SECOND)
    machine.hot(97)
    effects = run(monitor, machine, 59)
    assert told(effects) == []
    assert len(recorded(effects)) == 1
    assert len(told(run(monitor, machine, 1))) == 1


def test_snoozing_an_incident_takes_it_back_and_lets_others_speak(monitor: Monitor, machine: Machine) -> None:
    machine.start("one", 1.0)
    (incident,) = told(run(monitor, machine, 20))
    assert withdrawn(monitor.snooze(incident.id, machine.now_ns + 3600 * SECOND)) == [incident.id]
    machine.start("two", 1.0)
    assert [one.title.split()[0] for one in told(run(monitor, machine, 30))] == ["two"]


def test_a_snooze_also_covers_the_next_incident_of_the_same_subject(monitor: Monitor, machine: Machine) -> None:
    app = machine.start("one", 1.0)
    (incident,) = told(run(monitor, machine, 20))
    app.cores = 0
    run(monitor, machine, 20)
    monitor.snooze(incident.id, machine.now_ns + 7200 * SECOND)
    app.cores = 1.0
    effects = run(monitor, machine, 700)
    assert told(effects) == []
    assert len(recorded(effects)) == 1


def test_a_dismissed_incident_stays_quiet_but_open(monitor: Monitor, machine: Machine) -> None:
    machine.hot(97)
    (incident,) = told(run(monitor, machine, 20))
    assert withdrawn(monitor.dismiss(incident.id)) == [incident.id]
    assert len(monitor.view().open_incidents) == 1
    machine.hot(60)
    effects = run(monitor, machine, 60)
    assert told(effects) == []
    assert len(recorded(effects)) == 1


def test_an_unknown_incident_can_be_neither_snoozed_nor_dismissed(monitor: Monitor) -> None:
    assert monitor.snooze(99, 5) == ()
    assert monitor.dismiss(99) == ()
    assert monitor.expect(99) == ()


def test_beyond_the_hourly_budget_incidents_are_only_recorded(machine: Machine) -> None:
    monitor = Monitor(replace(QUICK, notifications=Notifications(per_hour=2)))
    for number in range(4):
        machine.start(f"app{number}", 0.95)
    effects = run(monitor, machine, 60)
    assert len(told(effects)) == 2
    assert len(recorded(effects)) == 4
    run(monitor, machine, 360, seconds=10)
    machine.start("later", 0.95)
    assert len(told(run(monitor, machine, 20))) == 1


def test_the_source_that_is_gone_ends_what_was_open_as_unknown(monitor: Monitor, machine: Machine) -> None:
    machine.hot(97)
    machine.start("node", 1.0)
    run(monitor, machine, 30)
    effects = monitor.source_changed("none", "the helper went away")
    assert told(effects)[0].title == "CPU: its temperature can't be read any more"
    view = monitor.view()
    assert (view.source, view.notice, view.sample, view.open_incidents) == ("none", "the helper went away", None, ())
    assert view.fill_ratio is None


def test_a_change_of_source_breaks_the_graph_and_starts_afresh(monitor: Monitor, machine: Machine) -> None:
    run(monitor, machine, 5)
    machine.source = "procfs"
    run(monitor, machine, 1)
    assert monitor.sample is None
    assert monitor.view().source == "procfs"
    assert np.isnan(monitor.store.series(Series.CPU_BUSY_RATIO)[-1])
    run(monitor, machine, 1)
    assert monitor.sample.source == "procfs"


def test_exits_that_came_as_events_count_in_the_next_sample(monitor: Monitor, machine: Machine) -> None:
    run(monitor, machine, 3)
    app = machine.start("cc1", 1.0)
    app.run_ns = SECOND // 2
    machine.end(app)
    (event,) = machine.exits
    machine.exits = []
    monitor.receive_event(event)
    run(monitor, machine, 1)
    assert monitor.sample.exited[0].cpu_ratio == 0.5
    run(monitor, machine, 1)
    assert monitor.sample.exited == ()


def test_the_ring_fills_by_the_hotter_of_temperature_and_load(monitor: Monitor, machine: Machine) -> None:
    assert monitor.view().fill_ratio is None
    app = machine.start("node", 1.0)
    machine.hot(70)
    run(monitor, machine, 3)
    assert monitor.view().fill_ratio == pytest.approx(0.5)
    app.cores = 3.6
    run(monitor, machine, 1)
    assert monitor.view().fill_ratio == pytest.approx(0.9)


def test_the_view_shows_the_worst_severity(monitor: Monitor, machine: Machine) -> None:
    assert monitor.view().worst is None
    machine.start("node", 1.0)
    run(monitor, machine, 20)
    assert monitor.view().worst is Severity.WARNING
    monitor.receive_event(oom_kill(machine.now_ns))
    assert monitor.view().worst is Severity.CRITICAL


def test_incident_ids_go_on_where_the_history_stopped(machine: Machine) -> None:
    (incident,) = told(Monitor(QUICK, first_incident_id=42).receive_event(oom_kill(5)))
    assert incident.id == 42


def a_story() -> list[object]:
    machine = Machine()
    machine.hot(60)
    items: list[object] = [machine.tick() for _ in range(20)]
    app = machine.start("node", 3.0)
    items += [machine.tick() for _ in range(30)]
    machine.hot(98)
    items += [machine.tick() for _ in range(5)]
    items += [trip(machine.now_ns, 98.0), throttle(machine.now_ns, 3), oom_kill(machine.now_ns)]
    machine.end(app)
    machine.hot(61)
    items += [machine.tick() for _ in range(40)]
    return items


def tell(monitor: Monitor, items: list[object]) -> list[tuple[Effect, ...]]:
    return [monitor.receive_batch(i) if isinstance(i, Batch) else monitor.receive_event(i) for i in items]


def test_the_same_items_give_the_same_effects() -> None:
    first, second = tell(Monitor(QUICK), a_story()), tell(Monitor(QUICK), a_story())
    assert repr(first) == repr(second)
    assert sum(map(len, first)) > 5


STEP = st.sampled_from(
    ["tick", "tick", "tick", "back", "far", "same", "other", "none", "trip", "oom", "cool", "throttle"]
)


@st.composite
def chaos(draw: st.DrawFn) -> list[tuple[str, int]]:
    return draw(st.lists(st.tuples(STEP, st.integers(0, 200)), max_size=60))


def disturb(monitor: Monitor, machine: Machine, step: str, seed: int) -> tuple[Effect, ...]:
    rng = np.random.default_rng(seed)
    jumps = {"back": -seed, "far": 36 * seed, "same": 0}
    if step == "other":
        machine.source = "procfs" if machine.source == "helper" else "helper"
    if step == "none":
        return monitor.source_changed("none", "gone")
    if step == "trip":
        return monitor.receive_event(trip(machine.now_ns + seed, 60.0 + seed, "critical" if seed % 2 else "hot"))
    if step == "oom":
        return monitor.receive_event(oom_kill(machine.now_ns, f"\n{seed}"))
    if step == "throttle":
        return monitor.receive_event(throttle(machine.now_ns, seed % 3, device_id=seed % 2))
    machine.hot(float(rng.choice([60, 97, 99, 255, -128])) if step != "cool" else None)
    for app in machine.apps:
        app.cores = float(rng.choice([0, 0.3, 1, 2]))
        app.run_ns = int(rng.integers(0, 2**62)) if seed % 7 == 0 else app.run_ns
        app.pid = int(rng.integers(1, 8)) if seed % 5 == 0 else app.pid
    if machine.now_ns + jumps.get(step, 1) * SECOND <= 0:
        return ()
    gone = exited_row(b"cc1", int(rng.integers(0, 2**62)), int(rng.integers(0, 2**62)))
    machine.busy_ns %= 2**60
    item = machine.tick(jumps.get(step, 1))
    return monitor.receive_batch(
        item if item.exited is None else replace(item, exited=rows(gone, dtype=item.exited.dtype))
    )


@given(chaos())
@settings(max_examples=50, deadline=None)
def test_no_chaos_raises_or_leaves_an_alert_stuck(steps: list[tuple[str, int]]) -> None:
    machine, monitor = Machine(), Monitor(QUICK)
    for number in range(6):
        machine.start(f"app{number}", 1.0)
    for step, seed in steps:
        for incident in told(disturb(monitor, machine, step, seed)):
            assert 0 < len(incident.title) <= 60
            assert incident.title.isprintable()
            assert len(incident.body.splitlines()) <= 2
    calm = Machine(now_ns=machine.now_ns, sensors=(package_sensor(50.0),))
    calm.start("quiet", 0.01)
    for device in (0, 1):
        monitor.receive_event(throttle(machine.now_ns, 0, device_id=device))
    run(monitor, calm, 400)
    assert monitor.view().open_incidents == ()


@given(chaos())
@settings(max_examples=40, deadline=None)
def test_open_and_resolved_states_are_told_in_order(steps: list[tuple[str, int]]) -> None:
    machine, monitor = Machine(), Monitor(QUICK)
    machine.start("node", 1.0)
    opened: set[int] = set()
    closed: set[int] = set()
    for step, seed in steps:
        for incident in recorded(disturb(monitor, machine, step, seed)):
            if incident.state is IncidentState.FIRING:
                assert incident.id not in closed
                opened.add(incident.id)
            else:
                assert incident.id in opened - closed
                assert incident.resolved_boottime_ns >= incident.started_boottime_ns
                closed.add(incident.id)
    assert {incident.id for incident in monitor.view().open_incidents} == opened - closed
