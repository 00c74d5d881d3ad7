"""The settings window: the two rules, the readings, the start.

Nothing is applied until it is valid and the person presses OK or Apply; then one frozen `Settings` leaves as a signal.
What the window doesn't show (ignored names, severities, the out-of-memory rule) passes through unchanged.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QDoubleSpinBox,
    QFormLayout,
    QFrame,
    QGroupBox,
    QLabel,
    QMessageBox,
    QPushButton,
    QScrollArea,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from smoothtask_gui.domain.rules import Notifications, Overheating, Rules, Runaway
from smoothtask_gui.domain.settings import GRAPH_SPANS_S, PERIODS_MS, Settings, problems
from smoothtask_gui.ui import formats, theme
from smoothtask_gui.ui.labels import PlainLabel, Tone
from smoothtask_gui.ui.quiet_settings import QuietSettings
from smoothtask_gui.ui.sensor_limits import SensorLimits

if TYPE_CHECKING:
    from collections.abc import Sequence

    from smoothtask_gui.domain.batch import SensorReading

_LONGEST_WAIT_S: Final = 3_600
_LONGEST_COOLDOWN_MIN: Final = 24 * 60
_LABEL_LETTERS: Final = 36
_FIELD_LETTERS: Final = 22
_Button = QDialogButtonBox.StandardButton


class SettingsWindow(QDialog):
    """Edits a copy of `settings`."""

    settings_changed = Signal(object)  # Settings
    forget_wanted = Signal()  # the history; the person has said yes

    def __init__(self, settings: Settings, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("SmoothTask settings"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._original = settings
        self._make_fields()
        self.problem = PlainLabel(tone=Tone.CRITICAL, wrap=True)
        self.buttons = QDialogButtonBox(
            _Button.Ok | _Button.Apply | _Button.Cancel | _Button.RestoreDefaults, Qt.Orientation.Horizontal
        )
        self._lay_out()
        self._show(settings)
        self._connect()
        self._check()

    def show_sensors(self, sensors: Sequence[SensorReading]) -> None:
        """List these sensors with their limits; what was typed stays."""
        self.limits.show_sensors(sensors)

    def settings(self) -> Settings:
        """What the fields say now, valid or not."""
        rules = self._original.rules
        return replace(
            self.quiet.apply_to(self._original),
            rules=replace(
                rules,
                overheating=self._overheating(rules.overheating),
                runaway=self._runaway(rules.runaway),
                notifications=Notifications(self.per_hour.value()),
            ),
            period_ms=round(self.period.value() * 1_000),
            graph_span_s=self.span.value(),
            cpu_per_core=self.per_core.currentIndex() == 0,
            autostart=self.autostart.isChecked(),
            record_history=self.history.isChecked(),
        )

    def restore_defaults(self) -> None:
        """Fill in the defaults, without applying them."""
        self._original = replace(self._original, rules=Rules(declared=self._original.rules.declared))
        self._show(Settings(autostart=self.autostart.isChecked()))
        self._check()

    def _overheating(self, rule: Overheating) -> Overheating:
        return replace(
            rule,
            enabled=self.heat.isChecked(),
            margin_c=self.margin.value(),
            clear_margin_c=self.clear_margin.value(),
            limit_without_driver_c=self.own_limit.value(),
            limits_c=self.limits.limits_c(),
            for_s=self.heat_wait.value(),
            cooldown_s=self.heat_cooldown.value() * 60.0,
        )

    def _runaway(self, rule: Runaway) -> Runaway:
        return replace(
            rule,
            enabled=self.busy.isChecked(),
            cores=self.cores.value() / 100,
            clear_cores=self.clear_cores.value() / 100,
            for_s=self.busy_wait.value(),
            cooldown_s=self.busy_cooldown.value() * 60.0,
        )

    def _show(self, settings: Settings) -> None:
        heat, busy = settings.rules.overheating, settings.rules.runaway
        self.heat.setChecked(heat.enabled)
        self.margin.setValue(heat.margin_c)
        self.clear_margin.setValue(heat.clear_margin_c)
        self.own_limit.setValue(heat.limit_without_driver_c)
        self.limits.show_limits(heat.limits_c)
        self.heat_wait.setValue(heat.for_s)
        self.heat_cooldown.setValue(heat.cooldown_s / 60)
        self.busy.setChecked(busy.enabled)
        self.cores.setValue(busy.cores * 100)
        self.clear_cores.setValue(busy.clear_cores * 100)
        self.busy_wait.setValue(busy.for_s)
        self.busy_cooldown.setValue(busy.cooldown_s / 60)
        self.per_hour.setValue(settings.rules.notifications.per_hour)
        self.period.setValue(settings.period_ms / 1_000)
        self.span.setValue(settings.graph_span_s)
        self.per_core.setCurrentIndex(0 if settings.cpu_per_core else 1)
        self.autostart.setChecked(settings.autostart)
        self.history.setChecked(settings.record_history)
        self.quiet.show_settings(settings)

    def _check(self, *_: object) -> None:
        found = problems(self.settings())
        said = []
        if found.pop("runaway.clear_cores", None):
            said.append(
                self.tr(
                    "Back to normal below {clear} % is above the level that raises the alert ({level} %). Lower it."
                ).format(clear=round(self.clear_cores.value()), level=round(self.cores.value()))
            )
        said.extend(found.values())
        said.extend(filter(None, (self.limits.problem(),)))
        self.problem.say("\n".join(said))
        self.problem.setVisible(bool(said))
        changed = self.settings() != self._original
        self.buttons.button(_Button.Ok).setEnabled(not said)
        self.buttons.button(_Button.Apply).setEnabled(changed and not said)

    def _apply(self) -> None:
        settings = self.settings()
        if problems(settings) or self.limits.problem():
            return
        if settings != self._original:
            self._original = settings
            self.settings_changed.emit(settings)
        self._check()

    def _accept(self) -> None:
        self._apply()
        self.accept()

    def _connect(self) -> None:
        for whole in self.findChildren(QSpinBox):
            whole.valueChanged.connect(self._check)
        for decimal in self.findChildren(QDoubleSpinBox):
            decimal.valueChanged.connect(self._check)
        for switch in (self.heat, self.busy):
            switch.toggled.connect(self._check)
        for box in (self.autostart, self.history):
            box.toggled.connect(self._check)
        self.forget.clicked.connect(self._ask_forget)
        self.quiet.changed.connect(self._check)
        self.limits.changed.connect(self._check)
        self.per_core.currentIndexChanged.connect(self._check)
        self.buttons.accepted.connect(self._accept)
        self.buttons.rejected.connect(self.reject)
        self.buttons.button(_Button.Apply).clicked.connect(self._apply)
        self.buttons.button(_Button.RestoreDefaults).clicked.connect(self.restore_defaults)

    def _make_fields(self) -> None:
        space = formats.SPACE
        degrees, seconds = f"{space}°C", space + self.tr("s", "seconds")
        minutes, percent = space + self.tr("min", "minutes"), space + self.tr("% of a core")
        self.heat = QGroupBox(self.tr("&Warn when a part gets too hot"))
        self.heat.setCheckable(True)
        self.margin = _decimal(0, 40, degrees)
        self.clear_margin = _decimal(1, 40, degrees)
        self.own_limit = _decimal(0, 150, degrees)
        self.own_limit.setSpecialValueText(self.tr("none, no alert"))
        self.own_limit.setToolTip(
            self.tr("For CPU sensors whose driver gives no limit of its own (k10temp on many AMDs).")
        )
        self.limits = SensorLimits()
        self.heat_wait = _decimal(0, _LONGEST_WAIT_S, seconds)
        self.heat_cooldown = _decimal(0, _LONGEST_COOLDOWN_MIN, minutes)
        self.busy = QGroupBox(self.tr("W&arn when a process keeps the CPU busy"))
        self.busy.setCheckable(True)
        self.cores = _decimal(5, 102_400, percent, places=0)
        self.clear_cores = _decimal(1, 102_400, percent, places=0)
        self.busy_wait = _decimal(0, _LONGEST_WAIT_S, seconds)
        self.busy_cooldown = _decimal(0, _LONGEST_COOLDOWN_MIN, minutes)
        self.per_hour = _whole(0, 120, "")
        self.per_hour.setSpecialValueText(self.tr("none, only record"))
        self.period = _decimal(PERIODS_MS[0] / 1_000, PERIODS_MS[1] / 1_000, seconds, places=2)
        self.period.setSingleStep(0.25)
        self.span = _whole(*GRAPH_SPANS_S, seconds)
        self.per_core = QComboBox()
        self.per_core.addItems([self.tr("one core"), self.tr("the whole machine")])
        self.per_core.setMinimumHeight(theme.TARGET_PX)
        self.quiet = QuietSettings()
        self.autostart = QCheckBox(self.tr("Start SmoothTask when &I log in"))
        self.autostart.setMinimumHeight(theme.TARGET_PX)
        self.history = QCheckBox(self.tr("Reco&rd a history, at most 25 MB"))
        self.history.setToolTip(self.tr("Thirty days of readings, apps and incidents, on this computer only."))
        self.history.setMinimumHeight(theme.TARGET_PX)
        self.forget = QPushButton(self.tr("Delete the histor&y…"))
        self.forget.setMinimumHeight(theme.TARGET_PX)

    def _ask_forget(self) -> None:
        asked = QMessageBox(
            QMessageBox.Icon.Question,
            self.windowTitle(),
            self.tr("Delete everything that was recorded, incidents included?"),
            QMessageBox.StandardButton.Cancel,
            self,
        )
        asked.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        delete = asked.addButton(self.tr("Delete"), QMessageBox.ButtonRole.DestructiveRole)
        delete.clicked.connect(self.forget_wanted)
        asked.open()

    def _lay_out(self) -> None:
        heat = _form(
            self.heat,
            (self.tr("&Distance to its limit"), self.margin),
            (self.tr("CPU limit, &unless its driver gives one"), self.own_limit),
            (self.tr("&For at least"), self.heat_wait),
            (self.tr("&Back to normal below that by"), self.clear_margin),
            (self.tr("&Not again for"), self.heat_cooldown),
        )
        heat.addRow(self.limits)
        _form(
            self.busy,
            (self.tr("&More than"), self.cores),
            (self.tr("For at &least"), self.busy_wait),
            (self.tr("Bac&k to normal below"), self.clear_cores),
            (self.tr("No&t again for"), self.busy_cooldown),
        )
        general = QGroupBox(self.tr("Readings and notifications"))
        readings = _form(
            general,
            (self.tr("Read &every"), self.period),
            (self.tr("&Graphs show the last"), self.span),
            (self.tr("&100 % CPU means"), self.per_core),
            (self.tr("Notifications an &hour, at most"), self.per_hour),
        )
        readings.addRow(self.autostart)
        readings.addRow(self.history, self.forget)
        self._stack(self.heat, self.busy, general, self.quiet)

    def _stack(self, *groups: QGroupBox) -> None:
        """The groups in a page that scrolls where the screen is small, problem and buttons always in view."""
        page = QWidget()
        stacked = QVBoxLayout(page)
        stacked.setSpacing(theme.GRID_PX)
        for group in groups:
            stacked.addWidget(group)
        _align(page.findChildren(QFormLayout))
        stacked.addStretch(1)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(page)
        scroll.setMinimumWidth(page.minimumSizeHint().width() + theme.GRID_PX * 3)
        column = QVBoxLayout(self)
        column.addWidget(scroll, 1)
        column.addWidget(self.problem)
        column.addWidget(self.buttons)
        tallest = self.screen().availableGeometry().height() - theme.GRID_PX * 8
        wanted = page.sizeHint().height() + self.buttons.sizeHint().height() + theme.GRID_PX * 8
        self.resize(scroll.minimumWidth() + theme.GRID_PX * 6, min(wanted, tallest))


class _ShortSpinBox(QDoubleSpinBox):
    """Writes 5, not 5.0."""

    def textFromValue(self, value: float) -> str:
        return self.locale().toString(value, "g", 6)


def _whole(low: int, high: int, suffix: str) -> QSpinBox:
    box = QSpinBox()
    box.setRange(low, high)
    box.setSuffix(suffix)
    box.setMinimumHeight(theme.TARGET_PX)
    box.setAlignment(Qt.AlignmentFlag.AlignRight)
    return box


def _decimal(low: float, high: float, suffix: str, places: int = 1) -> QDoubleSpinBox:
    box = _ShortSpinBox()
    box.setRange(low, high)
    box.setDecimals(places)
    box.setSuffix(suffix)
    box.setMinimumHeight(theme.TARGET_PX)
    box.setAlignment(Qt.AlignmentFlag.AlignRight)
    return box


def _align(forms: Sequence[QFormLayout]) -> None:
    """Let the fields of all groups begin at one edge."""
    rows = ((form, row) for form in forms for row in range(form.rowCount()))
    found = (form.itemAt(row, QFormLayout.ItemRole.LabelRole) for form, row in rows)
    labels = [label for item in found if item is not None and (label := item.widget()) is not None]
    widest = max(label.sizeHint().width() for label in labels)
    for label in labels:
        label.setMinimumWidth(widest)


def _form(group: QGroupBox, *rows: tuple[str, QWidget]) -> QFormLayout:
    form = QFormLayout(group)
    form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
    form.setRowWrapPolicy(QFormLayout.RowWrapPolicy.DontWrapRows)
    form.setSpacing(theme.GRID_PX)
    for text, field in rows:
        label = QLabel(text)
        label.setBuddy(field)
        label.setMinimumSize(group.fontMetrics().averageCharWidth() * _LABEL_LETTERS, theme.TARGET_PX)
        form.addRow(label, field)
        field.setMinimumWidth(group.fontMetrics().averageCharWidth() * _FIELD_LETTERS)
        field.setAccessibleName(f"{group.title()}: {text}".replace("&", ""))
    return form
