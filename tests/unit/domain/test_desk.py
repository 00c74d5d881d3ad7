"""The life of an incident: what belongs together, what speaks, what was done, what the person chose."""

import math
from dataclasses import replace

import pytest

from smoothtask_gui.domain.changes import Draft, Fired, Key, Resolved, Updated
from smoothtask_gui.domain.choices import LONGEST_SNOOZE_NS, Choices, Expected, Scope, ScopeKind, Snooze
from smoothtask_gui.domain.desk import UPDATE_NS, Desk
from smoothtask_gui.domain.effects import Remember
from smoothtask_gui.domain.incident import (
    Action,
    Hushed,
    IncidentState,
    ProcessIdentity,
    Severity,
    Share,
)
from tests.fakes.batches import SECOND
from tests.fakes.desks import ALL, BUSY, CODER, EPOCH, FOX, HEAT, Table, busy, busy_key, calm, cooled, heat
from tests.fakes.watching import recorded, told, withdrawn


@pytest.fixture
def table() -> Table:
    return Table()


def test_heat_and_the_app_behind_it_are_one_incident_with_one_notification(table: Table) -> None:
    (first,) = told(table.fire(BUSY, busy()))
    effects = table.fire(HEAT, heat(CODER, FOX))
    (second,) = told(effects)
    assert second.id == first.id
    assert second.title == "CPU at 96 °C"
    assert second.joined == (first.title,)
    assert second.body.splitlines()[1] == f"Its critical limit is 100 °C. Also: {first.title}."
    assert withdrawn(effects) == []
    assert len(table.desk.open) == 1


def test_the_app_that_an_open_overheating_names_adds_to_it_without_a_word(table: Table) -> None:
    table.fire(HEAT, heat(CODER))
    effects = table.fire(BUSY, busy())
    assert told(effects) == []
    assert recorded(effects)[0].joined == (busy().title,)
    assert len(table.desk.open) == 1


def test_what_fires_together_shows_once(table: Table) -> None:
    (shown,) = told(table.apply(Fired(BUSY, busy(), 0), Fired(HEAT, heat(CODER), 0)))
    assert shown.rule == "overheating"


def test_an_app_that_the_heat_does_not_name_is_another_incident(table: Table) -> None:
    table.fire(HEAT, heat(CODER))
    assert len(told(table.fire(busy_key(FOX), busy(FOX)))) == 1
    assert len(table.desk.open) == 2


def test_two_incidents_that_turn_out_to_have_one_cause_become_the_older_one(table: Table) -> None:
    (first,) = told(table.fire(HEAT, heat()))
    (second,) = told(table.fire(BUSY, busy()))
    effects = table.apply(Updated(HEAT, heat(CODER)), after_s=120)
    assert withdrawn(effects) == [second.id]
    assert [one.id for one in told(effects)] == [first.id]
    assert [one.id for one in table.desk.open] == [first.id]
    assert [one.id for one in recorded(effects) if one.state is IncidentState.RESOLVED] == [second.id]
    assert table.desk.find(second.id) == table.desk.open[0]  # a late press on the old notification still means this


def test_effects_that_only_list_the_same_app_without_blaming_it_stay_apart(table: Table) -> None:
    table.fire(HEAT, replace(heat(CODER), named=""))
    table.fire(("overheating", "GPU"), replace(heat(CODER), named=""))
    assert len(table.desk.open) == 2


def test_an_incident_ends_with_its_last_alert_in_the_words_of_the_one_that_says_most(table: Table) -> None:
    table.fire(HEAT, heat(CODER))
    table.fire(BUSY, busy())
    table.apply(cooled())
    (end,) = told(table.apply(calm()))
    assert end.title == "CPU cooled down to 71 °C after 2 min 10 s"
    assert end.state is IncidentState.RESOLVED
    assert table.desk.open == ()


def test_what_is_left_of_an_incident_is_what_its_notification_says_then(table: Table) -> None:
    (shown,) = told(table.fire(HEAT, heat(CODER)))
    table.fire(BUSY, busy())
    (left,) = told(table.apply(cooled()))
    assert (left.id, left.title, left.joined) == (shown.id, busy().title, ())


