"""The first thing read in the window: is all well, if not why, and what can be done.

Shape, words and only then colour tell the state. Titles and bodies hold names of other programs: plain text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QDate, QDateTime, QLocale, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from smoothtask_gui.domain.incident import Action, Incident, Severity
from smoothtask_gui.ui import formats, theme
from smoothtask_gui.ui.actions import button_text, hint, of_a_button, why_not
from smoothtask_gui.ui.labels import PlainLabel, Tone

if TYPE_CHECKING:
    from smoothtask_gui.domain.view import View


MOST_BUTTONS: Final = 2
"""Beside Show; the rest is on the incident's card."""


def clock(realtime_ns: int) -> str:
    """A moment in local time: 12:01:05, with the date before it unless that is today."""
    moment = QDateTime.fromMSecsSinceEpoch(realtime_ns // 1_000_000)
    time = moment.toString("HH:mm:ss")
    if moment.date() == QDate.currentDate():
        return time
    return f"{QLocale().toString(moment.date(), QLocale.FormatType.ShortFormat)} {time}"


class StatusLine(QFrame):
    """Says the state of a `View` in one line, with the buttons of the newest open incident."""

    acted = Signal(int, Action)  # incident id

    def __init__(self, own_uid: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._own_uid = own_uid
        self._incident: Incident | None = None
        self.symbol = PlainLabel("○", scale=1.5)
        self.headline = PlainLabel(bold=True, wrap=True)
        self.evidence = PlainLabel(tone=Tone.MUTED, wrap=True)
        self.buttons = [self._button(place) for place in range(MOST_BUTTONS + 1)]
        self._offered: tuple[Action, ...] = ()
        self._lay_out()

    def show_view(self, view: View) -> None:
        """Say what is the case now."""
        incident = worst_first(view.open_incidents)
        self._offer(incident)
        if incident is not None:
            critical = incident.severity is Severity.CRITICAL
            more = len(view.open_incidents) - 1
            body = incident.body
            if more:
                body += "\n" + self.tr("{count} more under History.").format(count=more)
            self._say("■" if critical else "▲", Tone.CRITICAL if critical else Tone.WARNING, incident.title, body)
        elif view.source == "none":
            self._say("○", Tone.MUTED, self.tr("There are no readings"), view.notice)
        elif view.sample is None:
            waiting = self.tr("The first one needs two looks at the machine.")
            self._say("○", Tone.MUTED, self.tr("Waiting for the first reading"), waiting)
        else:
            self._say("●", Tone.CALM, self.tr("All is well"), self._summary(view))

    def show_stale(self, last_realtime_ns: int | None) -> None:
        """Say that readings have stopped coming; what is shown is old."""
        self._offer(None)
        headline = self.tr("No reading yet")
        if last_realtime_ns is not None:
            headline = self.tr("No reading since {time}").format(time=clock(last_realtime_ns))
        self._say("○", Tone.MUTED, headline, self.tr("Everything below is what was known then."))

    def _summary(self, view: View) -> str:
        if view.sample is None:
            return ""
        said = [self.tr("CPU {ratio}").format(ratio=formats.percent(view.sample.system.cpu_busy_ratio))]
        sensor, limit = view.cpu_sensor, view.cpu_limit
        if sensor is not None and sensor.temperature_c is not None and limit is not None:
            said.append(
                self.tr("{now} of at most {limit}").format(
                    now=formats.celsius(sensor.temperature_c), limit=formats.celsius(limit.temperature_c)
                )
            )
        return " · ".join(said)

    def _say(self, symbol: str, tone: Tone, headline: str, evidence: str) -> None:
        self.symbol.set_tone(tone)
        self.symbol.say(symbol)
        self.headline.say(headline)
        self.evidence.say(evidence)
        self.evidence.setVisible(bool(evidence))
        self.setAccessibleName(headline)
        if self.accessibleDescription() != evidence:
            self.setAccessibleDescription(evidence)

    def _offer(self, incident: Incident | None) -> None:
        self._incident = incident
        self._offered = of_a_button(incident.actions, MOST_BUTTONS) if incident else ()
        for place, button in enumerate(self.buttons):
            button.setVisible(place < len(self._offered))
            if incident is not None and place < len(self._offered):
                self._label(button, incident, self._offered[place])

    def _label(self, button: QPushButton, incident: Incident, action: Action) -> None:
        reason = why_not(incident, action)
        button.setText(button_text(action, incident.target.comm if incident.target else ""))
        button.setEnabled(not reason)
        button.setToolTip(formats.tooltip(reason or hint(incident, action, self._own_uid)))

    def _press(self, place: int) -> None:
        if self._incident is not None and place < len(self._offered):
            self.acted.emit(self._incident.id, self._offered[place])

    def _button(self, place: int) -> QPushButton:
        button = QPushButton()
        button.setMinimumHeight(theme.TARGET_PX)
        button.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        button.clicked.connect(lambda: self._press(place))
        button.hide()
        return button

    def _lay_out(self) -> None:
        words = QVBoxLayout()
        words.setSpacing(theme.GRID_PX // 4)
        words.addWidget(self.headline)
        words.addWidget(self.evidence)
        row = QHBoxLayout(self)
        row.setContentsMargins(theme.GRID_PX, theme.GRID_PX, theme.GRID_PX, theme.GRID_PX)
        row.setSpacing(theme.GRID_PX)
        row.addWidget(self.symbol)
        row.addLayout(words, 1)
        for button in self.buttons:
            row.addWidget(button)


def worst_first(incidents: tuple[Incident, ...]) -> Incident | None:
    """The newest of the worst open incidents (`incidents` is newest first), None if there is none."""
    critical = (incident for incident in incidents if incident.severity is Severity.CRITICAL)
    return next(critical, next(iter(incidents), None))
