"""The living app on Qt's thread: feeds the monitor, performs its effects, tells the screens.

It decides nothing about alerts (the monitor does) and touches nothing outside (the ports do). When the source goes
silent without a word, `stale` is said after three periods, so that old numbers are never shown as live.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QObject, QTimer, Signal

from smoothtask_gui.adapters.process_control import ControlError
from smoothtask_gui.domain.batch import Batch
from smoothtask_gui.domain.effects import Notify, Record, Withdraw
from smoothtask_gui.domain.incident import Action, Incident, ProcessIdentity
from smoothtask_gui.domain.rules import RULE_NAMES, Rules
from smoothtask_gui.domain.text import safe_text
from smoothtask_gui.sources.protocol import SourceChanged

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from typing import Any

    from smoothtask_gui.adapters.history.port import History
    from smoothtask_gui.adapters.notification_port import Notifications
    from smoothtask_gui.adapters.process_control import ProcessControl
    from smoothtask_gui.domain.effects import Effect
    from smoothtask_gui.domain.monitor import Monitor
    from smoothtask_gui.domain.view import View
    from smoothtask_gui.sources.protocol import Item

SNOOZE_NS: Final = 3_600_000_000_000
SILENT_PERIODS: Final = 3
SHORTEST_SILENCE_MS: Final = 3_000


@dataclass(frozen=True, slots=True)
class Ports:
    """How the watchdog reaches the world. `submit` runs a coroutine on the asyncio thread."""

    notifications: Notifications
    processes: ProcessControl
    history: History
    submit: Callable[[Coroutine[Any, Any, None]], object]


class Watchdog(QObject):
    """One monitor, its ports and its listeners."""

    changed = Signal(object)  # View
    stale = Signal(object)  # realtime_ns of the last batch, None if there was none
    show_incident = Signal(object)  # Incident
    source_changed = Signal(str, str)  # where readings come from now, and why if that is worth a word
    refused = Signal(str)  # why something the person asked for wasn't done

    def __init__(self, monitor: Monitor, ports: Ports, period_ms: int) -> None:
        super().__init__()
        self.monitor = monitor
        self.paused_until_ns: int | None = None  # boot time
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
        if self.paused_until_ns is not None and self.now_ns() >= self.paused_until_ns:
            self.paused_until_ns = None
        self._perform(effects)
        self.changed.emit(self.view)

    def act(self, incident_id: int, action: Action) -> None:
        """Do what a button of a notification or a menu says."""
        incident = next((one for one in self.monitor.incidents if one.id == incident_id), None)
        if incident is None:
            self._refuse("This alert is over; there is nothing to do any more.")
            return
        match action:
            case Action.SHOW:
                self.show_incident.emit(incident)
            case Action.STOP:
                self.stop(incident.target)
            case Action.SNOOZE:
                self.snooze(incident)

    def dismiss(self, incident_id: int) -> None:
        """The person closed the notification: not again for this incident."""
        self._perform(self.monitor.dismiss(incident_id))

    def stop(self, target: ProcessIdentity | None) -> None:
        """Ask a process to end; `refused` says why not."""
        if target is None:
            self._refuse("The process behind this alert has ended already.")
            return
        try:
            self._ports.processes.stop(target)
        except ControlError as error:
            self._refuse(str(error))

    def snooze(self, incident: Incident) -> None:
        """No notifications of this incident's rule and subject for an hour."""
        self._perform(self.monitor.snooze(incident.id, self.now_ns() + SNOOZE_NS))
        self.changed.emit(self.view)

    def pause_alerts(self, *, on: bool) -> None:
        """No notifications at all for an hour, or again from now on."""
        until_ns = self.now_ns() + SNOOZE_NS if on else self.now_ns()
        for rule in RULE_NAMES:
            self._perform(self.monitor.snooze(rule, until_ns))
        self.paused_until_ns = until_ns if on else None
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
