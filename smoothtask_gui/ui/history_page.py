"""The history tab: what was going on at a time, who took how much of it, and what went wrong.

A time line above; below it the apps of the span that is chosen in it, or of all that it shows, and the incidents with
their evidence. Questions go out through `remember`, answers come later; one to an earlier question is thrown away.
While the line ends now it moves on by itself, but not under a hand that drags.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QButtonGroup,
    QHBoxLayout,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from smoothtask_gui.domain.history.question import Question
from smoothtask_gui.domain.history.series import CPU, MEMORY, MEMORY_TOTAL, TEMPERATURE
from smoothtask_gui.domain.text import safe_text
from smoothtask_gui.ui import formats, theme
from smoothtask_gui.ui.history_apps import HistoryApps
from smoothtask_gui.ui.history_port import Remember, nothing_recorded
from smoothtask_gui.ui.incidents_page import IncidentsPage
from smoothtask_gui.ui.labels import PlainLabel, Tone
from smoothtask_gui.ui.status_line import clock
from smoothtask_gui.ui.timeline import Timeline

if TYPE_CHECKING:
    from collections.abc import Callable

    from PySide6.QtGui import QShowEvent

    from smoothtask_gui.domain.history.answers import Answer, Line
    from smoothtask_gui.domain.incident import Incident
    from smoothtask_gui.domain.view import View

_NS: Final = 1_000_000_000
_LENGTHS_S: Final = (600, 3_600, 6 * 3_600, 86_400, 7 * 86_400, 30 * 86_400)
_RENEWED_S: Final = (2.0, 5.0, 10.0, 30.0, 60.0, 60.0)
"""How often the line moves on, by its length."""

_AROUND_S: Final = 15.0
"""Chosen to each side of a moment that a person asks for."""

_REASON_BYTES: Final = 1_000
_LEAST_EM: Final = 9
"""Height of what is below the line, in a window that is too small for all of it."""


class HistoryPage(QWidget):
    """`now` is the wall clock in seconds since 1970."""

    def __init__(
        self,
        own_uid: int,
        remember: Remember = nothing_recorded,
        now: Callable[[], float] = time.time,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._remember, self._now = remember, now
        self._length = 1
        self._end_s: float | None = None  # None: now
        self._asked: Question | None = None
        self._renewed_s = 0.0
        self._is_recording = True
        self._answer: Answer | None = None
        self._view: View | None = None
        self.timeline = Timeline()
        self.readout = PlainLabel(tone=Tone.MUTED)
        self.readout.setContentsMargins(theme.GRID_PX, 0, theme.GRID_PX, 0)  # in line with the time line's edge
        self.title = PlainLabel(bold=True)
        self.apps = HistoryApps()
        self.incidents = IncidentsPage(own_uid)
        self.below = QStackedWidget()
        self.lengths, self.parts = QButtonGroup(self), QButtonGroup(self)
        self.show_apps, self.show_incidents = self._button(self.tr("Apps")), self._button(self.tr("Incidents"))
        self.earlier, self.later = self._arrow("◀", self.tr("Earlier")), self._arrow("▶", self.tr("Later"))
        self.latest = self._button(self.tr("No&w"))
        self._lay_out()
        self._connect()

    def show_view(self, view: View) -> None:
        """Take over the live incidents; ask again if the line ends now and is due."""
        self._view = view
        self._list_incidents()
        if self._end_s is None and not self.timeline.is_dragging and self._now() - self._renewed_s >= self._patience_s:
            self.refresh()

    def show_moment(self, at_s: float) -> None:
        """Go to a moment and choose what is around it."""
        self.timeline.select((at_s - _AROUND_S, at_s + _AROUND_S))
        self._end_s = None if self._now() - at_s < self._length_s / 2 else at_s + self._length_s / 2
        self.refresh()
        self._show_part(0)
        self.timeline.setFocus()

    def show_incident(self, incident: Incident) -> None:
        """Show an incident's evidence, and the time it went on in the line."""
        began_s = incident.started_realtime_ns / _NS
        lasted_ns = (incident.resolved_boottime_ns or incident.started_boottime_ns) - incident.started_boottime_ns
        span = (began_s - _AROUND_S, began_s + lasted_ns / _NS + _AROUND_S)
        if not (self.timeline.since_s <= began_s <= self.timeline.until_s):
            self._end_s = None if self._now() - began_s < self._length_s else began_s + self._length_s / 2
        self.timeline.select(span)
        self._show_part(1)
        self.incidents.select(incident, take_focus=not self.timeline.hasFocus())
        self.refresh()

    def record(self, *, on: bool) -> None:
        """Whether a history is recorded at all."""
        self._is_recording = on

    def refresh(self) -> None:
        """Ask anew for what is shown."""
        if not self.isVisible():
            return
        self._renewed_s = self._now()
        until_s = self._renewed_s if self._end_s is None else self._end_s
        since_s = until_s - self._length_s
        points = max(200, self.timeline.width())
        question = self._asked = Question(since_s, until_s, points, self.timeline.selection)
        self._remember(question, lambda answer: self._take(question, answer))

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.refresh()

    @property
    def _length_s(self) -> int:
        return _LENGTHS_S[self._length]

    @property
    def _patience_s(self) -> float:
        return _RENEWED_S[self._length]

    def _take(self, question: Question, answer: Answer | str) -> None:
        if question is not self._asked or self.timeline.is_dragging:
            return
        self._answer = None if isinstance(answer, str) else answer
        if isinstance(answer, str):
            self.timeline.say(
                self.tr("The history can't be shown: {reason}").format(reason=safe_text(answer, _REASON_BYTES))
            )
            self.apps.say("")
        else:
            self._draw(question, answer)
        self._list_incidents()
        self.later.setEnabled(self._end_s is not None)
        self.latest.setEnabled(self._end_s is not None)

    def _draw(self, question: Question, answer: Answer) -> None:
        self.timeline.show_line(question.since_s, question.until_s, answer.line, answer.incidents)
        since_s, until_s = question.chosen or (question.since_s, question.until_s)
        said = self.tr("{since} to {until} ({length})").format(
            since=clock(round(since_s * _NS)),
            until=clock(round(until_s * _NS)),
            length=formats.duration(until_s - since_s),
        )
        self.title.say(said)
        self.timeline.setAccessibleDescription(f"{said}. {self._incident_count(answer)}")
        if not len(answer.line) and not answer.incidents:
            self.timeline.say(self._nothing(answer))
        self.apps.show_apps(answer)
        self._say_point(self.timeline.cursor_s)

    def _nothing(self, answer: Answer) -> str:
        if not self._is_recording:
            return self.tr("Nothing is recorded: the history is turned off in the settings.")
        if answer.last_s is None:
            return self.tr("Nothing has been recorded yet. From now on the last thirty days can be seen here.")
        return self.tr("Nothing was recorded in this time. The last record is of {time}.").format(
            time=clock(answer.last_s * _NS)
        )

    def _incident_count(self, answer: Answer) -> str:
        return self.tr("Incidents: {count}").format(count=len(answer.incidents))

    def _list_incidents(self) -> None:
        """Those of the time that is shown; live ones as they are now."""
        view, answer = self._view, self._answer
        live = (*view.open_incidents, *view.recent_incidents) if view else ()
        known = {(incident.id, incident.started_realtime_ns) for incident in live}
        since_ns, until_ns = (round(at_s * _NS) for at_s in (self.timeline.since_s, self.timeline.until_s))
        is_now = self._end_s is None
        shown = [each for each in live if is_now or since_ns <= each.started_realtime_ns <= until_ns]
        past = reversed(answer.incidents if answer else ())
        shown += [each for each in past if (each.id, each.started_realtime_ns) not in known]
        now_ns = view.sample.boottime_ns if view and view.sample else 0
        self.incidents.show_incidents(tuple(shown), now_ns)
        self.show_incidents.setText(self.tr("Incidents ({count})").format(count=len(shown)))

    def _say_point(self, at_s: float | None) -> None:
        place = None if at_s is None else self.timeline.point_at(at_s)
        if at_s is None or self._answer is None:
            self.readout.say(self._notes())
        elif place is None:
            self.readout.say(self.tr("{time}: nothing was recorded").format(time=clock(round(at_s * _NS))))
        else:
            self.readout.say(f"{clock(round(at_s * _NS))}:  {self._values(self._answer.line, place)}")

    def _values(self, line: Line, place: int) -> str:
        means, peaks = line.means[place], line.peaks[place]
        said = [
            self.tr("CPU {mean} (up to {peak})").format(
                mean=formats.percent(float(means[CPU])), peak=formats.percent(float(peaks[CPU]))
            ),
            formats.celsius(float(peaks[TEMPERATURE])),
            self.tr("memory {used}").format(used=formats.size_of(float(means[MEMORY]), float(means[MEMORY_TOTAL]))),
        ]
        return "   ".join(said)

    def _notes(self) -> str:
        """What the recorder has to say about itself, the newest; else how to use the line."""
        answer = self._answer
        if answer is None:
            return ""
        if answer.damaged:
            return self.tr("{count} pieces of the history are damaged and left out.").format(count=answer.damaged)
        if answer.notes:
            note = answer.notes[-1]
            return f"{clock(note.realtime_ns)}: {formats.name(note.text)}"
        return self.tr("Drag over a span to see its apps.") if len(answer.line) else ""

    def _show_part(self, place: int) -> None:
        self.parts.button(place).setChecked(True)
        self.below.setCurrentIndex(place)

    def _span_chosen(self, _span: tuple[float, float] | None) -> None:
        self._show_part(0)
        self.refresh()

    def _choose_length(self, place: int) -> None:
        self._length = place
        self.refresh()

    def _move(self, way: int) -> None:
        end_s = (self._now() if self._end_s is None else self._end_s) + way * self._length_s / 2
        self._end_s = None if end_s >= self._now() else end_s
        self.refresh()

    def _go_to_now(self) -> None:
        self._end_s = None
        self.timeline.select(None)
        self.refresh()

    def _connect(self) -> None:
        self.lengths.idClicked.connect(self._choose_length)
        self.earlier.clicked.connect(lambda: self._move(-1))
        self.later.clicked.connect(lambda: self._move(1))
        self.latest.clicked.connect(self._go_to_now)
        self.timeline.moved.connect(self._move)
        self.timeline.chosen.connect(self._span_chosen)
        self.parts.idClicked.connect(self.below.setCurrentIndex)
        self.timeline.incident_chosen.connect(self.show_incident)
        self.timeline.pointed.connect(self._say_point)

    def _arrow(self, symbol: str, name: str) -> QToolButton:
        button = self._button(symbol)
        button.setAccessibleName(name)
        button.setToolTip(name)
        return button

    @staticmethod
    def _button(text: str) -> QToolButton:
        button = QToolButton()
        button.setText(text)
        button.setAutoRaise(True)
        button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        button.setMinimumSize(theme.TARGET_PX, theme.TARGET_PX)
        return button

    def _lay_out(self) -> None:
        names = (
            self.tr("10 min"), self.tr("1 h"), self.tr("6 h"), self.tr("1 day"), self.tr("7 days"), self.tr("30 days"),
        )  # fmt: skip
        row = QHBoxLayout()
        row.setSpacing(theme.GRID_PX // 2)
        for place, name in enumerate(names):
            button = self._button(name)
            button.setCheckable(True)
            button.setChecked(place == self._length)
            self.lengths.addButton(button, place)
            row.addWidget(button)
        row.addStretch(1)
        for button in (self.earlier, self.later, self.latest):
            row.addWidget(button)
        self.below.setMinimumHeight(self.fontMetrics().height() * _LEAST_EM)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, theme.GRID_PX, 0, 0)
        column.setSpacing(theme.GRID_PX // 2)
        column.addLayout(row)
        column.addWidget(self.timeline, 4)
        column.addWidget(self.readout)
        column.addLayout(self._lay_out_below())
        column.addWidget(self.below, 5)

    def _lay_out_below(self) -> QHBoxLayout:
        """What is shown below the line: the apps of a span, or incidents."""
        row = QHBoxLayout()
        row.setSpacing(theme.GRID_PX // 2)
        for place, (button, part) in enumerate(((self.show_apps, self.apps), (self.show_incidents, self.incidents))):
            button.setCheckable(True)
            button.setChecked(place == 0)
            self.parts.addButton(button, place)
            self.below.addWidget(part)
            row.addWidget(button)
        row.addSpacing(theme.GRID_PX)
        row.addWidget(self.title, 1)
        return row
