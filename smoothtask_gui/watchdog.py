"""The living app on Qt's thread: feeds the monitor, performs its effects, tells the screens.

It decides nothing about alerts (the monitor does) and touches nothing outside (the ports do). When the source goes
silent without a word, `stale` is said after three periods, so that old numbers are never shown as live.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QObject, QTimer, Signal

from smoothtask_gui.adapters.files import FileError
from smoothtask_gui.adapters.process_control import ControlError
from smoothtask_gui.domain.batch import Batch
from smoothtask_gui.domain.choices import Scope, ScopeKind
from smoothtask_gui.domain.effects import Notify, Record, Remember, Withdraw
from smoothtask_gui.domain.incident import Action, Deed, IncidentState
from smoothtask_gui.domain.target import alone
from smoothtask_gui.domain.text import safe_text
from smoothtask_gui.sources.protocol import SourceChanged

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from typing import Any

    from smoothtask_gui.adapters.choices_file import ChoicesFile
    from smoothtask_gui.adapters.history.port import History
    from smoothtask_gui.adapters.notification_port import Notifications
    from smoothtask_gui.adapters.remedies import Remedies
    from smoothtask_gui.domain.choices import Choices
    from smoothtask_gui.domain.effects import Effect
    from smoothtask_gui.domain.incident import Hushed, ProcessIdentity
    from smoothtask_gui.domain.monitor import Monitor
    from smoothtask_gui.domain.rules import Rules
    from smoothtask_gui.domain.target import Target
    from smoothtask_gui.domain.view import View
    from smoothtask_gui.sources.protocol import Item

SNOOZE_S: Final = 3_600
EVERYTHING: Final = Scope(ScopeKind.EVERYTHING)
SILENT_PERIODS: Final = 3
SHORTEST_SILENCE_MS: Final = 3_000


@dataclass(frozen=True, slots=True)
class Ports:
    """How the watchdog reaches the world.

    `submit` runs a coroutine on the asyncio thread, `call` a function on Qt's. `choices` is None where none are kept.
    """

    notifications: Notifications
    remedies: Remedies
    history: History
    choices: ChoicesFile | None
    submit: Callable[[Coroutine[Any, Any, None]], object]
    call: Callable[..., None]


class Watchdog(QObject):
    """One monitor, its ports and its listeners."""

    changed = Signal(object)  # View
    stale = Signal(object)  # realtime_ns of the last batch, None if there was none
    show_incident = Signal(object)  # Incident
    source_changed = Signal(str, str)  # where readings come from now, and why if that is worth a word
    choices_changed = Signal(object)  # Choices
    refused = Signal(str)  # why something the person asked for wasn't done
    done = Signal(object)  # Deed: something that the person asked for was done

    def __init__(self, monitor: Monitor, ports: Ports, period_ms: int) -> None:
        super().__init__()
        self.monitor = monitor
        self._ports = ports
        self._last: Batch | None = None
        self._silence = QTimer(self, singleShot=True)
        self._silence.timeout.connect(self._fell_silent)
        self.set_period(period_ms)

    @property
    def view(self) -> View:
        return self.monitor.view()

    def set_period(self, period_ms: int) -> None:
        """Readings are due this often now."""
        self._silence.setInterval(max(SHORTEST_SILENCE_MS, SILENT_PERIODS * period_ms))

    def set_rules(self, rules: Rules) -> None:
        self._perform(self.monitor.set_rules(rules))
        self.changed.emit(self.view)

    def receive(self, item: Item) -> None:
        """Take one item of the source."""
        match item:
            case Batch():
                self._last = item
                self._silence.start()
                effects = self._receive_batch(item)
            case SourceChanged():
                self._silence.stop()
                effects = self.monitor.source_changed(item.source, item.reason)
                self.source_changed.emit(item.source, item.reason)
            case _:
                effects = self.monitor.receive_event(item)
        self._perform(effects)
        self.changed.emit(self.view)

    def act(self, incident_id: int, action: Action) -> None:
        """Do what a button of a notification, a menu or the window says."""
        incident = self.monitor.incident(incident_id)
        if incident is None:
            self._refuse("This alert is over; there is nothing to do any more.")
        elif action is Action.SHOW:
            self.show_incident.emit(incident)
        elif action is Action.SNOOZE:
            self.snooze(incident.id, SNOOZE_S)
        elif action is Action.EXPECTED:
            self._perform(self.monitor.expect(incident.id))
            self.changed.emit(self.view)
        else:
            self._treat(incident.id, action, self.monitor.target_for(incident, action))

    def dismiss(self, incident_id: int) -> None:
        """The person closed the notification: not again for this incident."""
        self._perform(self.monitor.dismiss(incident_id))

    def treat(self, process: ProcessIdentity, action: Action) -> None:
        """Do something to one process: `done` tells, `refused` says why not. Booked where an open incident names it."""
        named = (one.id for one in self.monitor.desk.open if any(share.identity == process for share in one.shares))
        self._treat(next(named, None), action, alone(process, self.view.sample))

    def snooze(self, target: Scope | int, seconds: int) -> None:
        """No notifications of a scope, or of what an incident (id) is about, for so long; 0 ends its snooze."""
        self._perform(self.monitor.snooze(target, self.now_ns() + seconds * 10**9))
        self.changed.emit(self.view)

    def unexpect(self, rule: str, app: str) -> None:
        """This isn't normal for this app any more."""
        self._perform(self.monitor.unexpect(rule, app))
        self.changed.emit(self.view)

    def pause_alerts(self, *, on: bool) -> None:
        """No notifications at all for an hour, or again from now on."""
        self.snooze(EVERYTHING, SNOOZE_S if on else 0)

    @property
    def paused_until_ns(self) -> int | None:
        """The boot time until which nothing is announced, None if that isn't wanted."""
        return self.monitor.desk.snoozed_until(EVERYTHING)

    def hold(self, incident_id: int, why: Hushed) -> None:
        """It was not announced: the surroundings want quiet."""
        self.monitor.desk.hold(incident_id, why)
        self.changed.emit(self.view)

    def release(self) -> None:
        """The surroundings allow announcements again."""
        self._perform(self.monitor.release())
        self.changed.emit(self.view)

    def lease_over(self, process: ProcessIdentity, sentence: str) -> None:
        """A pause ended by itself."""
        incident = self.monitor.desk.holding(process, Action.PAUSE)
        if incident is None:
            return
        deed = Deed(time.time_ns(), "SmoothTask", Action.RESUME, process.comm, sentence, True, process)
        if incident.state is IncidentState.RESOLVED:
            self._ports.submit(self._ports.notifications.tell("SmoothTask", sentence))
        self._perform(self.monitor.book(incident.id, deed))
        self.changed.emit(self.view)

    def _treat(self, incident_id: int | None, action: Action, target: Target | None) -> None:
        if target is None:
            self._refuse("The process behind this alert has ended already.")
        else:
            self._ports.submit(self._carry_out(incident_id, action, target))

    async def _carry_out(self, incident_id: int | None, action: Action, target: Target) -> None:
        """On the asyncio thread."""
        try:
            result, succeeded = await self._ports.remedies.apply(action, target), True
        except ControlError as error:
            result, succeeded = str(error), False
        deed = Deed(time.time_ns(), "you", action, target.name, result, succeeded, target.processes[0])
        self._ports.call(self._book, incident_id, deed)

    def _book(self, incident_id: int | None, deed: Deed) -> None:
        if incident_id is not None:
            self._perform(self.monitor.book(incident_id, deed))
        if deed.succeeded:
            self.done.emit(deed)
        else:
            self._refuse(deed.result)
        self.changed.emit(self.view)

    def now_ns(self) -> int:
        """Boot time as the readings have it: a recording lives in its own."""
        return self._last.boottime_ns if self._last is not None else time.clock_gettime_ns(time.CLOCK_BOOTTIME)

    def _perform(self, effects: tuple[Effect, ...]) -> None:
        for effect in effects:
            match effect:
                case Notify(incident):
                    self._ports.submit(self._ports.notifications.show(incident))
                case Withdraw(incident_id):
                    self._ports.submit(self._ports.notifications.withdraw(incident_id))
                case Record(incident):
                    self._ports.history.append(incident)
                case Remember(choices):
                    self._remember(choices)

    def _remember(self, choices: Choices) -> None:
        self.choices_changed.emit(choices)
        if self._ports.choices is None:
            return
        try:
            self._ports.choices.save(choices)
        except FileError as error:
            self._refuse(f"What you chose holds until SmoothTask ends: {error}")

    def _receive_batch(self, batch: Batch) -> tuple[Effect, ...]:
        before = self.monitor.sample
        effects = self.monitor.receive_batch(batch)
        sample = self.monitor.sample
        if sample is not None and sample is not before:
            self._ports.history.record(sample)
        return effects

    def _refuse(self, reason: str) -> None:
        self.refused.emit(safe_text(reason, 512))
        self._ports.submit(self._ports.notifications.tell("SmoothTask", reason))

    def _fell_silent(self) -> None:
        self.stale.emit(self._last.realtime_ns if self._last is not None else None)
