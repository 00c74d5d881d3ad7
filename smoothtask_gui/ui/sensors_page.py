"""The sensors tab: every temperature, the limits its driver gives, and why a number is missing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt
from PySide6.QtWidgets import QStackedLayout, QWidget

from smoothtask_gui.domain.sensors import NO_OWN_LIMITS, OwnLimits, limit_of, no_limit_reason
from smoothtask_gui.ui import formats, theme
from smoothtask_gui.ui.labels import EmptyState
from smoothtask_gui.ui.tables import TableView

if TYPE_CHECKING:
    from smoothtask_gui.domain.batch import SensorReading
    from smoothtask_gui.domain.view import View

Index = QModelIndex | QPersistentModelIndex
_NOWHERE: Final = QModelIndex()
_NAME, _KIND, _NOW, _MAX, _CRITICAL, _NOTE = range(6)
_NUMBERS: Final = (_NOW, _MAX, _CRITICAL)
_LEFT: Final = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
_RIGHT: Final = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


class SensorModel(QAbstractTableModel):
    """One row a sensor, in the source's order; `cpu_key` marks the one taken for the CPU."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._sensors: tuple[SensorReading, ...] = ()
        self._cpu_key = ""
        self._own_limits = NO_OWN_LIMITS

    def show_sensors(
        self, sensors: tuple[SensorReading, ...], cpu_key: str, own_limits: OwnLimits = NO_OWN_LIMITS
    ) -> None:
        """Renew readings in place; rows are rebuilt only when sensors come or go."""
        self._own_limits = own_limits
        same = [sensor.key for sensor in sensors] == [sensor.key for sensor in self._sensors]
        if not same:
            self.beginResetModel()
        self._sensors, self._cpu_key = sensors, cpu_key
        if not same:
            self.endResetModel()
        elif sensors:
            self.dataChanged.emit(self.index(0, 0), self.index(len(sensors) - 1, _NOTE))

    def rowCount(self, parent: Index = _NOWHERE) -> int:
        return 0 if parent.isValid() else len(self._sensors)

    def columnCount(self, parent: Index = _NOWHERE) -> int:
        return 0 if parent.isValid() else 6

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if orientation is not Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _RIGHT if section in _NUMBERS else _LEFT
        if role != Qt.ItemDataRole.DisplayRole:
            return None
        titles = (
            self.tr("Sensor"),
            self.tr("Part"),
            self.tr("Now"),
            self.tr("Maximum"),
            self.tr("Critical"),
            self.tr("Note"),
        )
        return titles[section]

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _RIGHT if index.column() in _NUMBERS else _LEFT
        text = self._text(self._sensors[index.row()], index.column())
        if role == Qt.ItemDataRole.DisplayRole:
            return text
        if role == Qt.ItemDataRole.ToolTipRole:
            return formats.tooltip(text)
        return None

    def _text(self, sensor: SensorReading, column: int) -> str:
        match column:
            case 0:
                return formats.name(f"{sensor.driver} · {sensor.label}" if sensor.label else sensor.driver)
            case 1:
                return self._kind(sensor.kind)
            case 2:
                return formats.celsius(sensor.temperature_c)
            case 3:
                return formats.celsius(sensor.max_c)
            case 4:
                return formats.celsius(sensor.critical_c)
        return self._note(sensor)

    def _kind(self, kind: str) -> str:
        words = {
            "cpu": self.tr("CPU"),
            "gpu": self.tr("Graphics"),
            "disk": self.tr("Disk"),
            "memory": self.tr("Memory"),
            "board": self.tr("Main board"),
        }
        return words.get(kind, self.tr("Other"))

    def _note(self, sensor: SensorReading) -> str:
        if sensor.temperature_c is None:
            return formats.name(sensor.reason) or self.tr("The driver gives no reading.")
        said = [self.tr("Taken as the temperature of the CPU.")] if sensor.key == self._cpu_key else []
        limit = limit_of(sensor, self._own_limits)
        if limit is None:
            said.append(formats.name(no_limit_reason(sensor, self._own_limits)))
        elif limit.is_set and not limit.stands_in:
            said.append(self.tr("Your own limit: {limit}.").format(limit=formats.celsius(limit.temperature_c)))
        elif limit.is_set:
            own = self.tr("Its driver gives no limit; {limit} is set in the settings.")
            said.append(own.format(limit=formats.celsius(limit.temperature_c)))
        return " ".join(said)


class SensorsPage(QWidget):
    """The table, or why there is none."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.model = SensorModel(self)
        self.view = TableView(self.tr("Sensors"))
        self.view.setModel(self.model)
        self.view.size_columns(["M" * 14, "M" * 8, "000 °C", "000 °C", "000 °C", "M" * 10], _NOTE)
        self.empty = EmptyState()
        self._stack = QStackedLayout(self)
        self.setContentsMargins(0, theme.GRID_PX, 0, 0)  # a stacked layout knows no margins
        self._stack.addWidget(self.empty)
        self._stack.addWidget(self.view)

    def show_view(self, view: View) -> None:
        """List the sensors of the latest sample."""
        sensors = view.sample.sensors if view.sample else ()
        self.model.show_sensors(sensors, view.cpu_sensor.key if view.cpu_sensor else "", view.own_limits)
        waiting = self.tr("Waiting for the first reading.")
        none = self.tr("No temperature sensor here: the kernel shows none (usual in virtual machines and containers).")
        self.empty.say(none if view.sample else waiting)
        self._stack.setCurrentWidget(self.view if sensors else self.empty)