def test_the_end_says_what_helped_and_how_long_it_took(table: Table) -> None:
    (shown,) = told(table.fire(HEAT, heat(CODER)))
    (paused,) = told(table.desk.book(shown.id, table.deed(Action.PAUSE)))
    assert paused.id == shown.id
    assert paused.body.startswith("HandBrakeCLI was dealt with.\n")
    assert paused.actions[0] is Action.RESUME
    assert Action.PAUSE not in paused.actions
    (end,) = told(table.apply(cooled(), after_s=129))
    assert end.title == "CPU cooled down to 71 °C after HandBrakeCLI was paused"
    assert end.body.splitlines()[0] == "It took 2 min 10 s."
    assert end.actions == (Action.RESUME,)


def test_a_short_name_stands_whole_in_the_end(table: Table) -> None:
    coder = replace(CODER, comm="x264")
    (shown,) = told(table.fire(HEAT, heat(coder)))
    table.desk.book(shown.id, table.deed(Action.STOP, target="x264"))
    (end,) = told(table.apply(cooled(), after_s=129))
    assert end.title == "CPU cooled down to 71 °C after x264 was stopped (2 min 10 s)"
    assert end.actions == ()


@pytest.mark.parametrize("later", [("resume", True), ("pause", False)])
def test_what_was_undone_or_failed_is_not_credited(table: Table, later: tuple[str, bool]) -> None:
    (shown,) = told(table.fire(HEAT, heat(CODER)))
    if later[1]:
        table.desk.book(shown.id, table.deed(Action.PAUSE))
    table.desk.book(shown.id, table.deed(Action(later[0]), succeeded=later[1]))
    (end,) = told(table.apply(cooled()))
    assert "was paused" not in end.title
    assert len(end.deeds) == 1 + later[1]


def gone() -> Resolved:
    return replace(calm(), title="HandBrakeCLI ended after 2 min", fact="HandBrakeCLI ended", has_ended=True)


def test_a_stop_that_is_told_after_the_end_it_made_is_credited(table: Table) -> None:
    (shown,) = told(table.fire(BUSY, busy()))
    (end,) = told(table.apply(gone(), after_s=9))
    assert end.title == "HandBrakeCLI ended after 2 min"
    effects = table.desk.book(shown.id, table.deed(Action.STOP))
    (credited,) = told(effects)
    assert credited.title == "HandBrakeCLI ended after it was stopped (10 s)"
    assert credited.body.splitlines()[0] == "It took 10 s."
    assert (credited.state, credited.resolved_boottime_ns) == (IncidentState.RESOLVED, end.resolved_boottime_ns)
    assert recorded(effects) == [credited] == list(table.desk.recent)


@pytest.mark.parametrize(("over", "succeeded"), [(calm(), True), (gone(), False)])
def test_a_stop_after_the_end_that_did_not_make_it_is_booked_alone(
    table: Table, over: Resolved, succeeded: bool
) -> None:
    (shown,) = told(table.fire(BUSY, busy()))
    (end,) = told(table.apply(over))
    effects = table.desk.book(shown.id, table.deed(Action.STOP, succeeded=succeeded))
    assert told(effects) == []
    assert [one.title for one in recorded(effects)] == [end.title]
    assert len(recorded(effects)[0].deeds) == 1


def test_undoing_after_the_end_is_booked_and_then_not_offered_again(table: Table) -> None:
    (shown,) = told(table.fire(HEAT, heat(CODER)))
    table.desk.book(shown.id, table.deed(Action.PAUSE))
    table.apply(cooled())
    (booked,) = recorded(table.desk.book(shown.id, table.deed(Action.RESUME)))
    assert [deed.action for deed in booked.deeds] == [Action.PAUSE, Action.RESUME]
    assert table.desk.recent[0].actions == ()


def test_what_failed_is_recorded_without_a_notification(table: Table) -> None:
    (shown,) = told(table.fire(HEAT, heat(CODER)))
    effects = table.desk.book(shown.id, table.deed(Action.STOP, succeeded=False))
    assert told(effects) == []
    assert recorded(effects)[0].deeds[0].succeeded is False


