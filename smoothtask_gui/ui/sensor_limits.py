"""The limits of single sensors in the settings: what the driver says, and a limit of one's own beside it.

A cell takes 30 to 150 °C, 0 for no alert at all, or nothing for the driver's limit. What can't be understood stays as
it was typed, is marked, and said by `problem` until it is mended; nothing of it is applied. Limits of sensors that
aren't there now, and patterns from the rules file, have a row too, so that none is lost.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt, Signal
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QAbstractItemView, QApplication, QVBoxLayout, QWidget

from smoothtask_gui.domain.built_in import LIMIT_RANGE_C
from smoothtask_gui.domain.sensors import driver_limit, is_called
from smoothtask_gui.ui import formats, theme
from smoothtask_gui.ui.labels import PlainLabel, Tone
from smoothtask_gui.ui.tables import TableView

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from smoothtask_gui.domain.batch import SensorReading

Index = QModelIndex | QPersistentModelIndex
_NOWHERE: Final = QModelIndex()
_SENSOR, _DRIVERS, _OWN = range(3)
_LEFT: Final = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
_RIGHT: Final = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
MOST_ROWS_SHOWN: Final = 6


def parse_limit(text: str) -> float | None:
    """A limit as a person writes it; None for none of one's own. Raises ValueError."""
    written = text.replace(formats.SPACE, " ").strip().removesuffix("C").rstrip().removesuffix("°").strip()
    if not written:
        return None
    limit_c = float(written.replace(",", "."))
    low, high = LIMIT_RANGE_C
    if limit_c != 0 and not low <= limit_c <= high:  # NaN isn't between them either
        raise ValueError(text)
    return limit_c


