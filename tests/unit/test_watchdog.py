"""Promises of `watchdog.py`: effects reach their ports, wishes reach the monitor, old numbers don't pass for live."""

import asyncio
from collections.abc import Coroutine
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from smoothtask_gui.adapters.process_control import ControlError
from smoothtask_gui.domain.batch import PROCESS, Batch, SystemReading
from smoothtask_gui.domain.effects import Notify, Record, Withdraw
from smoothtask_gui.domain.incident import Action, Incident, ProcessIdentity
from smoothtask_gui.domain.monitor import Monitor
from smoothtask_gui.domain.rules import Rules
from smoothtask_gui.sources.protocol import SourceChanged
from smoothtask_gui.watchdog import SHORTEST_SILENCE_MS, SNOOZE_NS, Ports, Watchdog
from tests.fakes.history import FakeHistory
from tests.fakes.incidents import runaway
from tests.fakes.notifications import FakeNotifications


class FakeProcesses:
    """Stops nothing; refuses when told to."""

    def __init__(self) -> None:
        self.stopped: list[ProcessIdentity] = []
        self.refusal = ""

    def stop(self, target: ProcessIdentity) -> None:
        if self.refusal:
            raise ControlError(self.refusal)
        self.stopped.append(target)


class OpenMonitor(Monitor):
    """A monitor with one open incident, which remembers what it was asked."""

    def __init__(self, incident: Incident) -> None:
        super().__init__(Rules())
        self.open = (incident,)
        self.snoozed: list[tuple[str | int, int]] = []
        self.answer: tuple[Notify | Withdraw | Record, ...] = ()

    @property
    def incidents(self) -> tuple[Incident, ...]:
        return self.open

    def receive_batch(self, batch: Batch) -> tuple[Notify | Withdraw | Record, ...]:
        super().receive_batch(batch)
        return self.answer

    def snooze(self, target: str | int, until_boottime_ns: int) -> tuple[Notify | Withdraw | Record, ...]:
        self.snoozed.append((target, until_boottime_ns))
        return ()


class Room:
    """A watchdog among fakes."""

    def __init__(self) -> None:
        self.notifications = FakeNotifications()
        self.processes = FakeProcesses()
        self.monitor = OpenMonitor(runaway(3))
        self.history = FakeHistory()
        self.watchdog = Watchdog(
            self.monitor, Ports(self.notifications, self.processes, self.history, self.submit), 1_000
        )

    @staticmethod
    def submit(work: Coroutine[Any, Any, None]) -> None:
        asyncio.run(work)


@pytest.fixture
def room(qtbot: QtBot) -> Room:
    return Room()


def batch(boottime_ns: int) -> Batch:
    nothing = dict.fromkeys(SystemReading.__dataclass_fields__, None)
    counters = {"cpus": 2, "cpu_busy_ns": 0, "cpu_idle_ns": 0, "cpu_iowait_ns": 0, "cpu_steal_ns": 0}
    system = SystemReading(**nothing | counters | {"boottime_ns": boottime_ns})  # type: ignore[arg-type]
    return Batch(boottime_ns, 1_000 + boottime_ns, "procfs", np.zeros(0, PROCESS), None, system)


def test_effects_reach_their_ports(room: Room) -> None:
    room.monitor.answer = (Notify(runaway(3)), Withdraw(2), Record(runaway(3)))
    room.watchdog.receive(batch(5))
    assert [incident.id for incident in room.notifications.shown] == [3]
    assert room.notifications.withdrawn == [2]
    assert room.history.incidents == [runaway(3)]


def test_stop_goes_to_the_process_that_the_incident_names(room: Room) -> None:
    room.watchdog.act(3, Action.STOP)
    assert room.processes.stopped == [runaway(3).target]


def test_a_refused_stop_says_why(room: Room, qtbot: QtBot) -> None:
    room.processes.refusal = "node has ended already."
    with qtbot.waitSignal(room.watchdog.refused) as refused:
        room.watchdog.act(3, Action.STOP)
    assert refused.args == ["node has ended already."]
    assert room.notifications.told == [("SmoothTask", "node has ended already.")]


def test_a_stop_without_a_living_process_says_so(room: Room, qtbot: QtBot) -> None:
    room.monitor.open = (replace(runaway(3), shares=()),)
    with qtbot.waitSignal(room.watchdog.refused) as refused:
        room.watchdog.act(3, Action.STOP)
    assert "ended already" in refused.args[0]


def test_a_button_of_an_alert_that_is_over_says_so(room: Room, qtbot: QtBot) -> None:
    with qtbot.waitSignal(room.watchdog.refused):
        room.watchdog.act(99, Action.STOP)
    assert room.processes.stopped == []


def test_show_asks_for_the_incident(room: Room, qtbot: QtBot) -> None:
    with qtbot.waitSignal(room.watchdog.show_incident) as shown:
        room.watchdog.act(3, Action.SHOW)
    assert shown.args == [runaway(3)]


def test_snooze_and_pause_last_an_hour_of_the_readings_own_time(room: Room) -> None:
    room.watchdog.receive(batch(5))
    room.watchdog.act(3, Action.SNOOZE)
    room.watchdog.pause_alerts(on=True)
    assert room.monitor.snoozed[0] == (3, 5 + SNOOZE_NS)
    assert {until for _, until in room.monitor.snoozed} == {5 + SNOOZE_NS}
    assert room.watchdog.paused_until_ns == 5 + SNOOZE_NS
    room.watchdog.receive(batch(5 + SNOOZE_NS))
    assert room.watchdog.paused_until_ns is None


def test_a_pause_can_be_ended(room: Room) -> None:
    room.watchdog.receive(batch(7))
    room.watchdog.pause_alerts(on=True)
    room.watchdog.pause_alerts(on=False)
    assert room.watchdog.paused_until_ns is None
    assert room.monitor.snoozed[-1][1] == 7


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
