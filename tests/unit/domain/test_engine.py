"""What the rule engine promises, whatever the rule: on small tables, and on any that hypothesis thinks of."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smoothtask_gui.domain.changes import Change, Fired, Resolved
from smoothtask_gui.domain.incident import Action, ProcessIdentity, Severity
from smoothtask_gui.domain.judging.engine import Engine
from smoothtask_gui.domain.judging.rule_pass import MOST_WATCHED, Moment
from smoothtask_gui.domain.judging.series import Scope
from smoothtask_gui.domain.judging.table import Named, Table, Target
from smoothtask_gui.domain.rules import parse_rules

if TYPE_CHECKING:
    from collections.abc import Mapping

    from smoothtask_gui.domain.judging.rule import Rule

SECOND = 10**9
HOT = """
[hot]
scope = "sensor"
when = "headroom_c <= least_c and on_battery"
clear_when = "headroom_c > 2 * least_c"
value = "temperature_c"
level = "limit_c"
least_c = 5
for_s = 5
keep_firing_for_s = 3
cooldown_s = 20
title = "{name} is at {temperature_c}"
body = ["Its limit is {limit_c}.", "{package_w} go in."]
over = "{name} is well after {lasted}"
"""


def rules(text: str = HOT) -> tuple[Rule, ...]:
    return parse_rules(text, "test.toml").declared


class Story:
    """Judges one tick a second; what a target isn't given a number for is missing."""

    def __init__(self, *watched: Rule) -> None:
        self.engine = Engine(lambda uid: uid == 1000)
        self.engine.set_rules(watched or rules(), 0)
        self.now_ns = 100 * SECOND

    def tick(
        self,
        targets: Mapping[str, Mapping[str, float]],
        *,
        seconds: float = 1,
        blind: bool = False,
        careful: bool = False,
    ) -> list[Change]:
        interval_ns = round(seconds * SECOND)
        self.now_ns += interval_ns
        names = {name for values in targets.values() for name in values}
        columns = {name: np.array([values.get(name, math.nan) for values in targets.values()]) for name in names}
        who = [Target(name, name, ProcessIdentity(7, 7, 1000, name)) for name in targets]
        moment = Moment(self.now_ns, interval_ns, blind, 2 if careful else 1)
        return self.engine.judge({Scope.SENSOR: Table(Named(who), columns)}, moment)

    def hot(self, ticks: int = 1, headroom_c: float = 2.0, **values: float) -> list[Change]:
        numbers = {"headroom_c": headroom_c, "on_battery": 1.0, "temperature_c": 98.0, "limit_c": 100.0} | values
        return [change for _ in range(ticks) for change in self.tick({"cpu": numbers})]


def test_a_rule_fires_when_its_condition_has_lasted_and_says_what_it_knows() -> None:
    story = Story()
    assert story.hot(4) == []
    (fired,) = story.hot()
    assert isinstance(fired, Fired)
    assert fired.key == ("hot", "cpu")
    assert fired.began_ns == 100 * SECOND
    assert fired.draft.title == "cpu is at 98 °C"
    assert fired.draft.body == "Its limit is 100 °C."
    assert (fired.draft.value, fired.draft.limit) == (98.0, 100.0)
    assert fired.draft.severity is Severity.WARNING


def test_it_is_over_below_its_clear_level_and_not_before() -> None:
    story = Story()
    story.hot(5)
    assert not any(isinstance(change, Resolved) for change in story.hot(30, headroom_c=9.0))
    changes = story.hot(4, headroom_c=11.0)
    assert [change.title for change in changes if isinstance(change, Resolved)] == ["cpu is well after 39 s"]


def test_after_its_end_it_rests_for_its_cooldown() -> None:
    story = Story()
    story.hot(5)
    story.hot(4, headroom_c=20.0)
    assert story.hot(19) == []
    assert isinstance(story.hot(1)[0], Fired)


def test_all_parts_of_a_condition_must_hold() -> None:
    assert Story().hot(60, on_battery=0.0) == []