class LimitModel(QAbstractTableModel):
    """A row a sensor, or a name in the rules file that means none of these; the own limit can be edited."""

    edited = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._sensors: dict[str, SensorReading] = {}
        self._limits_c: dict[str, float] = {}
        self._wrong: dict[str, str] = {}  # as it was typed
        self._names: list[str] = []

    def show_sensors(self, sensors: Sequence[SensorReading]) -> None:
        """List these, in their order."""
        self._renew({sensor.key: sensor for sensor in sensors}, self._limits_c)

    def show_limits(self, limits_c: Mapping[str, float]) -> None:
        """Fill in what is set; what was typed and not understood is forgotten."""
        self._wrong = {}
        self._renew(self._sensors, dict(limits_c))

    def limits_c(self) -> dict[str, float]:
        """What is set, in the order of the rules file, new ones last."""
        return dict(self._limits_c)

    def wrong(self) -> list[tuple[str, str]]:
        """Name and text of what couldn't be understood."""
        return [(self._name(name), text) for name, text in self._wrong.items()]

    def rowCount(self, parent: Index = _NOWHERE) -> int:
        return 0 if parent.isValid() else len(self._names)

    def columnCount(self, parent: Index = _NOWHERE) -> int:
        return 0 if parent.isValid() else 3

    def flags(self, index: Index) -> Qt.ItemFlag:
        return super().flags(index) | (Qt.ItemFlag.ItemIsEditable if index.column() == _OWN else Qt.ItemFlag(0))

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if orientation is not Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _LEFT if section == _SENSOR else _RIGHT
        if role != Qt.ItemDataRole.DisplayRole:
            return None
        return (self.tr("Sensor"), self.tr("Driver's limit"), self.tr("Your limit"))[section]

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        name = self._names[index.row()]
        found: object = None
        match role:
            case Qt.ItemDataRole.TextAlignmentRole:
                found = _LEFT if index.column() == _SENSOR else _RIGHT
            case Qt.ItemDataRole.ForegroundRole if index.column() == _OWN and name in self._wrong:
                found = theme.colours(QApplication.palette(), QPalette.ColorRole.Base).critical
            case Qt.ItemDataRole.EditRole:
                found = self._written(name)
            case Qt.ItemDataRole.ToolTipRole:
                found = formats.tooltip(name)
            case Qt.ItemDataRole.DisplayRole:
                found = (self._name, self._drivers, self._own)[index.column()](name)
        return found

    def setData(self, index: Index, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:
        if role != Qt.ItemDataRole.EditRole or index.column() != _OWN:
            return False
        name, text = self._names[index.row()], str(value)
        self._wrong.pop(name, None)
        try:
            limit_c = parse_limit(text)
        except ValueError:
            self._wrong[name] = text
        else:
            self._limits_c.pop(name, None) if limit_c is None else self._limits_c.update({name: limit_c})
        self.dataChanged.emit(index, index)
        self.edited.emit()
        return True

    def _renew(self, sensors: dict[str, SensorReading], limits_c: dict[str, float]) -> None:
        self.beginResetModel()
        self._sensors, self._limits_c = sensors, limits_c
        self._names = [*sensors, *(name for name in limits_c if name not in sensors)]
        self.endResetModel()

    def _name(self, name: str) -> str:
        sensor = self._sensors.get(name)
        if sensor is not None:
            return formats.name(f"{sensor.driver}: {sensor.label}" if sensor.label else sensor.driver)
        many = any(is_called(sensor, name) for sensor in self._sensors.values())
        return (self.tr("all called {name}") if many else self.tr("{name} (not there now)")).format(
            name=formats.name(name)
        )

    def _drivers(self, name: str) -> str:
        sensor = self._sensors.get(name)
        limit = None if sensor is None else driver_limit(sensor)
        return formats.MISSING if limit is None else formats.celsius(limit.temperature_c)

    def _written(self, name: str) -> str:
        limit_c = self._limits_c.get(name)
        return self._wrong.get(name, "" if limit_c is None else f"{limit_c:g}")

    def _own(self, name: str) -> str:
        if name in self._wrong:
            return formats.name(self._wrong[name])
        limit_c = self._limits_c.get(name)
        if limit_c is None:
            return formats.MISSING
        return formats.celsius(limit_c) if limit_c else self.tr("no alert")


class SensorLimits(QWidget):
    """The table with its hint, or why there is none."""

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.model = LimitModel(self)
        self.model.edited.connect(self.changed)
        self.view = TableView(self.tr("Limits of single sensors"))
        self.view.setModel(self.model)
        self.view.setEditTriggers(
            QAbstractItemView.EditTrigger.DoubleClicked
            | QAbstractItemView.EditTrigger.EditKeyPressed
            | QAbstractItemView.EditTrigger.AnyKeyPressed
            | QAbstractItemView.EditTrigger.SelectedClicked
        )
        self.view.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectItems)
        self.view.size_columns(["M" * 14, "000 °C", "M" * 8], _SENSOR)
        low, high = LIMIT_RANGE_C
        self.hint = PlainLabel(
            self.tr(
                "Double-click under “Your limit”: {low} to {high} °C, 0 for no alert, empty for the driver's limit."
            ).format(low=low, high=high),
            tone=Tone.MUTED,
            wrap=True,
        )
        self.nothing = PlainLabel(
            self.tr("No temperature sensor is known, so none can have a limit of its own."), tone=Tone.MUTED, wrap=True
        )
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.GRID_PX)
        for part in (self.view, self.hint, self.nothing):
            column.addWidget(part)
        self.model.modelReset.connect(self._follow)
        self._follow()

    def show_sensors(self, sensors: Sequence[SensorReading]) -> None:
        """List the sensors that are there."""
        self.model.show_sensors(sensors)

    def show_limits(self, limits_c: Mapping[str, float]) -> None:
        """Fill in what is set."""
        self.model.show_limits(limits_c)

    def limits_c(self) -> dict[str, float]:
        """What is set now, without what can't be understood."""
        return self.model.limits_c()

    def problem(self) -> str:
        """What can't be understood, of which sensor, and what is allowed; "" if all is well."""
        low, high = LIMIT_RANGE_C
        said = self.tr("“{text}” is no limit for {sensor}: write {low} to {high} °C, 0 for no alert, or nothing.")
        return "\n".join(
            said.format(text=formats.name(text, 40), sensor=sensor, low=low, high=high)
            for sensor, text in self.model.wrong()
        )

    def _follow(self) -> None:
        rows = self.model.rowCount()
        self.view.setVisible(rows > 0)
        self.hint.setVisible(rows > 0)
        self.nothing.setVisible(not rows)
        shown = min(rows, MOST_ROWS_SHOWN)
        row_px = max(self.view.sizeHintForRow(0), theme.TARGET_PX)
        room = self.view.header().sizeHint().height() + shown * row_px + 2 * self.view.frameWidth()
        self.view.setFixedHeight(room + (row_px // 2 if rows > shown else 0))  # half a row says that there are more