@pytest.mark.parametrize(
    "scope",
    [ALL, Scope(ScopeKind.RULE, "runaway"), Scope(ScopeKind.APP, subject="HandBrakeCLI"),
     Scope(ScopeKind.ALERT, "runaway", "7:100")],
    ids=lambda scope: scope.kind.value,
)  # fmt: skip
def test_each_scope_of_a_snooze_silences_until_it_is_over(table: Table, scope: Scope) -> None:
    table.snooze(scope, 60)
    assert told(table.fire(BUSY, busy())) == []
    assert table.desk.open[0].hushed is Hushed.SNOOZED
    assert told(table.wake(58)) == []
    (spoken,) = told(table.wake(2))
    assert spoken.hushed is None


def test_a_snooze_of_one_thing_leaves_the_others_alone(table: Table) -> None:
    table.snooze(Scope(ScopeKind.APP, subject="HandBrakeCLI"), 60)
    assert len(told(table.fire(busy_key(FOX), busy(FOX)))) == 1


def test_a_snoozed_runaway_does_not_silence_the_heat_it_makes(table: Table) -> None:
    table.snooze(Scope(ScopeKind.RULE, "runaway"), 600)
    table.fire(BUSY, busy())
    assert len(told(table.fire(HEAT, heat(CODER)))) == 1


def test_a_snooze_can_be_ended_early(table: Table) -> None:
    table.snooze(ALL, 3600)
    table.fire(BUSY, busy())
    assert len(told(table.snooze(ALL, 0))) == 1


def test_choices_outlive_a_restart_and_a_wrong_clock(table: Table) -> None:
    table.fire(BUSY, busy())
    effects = table.desk.expect(1, table.now_ns, table.realtime_ns)
    effects += table.snooze(ALL, 3600)
    choices = [effect.choices for effect in effects if isinstance(effect, Remember)][-1]
    assert [one.app for one in choices.expected] == ["HandBrakeCLI"]
    later = Desk(12, 1)
    later.resume(choices, 5 * SECOND, table.realtime_ns + 600 * SECOND)
    assert later.snoozed_until(ALL) == 5 * SECOND + 3000 * SECOND
    wrong = Desk(12, 1)
    wrong.resume(Choices((Snooze(ALL, EPOCH * 2),)), 0, EPOCH)
    assert wrong.snoozed_until(ALL) == LONGEST_SNOOZE_NS


def test_what_is_expected_of_an_app_raises_no_warning_any_more(table: Table) -> None:
    (shown,) = told(table.fire(BUSY, busy()))
    effects = table.desk.expect(shown.id, table.now_ns, table.realtime_ns)
    assert withdrawn(effects) == [shown.id]
    assert table.desk.open == ()
    assert recorded(effects)[0].title == "You expect this of HandBrakeCLI"
    assert table.apply(Updated(BUSY, busy())) == ()
    table.apply(calm())
    assert table.fire(BUSY, busy()) == ()
    assert len(told(table.fire(busy_key(FOX), busy(FOX)))) == 1


def of_app(draft: Draft, app_id: str, name: str) -> Draft:
    return replace(draft, shares=tuple(replace(share, app_id=app_id, name=name) for share in draft.shares))


def test_what_is_expected_is_expected_of_the_app_whatever_its_process_is_called(table: Table) -> None:
    first = of_app(busy(), "application:org.video:1000", "Video Editor")
    (shown,) = told(table.fire(BUSY, first))
    table.desk.expect(shown.id, table.now_ns, table.realtime_ns)
    (kept,) = table.desk.choices(0, 0).expected
    assert (kept.app, kept.name) == ("application:org.video:1000", "Video Editor")
    worker = of_app(busy(FOX), "application:org.video:1000", "Video Editor")
    assert told(table.fire(busy_key(FOX), worker)) == []
    other = of_app(busy(), "command:HandBrakeCLI:1000", "HandBrakeCLI")
    assert len(told(table.fire(("runaway", "another"), other))) == 1


