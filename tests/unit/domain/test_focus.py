"""What focus and windows change about alerts, and that not knowing them changes nothing."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smoothtask_gui.adapters.shipped_rules import shipped_rules
from smoothtask_gui.domain.changes import Fired, Updated
from smoothtask_gui.domain.focus import Focus
from smoothtask_gui.domain.incident import Severity
from smoothtask_gui.domain.judging.app_table import MOST_USED, AppSeries
from smoothtask_gui.domain.judging.engine import Engine
from smoothtask_gui.domain.judging.process_table import ProcessSeries
from smoothtask_gui.domain.judging.rule_pass import Moment
from smoothtask_gui.domain.judging.table import Named, Table, Target
from smoothtask_gui.domain.monitor import Monitor
from smoothtask_gui.domain.rules import Rules, Runaway, parse_rules
from tests.fakes.batches import SECOND, Machine
from tests.fakes.focus import windows
from tests.fakes.watching import run, told

if TYPE_CHECKING:
    from smoothtask_gui.domain.changes import Change

WAYLAND = Focus(active_known=False, windows_known=False)
RULES = Rules(runaway=Runaway(for_s=10, used_within_s=30))
EXCUSED = """
[drain]
scope = "app"
when = "cpu_cores >= 0.5"
unless = "in_focus"
clear_when = "cpu_cores <= 0.1"
value = "cpu_cores"
level = "cpu_cores"
forgives_dips = true
for_s = 5
"""


class Series:
    """The columns of apps, tick by tick."""

    def __init__(self, *names: str) -> None:
        self.machine = Machine()
        self.pids = [self.machine.start(name).pid for name in names]
        self._processes, self._apps = ProcessSeries(), AppSeries()
        self._before = self.machine.tick()

    def of(self, name: str, focus: Focus | None, seconds: float = 1.0) -> list[float]:
        self.machine.focus = focus
        after = self.machine.tick(seconds)
        sample = self.machine.sample(self._before, after)
        self._before = after
        columns = self._apps.columns(sample, self._processes.columns(sample, math.nan), math.nan)
        value_of = dict(zip([app.name for app in sample.apps.apps], columns[name].tolist(), strict=True))
        return [value_of[app.comm.decode()] for app in self.machine.apps]


def test_the_app_whose_process_owns_the_active_window_is_in_focus() -> None:
    series = Series("film", "node")
    film, node = series.pids
    assert series.of("in_focus", windows(film, node, active=node)) == [0.0, 1.0]
    assert series.of("in_focus", windows(film, node)) == [0.0, 0.0]
    assert series.of("has_window", windows(film)) == [1.0, 0.0]


@pytest.mark.parametrize("focus", [None, WAYLAND])
@pytest.mark.parametrize("name", ["in_focus", "has_window", "unused_s"])
def test_what_nobody_tells_is_missing_and_not_no(focus: Focus | None, name: str) -> None:
    assert np.isnan(Series("film", "node").of(name, focus)).all()


def test_an_owner_that_isnt_seen_puts_no_app_in_focus() -> None:
    assert Series("film").of("in_focus", windows(active=4_000_000)) == [0.0]


def test_how_long_an_app_is_unused_counts_from_its_last_focus() -> None:
    series = Series("film", "node")
    film, node = series.pids
    assert series.of("unused_s", windows(active=film)) == [0.0, pytest.approx(math.nan, nan_ok=True)]
    assert series.of("unused_s", windows(active=node), 7) == [7.0, 0.0]
    assert series.of("unused_s", WAYLAND, 3) == [10.0, 3.0]


def test_only_the_apps_used_last_are_remembered() -> None:
    series = Series(*(f"app{number}" for number in range(MOST_USED + 9)))
    for pid in series.pids:
        found = series.of("unused_s", windows(active=pid))
    assert np.isnan(found).tolist() == [True] * 9 + [False] * MOST_USED


def test_a_busy_app_in_focus_is_no_runaway_but_one_that_is_left_alone_is() -> None:
    machine, monitor = Machine(cpus=4), Monitor(RULES)
    machine.start("systemd")
    game = machine.start("game", 2.0, parent_pid=1000)
    machine.focus = windows(game.pid, active=game.pid)
    assert told(run(monitor, machine, 120)) == []
    machine.focus = windows(game.pid, active=1)
    assert told(run(monitor, machine, 30)) == []
    (incident,) = told(run(monitor, machine, 12))
    assert incident.title.startswith("game has used 2 cores for ")
    assert "Its window was last in focus 40 s ago." in incident.body


@pytest.mark.parametrize("focus", [None, WAYLAND])
def test_where_the_focus_isnt_known_a_runaway_is_told_as_ever(focus: Focus | None) -> None:
    machine, monitor = Machine(cpus=4, focus=focus), Monitor(RULES)
    machine.start("node", 2.0)
    (incident,) = told(run(monitor, machine, 20))
    assert "window" not in incident.body


def test_looking_at_a_runaway_doesnt_end_its_alert() -> None:
    machine, monitor = Machine(cpus=4, focus=windows()), Monitor(RULES)
    node = machine.start("node", 2.0)
    run(monitor, machine, 20)
    machine.focus = windows(active=node.pid)
    assert told(run(monitor, machine, 120)) == []
    assert len(monitor.desk.open) == 1


class Apps:
    """One app under one rule, a tick a second."""

    def __init__(self, text: str = EXCUSED, rule: str = "drain") -> None:
        self.engine = Engine(lambda uid: True)
        declared = parse_rules(text, "test.toml").declared if text else shipped_rules().declared
        self.rule = next(one for one in declared if one.name == rule)
        self.engine.set_rules([self.rule], 0)
        self.now_ns = 0

    def tick(self, ticks: int = 1, **values: float) -> list[Change]:
        changes: list[Change] = []
        for _ in range(ticks):
            self.now_ns += SECOND
            columns = {name: np.array([value]) for name, value in values.items()}
            table = Table(Named([Target("it", "it")]), columns)
            changes += self.engine.judge({self.rule.scope: table}, Moment(self.now_ns, SECOND))
        return changes

    def fired(self, ticks: int, **values: float) -> list[Fired]:
        return [change for change in self.tick(ticks, **values) if isinstance(change, Fired)]


@given(st.lists(st.sampled_from([(1.0, 0.0), (1.0, 1.0), (1.0, math.nan), (0.3, 0.0), (0.0, 0.0)]), max_size=60))
def test_nothing_fires_before_it_held_without_an_excuse_for_as_long_as_it_must(seen: list[tuple[float, float]]) -> None:
    apps, unexcused = Apps(), 0
    for cores, focus in seen:
        changes = apps.tick(cpu_cores=cores, in_focus=focus)
        unexcused = 0 if focus == 1.0 or cores == 0.0 else unexcused + 1
        if any(isinstance(change, Fired) for change in changes):
            assert unexcused >= 5


def test_an_unknown_excuse_excuses_nothing() -> None:
    assert len(Apps().fired(5, cpu_cores=1.0, in_focus=math.nan)) == 1
    assert Apps().fired(60, cpu_cores=1.0, in_focus=1.0) == []


def test_a_hot_graphics_card_is_no_alarm_during_a_game_unless_it_is_critical() -> None:
    def hot(full_screen: float, temperature_c: float = 95.0) -> list[Fired]:
        return Apps("", "gpu_hot").fired(30, gpu_temperature_c=temperature_c, full_screen=full_screen)

    assert hot(1.0) == []
    assert [change.draft.severity for change in hot(0.0)] == [Severity.WARNING]
    assert [change.draft.severity for change in hot(math.nan)] == [Severity.WARNING]
    assert [change.draft.severity for change in hot(1.0, 101.0)] == [Severity.CRITICAL]


def test_a_card_kept_busy_without_a_window_is_told_where_windows_are_known() -> None:
    def busy(window: float, foreground: float = 0.0) -> list[Fired]:
        values = {"gpu_ratio": 0.9, "is_system": 0.0, "is_background": math.nan, "is_foreground": foreground}
        return Apps("", "gpu_without_window").fired(130, has_window=window, **values)

    assert [change.draft.title for change in busy(0.0)] == ["it keeps the graphics card busy without a window"]
    assert busy(1.0) == []
    assert busy(math.nan) == []
    assert busy(0.0, foreground=1.0) == []


def test_an_app_in_focus_may_drain_the_battery() -> None:
    def drains(focus: float) -> list[Fired]:
        values = {"on_battery": 1.0, "spinning_cores": 0.5, "cpu_cores": 0.5, "is_system": 0.0}
        return Apps("", "battery_drain").fired(310, in_focus=focus, **values)

    assert drains(1.0) == []
    assert len(drains(0.0)) == 1
    assert len(drains(math.nan)) == 1


def test_the_machine_knows_of_a_full_screen_window() -> None:
    text = '[film]\nscope = "machine"\nwhen = "full_screen"\nfor_s = 2\n'
    for focus, found in ((windows(active=7, full_screen=True), 1), (windows(active=7), 0), (WAYLAND, 0), (None, 0)):
        monitor = Monitor(parse_rules(text, "test.toml", Rules()))
        machine = Machine(focus=focus)
        machine.start("film")
        assert len(told(run(monitor, machine, 10))) == found


def test_updates_go_on_while_excused() -> None:
    apps = Apps()
    apps.tick(5, cpu_cores=1.0, in_focus=0.0)
    assert all(isinstance(change, Updated) for change in apps.tick(9, cpu_cores=1.0, in_focus=1.0))
