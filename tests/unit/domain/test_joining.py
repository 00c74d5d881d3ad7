"""What belongs together, in every order of events, and what is offered for it."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smoothtask_gui.domain.changes import Key, Resolved, Updated
from smoothtask_gui.domain.choices import Scope, ScopeKind
from smoothtask_gui.domain.effects import Effect, Notify, Withdraw
from smoothtask_gui.domain.incident import (
    Action,
    Hushed,
    Incident,
    IncidentState,
    ProcessIdentity,
    Severity,
)
from smoothtask_gui.domain.joining import arrange
from tests.fakes.batches import SECOND
from tests.fakes.desks import BUSY, CODER, FOX, HEAT, Table, busy, busy_key, heat
from tests.fakes.watching import told


@pytest.fixture
def table() -> Table:
    return Table()


KEYS = st.sampled_from([HEAT, ("overheating", "GPU"), BUSY, busy_key(FOX), ("oom", "firefox")])
WHO = st.lists(st.sampled_from([CODER, FOX]), max_size=2, unique=True)
STEP = st.sampled_from(["fire", "update", "end", "snooze", "hold", "release", "expect", "dismiss", "wake"])
Step = tuple[str, Key, list[ProcessIdentity], Severity, int]
STEPS = st.lists(st.tuples(STEP, KEYS, WHO, st.sampled_from(list(Severity)), st.integers(0, 4000)), max_size=50)


@given(STEPS)
@settings(max_examples=120, deadline=None)
def test_no_order_of_events_leaves_an_alert_in_two_incidents_or_a_notification_behind(
    steps: list[Step],
) -> None:
    table = Table(per_hour=3)
    shown: dict[int, Incident] = {}
    for step in steps:
        for effect in perform(table, step):
            if isinstance(effect, Notify):
                shown[effect.incident.id] = effect.incident
            elif isinstance(effect, Withdraw):
                shown.pop(effect.incident_id, None)
        for held in [one.id for one in table.desk.open if one.hushed]:
            shown.pop(held, None)  # the edge doesn't show what it held back
        told_of = {one.id for one in table.desk.open}
        stale = [one for one in shown.values() if one.state is IncidentState.FIRING and one.id not in told_of]
        assert stale == []
        assert len(told_of) == len(table.desk.open)
    everything = [HEAT, ("overheating", "GPU"), BUSY, busy_key(FOX), ("oom", "firefox")]
    table.apply(*(Resolved(key, "over") for key in everything))
    assert table.desk.open == ()


def perform(table: Table, step: Step) -> tuple[Effect, ...]:
    what, key, who, severity, seconds = step
    cause = FOX if key == busy_key(FOX) else CODER
    draft = heat(*who, severity=severity) if key[0] == "overheating" else busy(cause, severity)
    an_id, desk = seconds % 6, table.desk
    table.now_ns += seconds * SECOND // 10
    if what == "hold":
        desk.hold(an_id, Hushed.DO_NOT_DISTURB)
        return ()
    deeds = {
        "fire": lambda: table.fire(key, draft),
        "update": lambda: table.apply(Updated(key, draft)),
        "end": lambda: table.apply(Resolved(key, "over", is_silent=seconds % 2 == 0)),
        "snooze": lambda: table.snooze(Scope(ScopeKind.RULE, key[0]), seconds),
        "release": lambda: desk.release(table.now_ns),
        "expect": lambda: desk.expect(an_id, table.now_ns, table.realtime_ns),
        "dismiss": lambda: desk.dismiss(an_id),
        "wake": lambda: desk.wake(table.now_ns, table.realtime_ns),
    }
    return deeds[what]()


def test_throttling_and_a_standing_fan_belong_to_the_heat_of_the_processor_and_not_to_the_disks(table: Table) -> None:
    table.fire(HEAT, heat())
    for rule in ("throttling", "fan_stopped", "overheating_soon"):
        table.fire((rule, "whatever"), heat(title=rule))
    assert len(table.desk.open) == 1
    assert table.desk.open[0].title == "CPU at 96 °C"
    table.fire(("overheating", "disk nvme"), heat(title="the disk is hot"))
    assert len(table.desk.open) == 2


def test_running_out_of_memory_and_the_kill_that_follows_are_one_incident_that_names_the_latest(table: Table) -> None:
    (warned,) = told(table.fire(("memory_runs_out", ""), heat(severity=Severity.CRITICAL, title="Memory may run out")))
    for victim in ("chromium", "gimp"):
        (killed,) = told(table.fire(("oom", victim), heat(severity=Severity.CRITICAL, title=f"stopped {victim}")))
        assert (killed.id, killed.title) == (warned.id, f"stopped {victim}")


def test_who_may_be_stopped_may_be_paused_and_limited_but_less_processor_time_gives_no_memory_back() -> None:
    offered = (Action.SHOW, Action.STOP, Action.SNOOZE)
    assert arrange("overheating", offered)[:3] == (Action.PAUSE, Action.LIMIT, Action.SHOW)
    assert arrange("runaway", offered)[:3] == (Action.STOP, Action.EXPECTED, Action.SNOOZE)
    assert arrange("unheard_of", offered) == arrange("runaway", offered)
    assert Action.LIMIT not in arrange("memory_leak", offered)
    assert arrange("disk_stall", (Action.SHOW, Action.SNOOZE)) == (Action.SHOW, Action.SNOOZE)