def test_what_was_expected_of_a_process_is_kept_for_its_app(table: Table) -> None:
    table.desk.resume(Choices((), (Expected("runaway", "HandBrakeCLI", 7),)), 0, 0)
    effects = table.fire(BUSY, of_app(busy(), "application:org.video:1000", "Video Editor"))
    assert told(effects) == []
    moved = Expected("runaway", "application:org.video:1000", 7, "Video Editor")
    assert [effect.choices.expected for effect in effects if isinstance(effect, Remember)] == [(moved,)]
    assert len(told(table.desk.unexpect("runaway", moved.app, table.now_ns, table.realtime_ns))) == 1


def test_an_expectation_taken_back_raises_what_goes_on(table: Table) -> None:
    (shown,) = told(table.fire(BUSY, busy()))
    table.desk.expect(shown.id, table.now_ns, table.realtime_ns)
    assert len(told(table.desk.unexpect("runaway", "HandBrakeCLI", table.now_ns, table.realtime_ns))) == 1
    assert table.desk.choices(0, 0) == Choices()


def test_what_becomes_critical_is_told_though_it_was_expected(table: Table) -> None:
    table.desk.resume(Choices((), (Expected("overheating", "HandBrakeCLI", 0),)), 0, EPOCH)
    assert table.fire(HEAT, heat(CODER)) == ()
    assert len(told(table.apply(Updated(HEAT, heat(CODER, severity=Severity.CRITICAL))))) == 1


def test_beyond_the_hourly_budget_incidents_are_gathered_and_the_last_quarter_is_for_critical_ones() -> None:
    table = Table(per_hour=4)
    who = [replace(CODER, pid=number) for number in range(10, 17)]
    spoken = [len(told(table.fire(busy_key(one), busy(one)))) for one in who[:5]]
    assert spoken == [1, 1, 1, 0, 0]
    assert [one.hushed for one in table.desk.open[:2]] == [Hushed.BUDGET, Hushed.BUDGET]
    assert len(told(table.fire(busy_key(who[5]), busy(who[5], Severity.CRITICAL)))) == 1
    assert told(table.fire(busy_key(who[6]), busy(who[6], Severity.CRITICAL))) == []


def test_what_the_surroundings_held_back_is_told_when_they_allow_it_if_it_is_still_open(table: Table) -> None:
    (one,) = told(table.fire(BUSY, busy()))
    (other,) = told(table.fire(busy_key(FOX), busy(FOX)))
    for incident in (one, other):
        table.desk.hold(incident.id, Hushed.FULL_SCREEN)
    assert {incident.hushed for incident in table.desk.open} == {Hushed.FULL_SCREEN}
    assert told(table.apply(calm())) == []
    assert [incident.id for incident in told(table.desk.release(table.now_ns))] == [other.id]
    assert told(table.desk.release(table.now_ns)) == []


def test_what_was_held_back_does_not_use_up_the_budget() -> None:
    table = Table(per_hour=1)
    for pid in range(10, 14):
        who = replace(CODER, pid=pid)
        (incident,) = told(table.fire(busy_key(who), busy(who)))
        table.desk.hold(incident.id, Hushed.DO_NOT_DISTURB)


def test_an_alert_that_one_sample_raised_in_the_first_minute_waits_for_the_next(table: Table) -> None:
    now_ns = table.now_ns
    first = table.desk.apply((Fired(BUSY, busy(), now_ns),), now_ns, EPOCH, settling_ns=SECOND)
    assert first == ()
    assert table.desk.open == ()
    second = table.desk.apply((Updated(BUSY, busy()),), now_ns + SECOND, EPOCH, settling_ns=SECOND)
    assert len(told(second)) == 1


def test_an_alert_of_one_sample_that_the_next_does_not_confirm_is_forgotten(table: Table) -> None:
    now_ns = table.now_ns
    table.desk.apply((Fired(BUSY, busy(), now_ns),), now_ns, EPOCH, settling_ns=SECOND)
    assert table.desk.apply((calm(),), now_ns + SECOND, EPOCH, settling_ns=SECOND) == ()
    assert table.desk.recent == ()


