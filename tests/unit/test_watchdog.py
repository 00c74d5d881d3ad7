"""Promises of `watchdog.py`: effects reach their ports, wishes reach the monitor, old numbers don't pass for live."""

import asyncio
from collections.abc import Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from smoothtask_gui.adapters.choices_file import ChoicesFile
from smoothtask_gui.domain.batch import PROCESS, Batch, SystemReading
from smoothtask_gui.domain.changes import Draft, Fired
from smoothtask_gui.domain.choices import ScopeKind
from smoothtask_gui.domain.effects import Effect, Notify, Record, Withdraw
from smoothtask_gui.domain.incident import Action, Hushed, ProcessIdentity, Severity
from smoothtask_gui.domain.monitor import Monitor
from smoothtask_gui.domain.rules import Rules
from smoothtask_gui.domain.target import Target
from smoothtask_gui.sources.protocol import SourceChanged
from smoothtask_gui.watchdog import SHORTEST_SILENCE_MS, SNOOZE_S, Ports, Watchdog
from tests.fakes.history import FakeHistory
from tests.fakes.incidents import runaway
from tests.fakes.notifications import FakeNotifications
from tests.fakes.remedies import FakeRemedies


class OpenMonitor(Monitor):
    """A monitor whose effects the test chooses, with one open incident."""

    def __init__(self) -> None:
        super().__init__(Rules())
        self.answer: tuple[Effect, ...] = ()
        self.desk.apply((Fired(("runaway", "4321:5000000000"), draft(), 1),), 1, 1)

    def receive_batch(self, batch: Batch) -> tuple[Effect, ...]:
        super().receive_batch(batch)
        return self.answer


def draft(severity: Severity = Severity.WARNING) -> Draft:
    one = runaway()
    words = {name: getattr(one, name) for name in ("title", "body", "subject", "value", "limit", "shares", "actions")}
    return Draft(severity=severity, rest_ratio=0.1, method="", **words)


class Room:
    """A watchdog among fakes, with one open incident whose id is 1."""

    def __init__(self, folder: Path) -> None:
        self.notifications = FakeNotifications()
        self.remedies = FakeRemedies()
        self.monitor = OpenMonitor()
        self.folder = folder
        self.calls: list[tuple[Any, ...]] = []
        self.history = FakeHistory()
        ports = Ports(
            self.notifications,
            self.remedies,
            self.history,
            ChoicesFile(folder),
            self.submit,
            lambda *call: self.calls.append(call),
        )
        self.watchdog = Watchdog(self.monitor, ports, 1_000)

    @property
    def deeds(self) -> list[tuple[Action, str, bool]]:
        (incident,) = self.monitor.incidents
        return [(deed.action, deed.result, deed.succeeded) for deed in incident.deeds]

    def submit(self, work: Coroutine[Any, Any, None]) -> None:
        """At once, then what it has called on Qt's thread."""
        asyncio.run(work)
        while self.calls:
            function, *arguments = self.calls.pop(0)
            function(*arguments)


@pytest.fixture
def room(tmp_path: Path, qtbot: QtBot) -> Room:
    return Room(tmp_path)


def batch(boottime_ns: int) -> Batch:
    nothing = dict.fromkeys(SystemReading.__dataclass_fields__, None)
    counters = {"cpus": 2, "cpu_busy_ns": 0, "cpu_idle_ns": 0, "cpu_iowait_ns": 0, "cpu_steal_ns": 0, "disks": ()}
    system = SystemReading(**nothing | counters | {"boottime_ns": boottime_ns})  # type: ignore[arg-type]
    return Batch(boottime_ns, 1_000 + boottime_ns, "procfs", np.zeros(0, PROCESS), None, system)


def test_effects_reach_their_ports(room: Room) -> None:
    room.monitor.answer = (Notify(runaway(3)), Withdraw(2), Record(runaway(3)))
    room.watchdog.receive(batch(5))
    assert [incident.id for incident in room.notifications.shown] == [3]
    assert room.notifications.withdrawn == [2]
    assert room.history.incidents == [runaway(3)]


@pytest.mark.parametrize("action", [Action.PAUSE, Action.LIMIT, Action.STOP])
def test_a_remedy_reaches_the_process_that_the_incident_names_and_is_booked(room: Room, action: Action) -> None:
    room.watchdog.act(1, action)
    assert room.remedies.done == [(action, Target("node", (runaway().target,)))]
    assert room.deeds == [(action, f"node: {action}.", True)]
    assert room.notifications.shown[-1].body.startswith(f"node: {action}.")
    assert [deed.action for deed in room.history.incidents[-1].deeds] == [action]


def test_undoing_reaches_whom_it_was_done_to(room: Room) -> None:
    room.watchdog.act(1, Action.PAUSE)
    room.watchdog.act(1, Action.RESUME)
    assert [action for action, _ in room.remedies.done] == [Action.PAUSE, Action.RESUME]
    assert room.remedies.done[1][1].processes == (runaway().target,)
    assert Action.PAUSE in room.monitor.incidents[0].actions


def test_a_refused_remedy_says_why_and_is_booked_as_failed(room: Room, qtbot: QtBot) -> None:
    room.remedies.refusal = "node has ended already."
    with qtbot.waitSignal(room.watchdog.refused) as refused:
        room.watchdog.act(1, Action.STOP)
    assert refused.args == ["node has ended already."]
    assert room.notifications.told == [("SmoothTask", "node has ended already.")]
    assert room.deeds == [(Action.STOP, "node has ended already.", False)]