def test_a_target_that_is_gone_ends_its_alert_at_once() -> None:
    story = Story()
    story.hot(5)
    (over,) = story.tick({"other": {"headroom_c": 50.0}})
    assert isinstance(over, Resolved)
    assert over.title == "cpu ended after 6 s"


def test_soon_after_the_start_one_sample_alone_never_fires_however_long_it_is() -> None:
    story = Story(*(replace(rule, for_s=0.0) for rule in rules()))
    numbers = {"cpu": {"headroom_c": 1.0, "on_battery": 1.0}}
    assert story.tick(numbers, seconds=60, careful=True) == []
    assert len(story.tick(numbers, seconds=1, careful=True)) == 1


def test_the_sample_after_a_sleep_neither_fires_nor_counts() -> None:
    story = Story()
    story.hot(3)
    numbers = {"cpu": {"headroom_c": 1.0, "on_battery": 1.0}}
    assert story.tick(numbers, seconds=100, blind=True) == []
    assert story.hot(1) == []
    assert len(story.hot(1)) == 1


def test_a_rule_that_is_switched_off_ends_without_a_word() -> None:
    story = Story()
    story.hot(5)
    (over,) = story.engine.set_rules([], story.now_ns)
    assert isinstance(over, Resolved)
    assert over.is_silent
    assert story.hot(20) == []


def test_other_numbers_hold_from_the_next_tick_on() -> None:
    story = Story()
    story.hot(3)
    story.engine.set_rules(parse_rules("[hot]\nleast_c = 1\n", "mine.toml", parse_rules(HOT, "test.toml")).declared, 0)
    assert story.hot(20) == []


def test_a_name_on_the_ignore_list_may() -> None:
    story = Story(*(replace(rule, ignore=("cpu",)) for rule in rules()))
    assert story.hot(60) == []


def test_an_alert_that_gets_worse_becomes_critical_and_stays_so() -> None:
    story = Story(*rules(HOT + 'critical_when = "headroom_c <= 0"\n'))
    story.hot(5)
    worse = story.hot(1, headroom_c=-1.0)[0]
    better = story.hot(1, headroom_c=3.0)[0]
    assert not isinstance(worse, Resolved)
    assert not isinstance(better, Resolved)
    assert (worse.draft.severity, better.draft.severity) == (Severity.CRITICAL, Severity.CRITICAL)


def test_processes_of_others_are_not_offered_to_stop() -> None:
    text = HOT + 'remedies = ["show", "stop", "snooze"]\n'
    mine, theirs = Story(*rules(text)), Story(*rules(text))
    theirs.engine = Engine(lambda uid: False)
    theirs.engine.set_rules(rules(text), 0)
    (fired,) = mine.hot(5)
    (other,) = theirs.hot(5)
    assert isinstance(fired, Fired)
    assert isinstance(other, Fired)
    assert Action.STOP in fired.draft.actions
    assert Action.STOP not in other.draft.actions


def test_what_is_remembered_is_bounded_and_the_strongest_are_watched() -> None:
    story = Story()
    many = {
        f"s{number}": {"headroom_c": 1.0, "on_battery": 1.0, "temperature_c": float(number)} for number in range(400)
    }
    changes = [change for _ in range(6) for change in story.tick(many)]
    fired = {change.key[1] for change in changes if isinstance(change, Fired)}
    assert len(fired) == MOST_WATCHED
    assert "s399" in fired


HEADROOMS = st.lists(st.sampled_from([1.0, 4.0, 8.0, 12.0, 50.0, math.nan, math.inf, -math.inf, 1e300]), max_size=80)


@given(HEADROOMS)
def test_no_rule_fires_before_its_condition_held_for_as_long_as_it_asks(values: list[float]) -> None:
    story, held = Story(), 0
    for value in values:
        changes = story.hot(1, headroom_c=value)
        if value <= 5:
            held += 1
        elif not math.isnan(value):
            held = 0
        if any(isinstance(change, Fired) for change in changes):
            assert held >= 5