def test_what_was_seen_for_longer_does_not_wait_in_the_first_minute(table: Table) -> None:
    fired = Fired(BUSY, busy(), table.now_ns - 10 * SECOND)
    assert len(told(table.desk.apply((fired,), table.now_ns, EPOCH, settling_ns=SECOND))) == 1


def test_a_changed_culprit_is_news_once_a_minute(table: Table) -> None:
    table.fire(HEAT, heat(CODER))
    assert told(table.apply(Updated(HEAT, heat(FOX)))) == []
    table.now_ns += UPDATE_NS
    assert len(told(table.apply(Updated(HEAT, heat(FOX))))) == 1


def hangs(pid: int, app_id: str = "command:cp:1000") -> tuple[Key, Draft]:
    """An alert about one process of an app, as rules of the scope `process` give it."""
    who = ProcessIdentity(pid, 100, 1000, "cp")
    draft = replace(busy(who), title="cp hangs", shares=(Share("cp", math.nan, who, app_id),))
    return ("hung", f"{pid}:100"), draft


def test_what_is_expected_of_a_process_is_expected_of_its_app(table: Table) -> None:
    table.fire(*hangs(21))
    table.desk.expect(1, table.now_ns, table.realtime_ns)
    assert [(one.rule, one.app) for one in table.desk.choices(table.now_ns, table.realtime_ns).expected] == [
        ("hung", "command:cp:1000")
    ]
    assert told(table.fire(*hangs(22))) == []
    assert len(told(table.fire(*hangs(23, "command:cp:1001")))) == 1


def test_a_snooze_of_an_alert_about_a_process_holds_for_its_app(table: Table) -> None:
    (shown,) = told(table.fire(*hangs(21)))
    table.desk.snooze_incident(shown.id, table.now_ns + 3600 * SECOND, table.now_ns, table.realtime_ns)
    table.apply(Resolved(hangs(21)[0], "cp ended"))
    assert told(table.fire(*hangs(22))) == []
    assert len(told(table.fire(*hangs(23, "command:cp:1001")))) == 1


def test_what_is_over_can_be_snoozed_for_its_app_too(table: Table) -> None:
    (shown,) = told(table.fire(*hangs(21)))
    table.apply(Resolved(hangs(21)[0], "cp ended"))
    table.desk.snooze_incident(shown.id, table.now_ns + 3600 * SECOND, table.now_ns, table.realtime_ns)
    assert told(table.fire(*hangs(22))) == []


@pytest.mark.parametrize(
    "subject", ["command:cp:1000", "cp"], ids=["by its id", "by its process's name, as before 1.0"]
)
def test_a_snooze_of_an_app_holds_for_each_of_its_processes(table: Table, subject: str) -> None:
    kept = Snooze(Scope(ScopeKind.APP, subject=subject), table.realtime_ns + 3600 * SECOND)
    table.desk.resume(Choices(snoozes=(kept,)), table.now_ns, table.realtime_ns)
    assert told(table.fire(*hangs(21))) == []
    assert len(told(table.fire(busy_key(FOX), busy(FOX)))) == 1


@pytest.mark.parametrize("subject", ["21:100", "command:cp:1000"])
def test_a_kept_snooze_of_an_alert_by_its_process_still_holds(table: Table, subject: str) -> None:
    kept = Snooze(Scope(ScopeKind.ALERT, "hung", subject), table.realtime_ns + 3600 * SECOND)
    table.desk.resume(Choices(snoozes=(kept,)), table.now_ns, table.realtime_ns)
    assert told(table.fire(*hangs(21))) == []


def test_what_was_expected_by_a_process_s_name_is_kept_for_its_app(table: Table) -> None:
    table.desk.resume(Choices(expected=(Expected("hung", "cp", 5),)), table.now_ns, table.realtime_ns)
    assert told(table.fire(*hangs(21))) == []
    assert table.desk.choices(table.now_ns, table.realtime_ns).expected == (
        Expected("hung", "command:cp:1000", 5, "cp"),
    )
