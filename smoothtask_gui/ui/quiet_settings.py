"""The settings of notifications: when they keep quiet, how long a pause lasts, and what the person chose so far.

Switches and times are applied with the window's OK; snoozes and expectations are taken back at once, since they were
made at once. Their names come from other programs: plain text, bounded.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import Qt, QTime, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QFormLayout,
    QGroupBox,
    QHBoxLayout,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QSpinBox,
    QTimeEdit,
    QWidget,
)

from smoothtask_gui.domain.choices import Choices, Expected, Scope, ScopeKind, Snooze
from smoothtask_gui.domain.quiet_hours import QuietHours, parse_quiet_hours
from smoothtask_gui.domain.settings import PAUSES_MIN
from smoothtask_gui.ui import formats, theme
from smoothtask_gui.ui.labels import PlainLabel, Tone
from smoothtask_gui.ui.status_line import clock

if TYPE_CHECKING:
    from smoothtask_gui.domain.settings import Settings

_NIGHT: Final = QuietHours(22 * 60, 7 * 60)
_ROWS_SHOWN: Final = 4


class QuietSettings(QGroupBox):
    """`changed` is said at each edit; `unsnoozed` and `unexpected` when the person takes a choice back."""

    changed = Signal()
    unsnoozed = Signal(object)  # Scope
    unexpected = Signal(str, str)  # rule, app

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setTitle(self.tr("Quiet, except for what is critical"))
        self.do_not_disturb = self._switch(self.tr("While the desktop's do n&ot disturb is on"))
        self.full_screen = self._switch(self.tr("While a window fills the &screen"))
        self.hours = self._switch(self.tr("E&very day from"))
        self.begin, self.end = self._time(self.tr("Quiet from")), self._time(self.tr("Quiet until"))
        self.pause = QSpinBox()
        self.pause.setRange(*PAUSES_MIN)
        self.pause.setSuffix(formats.SPACE + self.tr("min", "minutes"))
        self.pause.setMinimumHeight(theme.TARGET_PX)
        self.pause.setAlignment(Qt.AlignmentFlag.AlignRight)
        self.pause.setAccessibleName(self.tr("A paused app goes on after"))
        self.pause.valueChanged.connect(self.changed)
        self.hours.toggled.connect(self._follow)
        self.chosen = QListWidget()
        self.chosen.setAccessibleName(self.tr("Snoozed and expected"))
        self.chosen.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.chosen.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.chosen.currentRowChanged.connect(self._follow)
        self.nothing = PlainLabel(self.tr("Nothing is snoozed, and nothing expected."), tone=Tone.MUTED, wrap=True)
        self.take_back = QPushButton(self.tr("Take ba&ck"))
        self.take_back.setMinimumHeight(theme.TARGET_PX)
        self.take_back.clicked.connect(self._take_back)
        self._lay_out()
        self.show_choices(Choices())

    def show_settings(self, settings: Settings) -> None:
        """Fill in what is set."""
        hours = parse_quiet_hours(settings.quiet_hours)
        self.do_not_disturb.setChecked(settings.respect_do_not_disturb)
        self.full_screen.setChecked(settings.respect_full_screen)
        self.hours.setChecked(hours is not None)
        shown = hours or _NIGHT
        self.begin.setTime(_time(shown.begin_minute))
        self.end.setTime(_time(shown.end_minute))
        self.pause.setValue(settings.pause_minutes)
        self._follow()

    def apply_to(self, settings: Settings) -> Settings:
        """`settings` with what the fields say."""
        hours = QuietHours(_minute(self.begin.time()), _minute(self.end.time()))
        return replace(
            settings,
            respect_do_not_disturb=self.do_not_disturb.isChecked(),
            respect_full_screen=self.full_screen.isChecked(),
            quiet_hours=str(hours) if self.hours.isChecked() else "",
            pause_minutes=self.pause.value(),
        )

    def show_choices(self, choices: Choices) -> None:
        """List what is snoozed and expected."""
        self.chosen.clear()
        rows: list[Snooze | Expected] = [*choices.snoozes, *choices.expected]
        for row in rows:
            item = QListWidgetItem(self._say(row), self.chosen)
            item.setData(Qt.ItemDataRole.UserRole, row)
            item.setToolTip(formats.tooltip(item.text()))
        self.chosen.setVisible(bool(rows))
        self.take_back.setVisible(bool(rows))
        self.nothing.setVisible(not rows)
        self._follow()

    def _say(self, row: Snooze | Expected) -> str:
        if isinstance(row, Expected):
            said = self.tr("Expected of {app}: {rule}, since {time}")
            return said.format(
                app=formats.name(row.name or row.app), rule=formats.name(row.rule), time=clock(row.since_realtime_ns)
            )
        return self.tr("Snoozed until {time}: {what}").format(
            time=clock(row.until_realtime_ns), what=self._what(row.scope)
        )

    def _what(self, scope: Scope) -> str:
        match scope.kind:
            case ScopeKind.EVERYTHING:
                return self.tr("everything")
            case ScopeKind.APP:
                return self.tr("all about {app}").format(app=formats.name(scope.name or scope.subject))
            case ScopeKind.RULE:
                return self.tr("all of the kind {rule}").format(rule=formats.name(scope.rule))
        return formats.name(scope.name or f"{scope.rule} {scope.subject}")

    def _take_back(self) -> None:
        item = self.chosen.currentItem()
        row = item.data(Qt.ItemDataRole.UserRole) if item is not None else None
        if isinstance(row, Snooze):
            self.unsnoozed.emit(row.scope)
        elif isinstance(row, Expected):
            self.unexpected.emit(row.rule, row.app)

    def _follow(self, *_: object) -> None:
        for field in (self.begin, self.end):
            field.setEnabled(self.hours.isChecked())
        self.take_back.setEnabled(self.chosen.currentItem() is not None)

    def _switch(self, text: str) -> QCheckBox:
        switch = QCheckBox(text)
        switch.setMinimumHeight(theme.TARGET_PX)
        switch.toggled.connect(self.changed)
        return switch

    def _time(self, name: str) -> QTimeEdit:
        field = QTimeEdit()
        field.setDisplayFormat("HH:mm")
        field.setAccessibleName(name)
        field.setMinimumHeight(theme.TARGET_PX)
        field.timeChanged.connect(self.changed)
        return field

    def _lay_out(self) -> None:
        form = QFormLayout(self)
        form.setSpacing(theme.GRID_PX)
        form.addRow(self.do_not_disturb)
        form.addRow(self.full_screen)
        span = QHBoxLayout()
        for part in (self.hours, self.begin, PlainLabel(self.tr("to")), self.end):
            span.addWidget(part)
        span.addStretch(1)
        form.addRow(span)
        label = QLabel(self.tr("A &paused app goes on after"))
        label.setBuddy(self.pause)
        label.setMinimumHeight(theme.TARGET_PX)
        form.addRow(label, self.pause)
        form.addRow(self.nothing)
        self.chosen.setFixedHeight((self.fontMetrics().height() + theme.GRID_PX // 2) * _ROWS_SHOWN)
        form.addRow(self.chosen)
        back = QHBoxLayout()
        back.addStretch(1)
        back.addWidget(self.take_back)
        form.addRow(back)


def _time(minute: int) -> QTime:
    return QTime(minute // 60, minute % 60)


def _minute(time: QTime) -> int:
    return time.hour() * 60 + time.minute()