def test_a_remedy_without_a_living_process_says_so(room: Room, qtbot: QtBot) -> None:
    room.monitor.desk.apply((Fired(("oom", "x"), replace(draft(), shares=()), 1),), 1, 1)
    with qtbot.waitSignal(room.watchdog.refused) as refused:
        room.watchdog.act(2, Action.STOP)
    assert "ended already" in refused.args[0]


def test_a_process_of_the_table_is_treated_without_an_incident_and_the_window_told(room: Room, qtbot: QtBot) -> None:
    with qtbot.waitSignal(room.watchdog.done) as done:
        room.watchdog.treat(ProcessIdentity(9, 1, 1000, "firefox"), Action.LOWER)
    assert [(action, target.name) for action, target in room.remedies.done] == [(Action.LOWER, "firefox")]
    assert done.args[0].succeeded
    assert room.deeds == []


def test_what_is_done_to_a_row_that_an_open_incident_names_is_kept_in_its_history(room: Room) -> None:
    culprit = room.monitor.desk.open[0].target
    assert culprit is not None
    room.watchdog.treat(culprit, Action.KILL)
    assert [(action, succeeded) for action, _, succeeded in room.deeds] == [(Action.KILL, True)]


def test_a_button_of_an_alert_that_is_over_says_so(room: Room, qtbot: QtBot) -> None:
    with qtbot.waitSignal(room.watchdog.refused):
        room.watchdog.act(99, Action.STOP)
    assert room.remedies.done == []


def test_show_asks_for_the_incident(room: Room, qtbot: QtBot) -> None:
    with qtbot.waitSignal(room.watchdog.show_incident) as shown:
        room.watchdog.act(1, Action.SHOW)
    assert shown.args[0].id == 1


def test_a_pause_that_ended_by_itself_is_booked_and_told(room: Room) -> None:
    room.watchdog.act(1, Action.PAUSE)
    room.watchdog.lease_over(runaway().target, "node goes on: the time of its pause is over.")
    assert room.deeds[-1] == (Action.RESUME, "node goes on: the time of its pause is over.", True)
    assert room.monitor.incidents[0].deeds[-1].who == "SmoothTask"
    assert room.notifications.shown[-1].body.startswith("node goes on")
    room.watchdog.lease_over(runaway().target, "again")
    assert len(room.deeds) == 2


def test_what_is_expected_is_taken_back_silently_and_kept(room: Room) -> None:
    room.watchdog.act(1, Action.EXPECTED)
    assert room.notifications.withdrawn == [1]
    assert [one.app for one in ChoicesFile(room.folder).load()[0].expected] == ["node"]
    room.watchdog.unexpect("runaway", "node")
    assert ChoicesFile(room.folder).load()[0].expected == ()
    assert len(room.notifications.shown) == 1


def test_snoozes_last_their_time_of_the_readings_and_are_kept(room: Room) -> None:
    room.watchdog.receive(batch(5))
    room.watchdog.act(1, Action.SNOOZE)
    assert room.monitor.incidents[0].hushed is Hushed.SNOOZED
    room.watchdog.pause_alerts(on=True)
    assert room.watchdog.paused_until_ns == 5 + SNOOZE_S * 10**9
    kinds = [snooze.scope.kind for snooze in ChoicesFile(room.folder).load()[0].snoozes]
    assert kinds == [ScopeKind.ALERT, ScopeKind.EVERYTHING]


def test_a_pause_of_all_alerts_can_be_ended(room: Room) -> None:
    room.watchdog.receive(batch(7))
    room.watchdog.pause_alerts(on=True)
    room.watchdog.pause_alerts(on=False)
    assert room.watchdog.paused_until_ns is None


def test_what_was_held_back_is_announced_when_the_quiet_is_over(room: Room) -> None:
    room.watchdog.hold(1, Hushed.FULL_SCREEN)
    assert room.monitor.incidents[0].hushed is Hushed.FULL_SCREEN
    room.watchdog.release()
    assert [incident.id for incident in room.notifications.shown] == [1]


def test_choices_that_cannot_be_kept_are_said(room: Room, qtbot: QtBot) -> None:
    (room.folder / "choices.json").mkdir()
    with qtbot.waitSignal(room.watchdog.refused) as refused:
        room.watchdog.pause_alerts(on=True)
    assert "holds until SmoothTask ends" in refused.args[0]


def test_a_source_that_falls_silent_is_told_after_three_periods(room: Room, qtbot: QtBot) -> None:
    with qtbot.waitSignal(room.watchdog.stale, timeout=SHORTEST_SILENCE_MS * 4) as stale:
        room.watchdog.receive(batch(9))
    assert stale.args == [1_009]


def test_a_source_that_says_it_went_is_not_called_silent(room: Room, qtbot: QtBot) -> None:
    room.watchdog.receive(batch(9))
    room.watchdog.receive(SourceChanged("none", "The helper went away."))
    with qtbot.assertNotEmitted(room.watchdog.stale, wait=SHORTEST_SILENCE_MS + 500):
        pass
    assert room.watchdog.view.notice == "The helper went away."


def test_each_sample_reaches_the_history_once(room: Room) -> None:
    for boottime_ns in (5, 1_000_000_005, 1_000_000_005, 2_000_000_005):
        room.watchdog.receive(batch(boottime_ns))
    assert [sample.boottime_ns for sample in room.history.samples] == [1_000_000_005, 2_000_000_005]