@given(HEADROOMS)
def test_once_resolved_it_needs_the_whole_time_again(values: list[float]) -> None:
    story = Story(*(replace(rule, cooldown_s=0.0) for rule in rules()))
    since_end: int | None = None
    for value in values:
        changes = story.hot(1, headroom_c=value)
        if since_end is not None and value <= 5:
            since_end += 1
        if any(isinstance(change, Fired) for change in changes):
            assert since_end is None or since_end >= 5
            since_end = None
        if any(isinstance(change, Resolved) for change in changes):
            since_end = 0


@given(HEADROOMS)
def test_whatever_came_before_no_alert_is_stuck(values: list[float]) -> None:
    story = Story()
    changes = [change for value in values for change in story.hot(1, headroom_c=value)]
    changes += story.hot(40, headroom_c=50.0)
    assert _open(changes) == set()


@given(HEADROOMS)
def test_whatever_came_before_a_value_that_stays_missing_ends_the_alert(values: list[float]) -> None:
    story = Story()
    changes = [change for value in values for change in story.hot(1, headroom_c=value)]
    changes += story.hot(40, headroom_c=math.nan)
    assert _open(changes) == set()


def _open(changes: list[Change]) -> set[tuple[str, str]]:
    found: set[tuple[str, str]] = set()
    for change in changes:
        if isinstance(change, Fired):
            assert change.key not in found
            found.add(change.key)
        elif isinstance(change, Resolved):
            found.remove(change.key)
    return found


@given(HEADROOMS, st.permutations(["a", "b", "c"]))
def test_the_order_of_rules_does_not_matter(values: list[float], order: list[str]) -> None:
    made = {name: replace(rules()[0], name=name, for_s=float(wait)) for name, wait in (("a", 2), ("b", 5), ("c", 7))}

    def told(names: list[str]) -> list[set[tuple[type, tuple[str, str]]]]:
        story = Story(*(made[name] for name in names))
        return [{(type(change), change.key) for change in story.hot(1, headroom_c=value)} for value in values]

    assert told(order) == told(["a", "b", "c"])


CHAOS = st.floats(allow_nan=True, allow_infinity=True)


@settings(max_examples=60)
@given(st.lists(st.tuples(CHAOS, CHAOS, CHAOS, st.integers(-200, 400)), max_size=30))
def test_no_values_and_no_clock_make_it_raise(ticks: list[tuple[float, float, float, int]]) -> None:
    story = Story(*rules(HOT + "forgives_dips = true\n"))
    for headroom_c, temperature_c, limit_c, seconds in ticks:
        story.now_ns += seconds * SECOND
        values = {"headroom_c": headroom_c, "on_battery": 1.0, "temperature_c": temperature_c, "limit_c": limit_c}
        story.tick({"cpu": values})
        story.tick({})
    story.tick({})
    story.engine.stop(story.now_ns)
    assert story.engine.stop(story.now_ns) == []


@pytest.mark.parametrize("value", [math.nan, 50.0])
def test_missing_and_harmless_values_never_fire(value: float) -> None:
    assert Story().hot(200, headroom_c=value) == []


SERIES_OF_HOT = ("headroom_c", "on_battery", "temperature_c", "limit_c")


@given(st.lists(st.dictionaries(st.sampled_from(SERIES_OF_HOT), st.sampled_from([0.0, 1.0, 2.0, 98.0])), max_size=60))
def test_while_a_series_of_its_condition_is_missing_no_rule_fires(looks: list[dict[str, float]]) -> None:
    """Each look lacks one of the two series that the condition needs, or both; the rest is anything."""
    story = Story()
    for number, values in enumerate(looks):
        lacking = {"headroom_c": math.nan} if number % 2 else {"on_battery": math.nan}
        missing = dict.fromkeys(SERIES_OF_HOT, math.nan)
        assert story.tick({"cpu": missing | {"headroom_c": 1.0, "on_battery": 1.0} | values | lacking}) == []
