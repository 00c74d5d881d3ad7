"""The incidents of the history tab: what is and was wrong, each with its evidence and what can be done."""

from __future__ import annotations

from typing import Any, Final

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt
from PySide6.QtWidgets import QStackedLayout, QVBoxLayout, QWidget

from smoothtask_gui.domain.incident import Incident, IncidentState, Severity
from smoothtask_gui.ui import formats, theme
from smoothtask_gui.ui.incident_card import IncidentCard
from smoothtask_gui.ui.labels import EmptyState
from smoothtask_gui.ui.status_line import clock
from smoothtask_gui.ui.tables import TableView

Index = QModelIndex | QPersistentModelIndex
_NOWHERE: Final = QModelIndex()
_STATE, _SINCE, _LASTED, _WHAT = range(4)
_WIDE_NS: Final = 1_640_390_400 * 10**9  # 25 December 2021: a day that isn't today, in as many figures as there are


class IncidentModel(QAbstractTableModel):
    """Open incidents first, then resolved ones, newest first."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._incidents: tuple[Incident, ...] = ()
        self._now_ns = 0

    def show_incidents(self, incidents: tuple[Incident, ...], now_ns: int) -> None:
        """Renew in place; rows are rebuilt only when the list changes."""
        same = [_key(incident) for incident in incidents] == [_key(incident) for incident in self._incidents]
        self._now_ns = now_ns
        if not same:
            self.beginResetModel()
        self._incidents = incidents
        if not same:
            self.endResetModel()
        elif incidents:
            self.dataChanged.emit(self.index(0, 0), self.index(len(incidents) - 1, _WHAT))

    def incident(self, row: int) -> Incident | None:
        """The incident of a row."""
        return self._incidents[row] if 0 <= row < len(self._incidents) else None

    def row_of(self, incident: Incident) -> int:
        """The row of an incident in whatever state, -1 if it isn't listed."""
        return next((row for row, each in enumerate(self._incidents) if _key(each) == _key(incident)), -1)

    def rowCount(self, parent: Index = _NOWHERE) -> int:
        return 0 if parent.isValid() else len(self._incidents)

    def columnCount(self, parent: Index = _NOWHERE) -> int:
        return 0 if parent.isValid() else 4

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if orientation is Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return (self.tr("State"), self.tr("Since"), self.tr("Lasted"), self.tr("What happened"))[section]
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        text = self._text(self._incidents[index.row()], index.column())
        if role == Qt.ItemDataRole.DisplayRole:
            return text
        if role == Qt.ItemDataRole.ToolTipRole:
            return formats.tooltip(text)
        return None

    def _text(self, incident: Incident, column: int) -> str:
        match column:
            case 0:
                return self._state(incident)
            case 1:
                return clock(incident.started_realtime_ns)
            case 2:
                return self._lasted(incident)
        return incident.title

    def _lasted(self, incident: Incident) -> str:
        end_ns = incident.resolved_boottime_ns
        if end_ns is None and incident.state is IncidentState.RESOLVED:  # SmoothTask ended before it did
            return formats.MISSING
        return formats.duration(((end_ns or self._now_ns) - incident.started_boottime_ns) / 1e9)

    def _state(self, incident: Incident) -> str:
        if incident.state is IncidentState.RESOLVED:
            return self.tr("✓ over")
        return self.tr("■ critical") if incident.severity is Severity.CRITICAL else self.tr("▲ warning")


class IncidentsPage(QWidget):
    """The list above, the selected incident's evidence below."""

    def __init__(self, own_uid: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._shown: Incident | None = None
        self.model = IncidentModel(self)
        self.view = TableView(self.tr("Incidents"))
        self.view.setModel(self.model)
        self.view.size_columns(["■ M" + "M" * 7, clock(_WIDE_NS), "00 min 00 s", ""], _WHAT)
        self.view.selectionModel().selectionChanged.connect(self._selection_changed)
        self.model.modelReset.connect(self._select_again)
        self.card = IncidentCard(own_uid)
        self._lay_out()

    def show_incidents(self, incidents: tuple[Incident, ...], now_ns: int) -> None:
        """List these; `now_ns` is boot time, for those that go on."""
        self.model.show_incidents(incidents, now_ns)
        self._stack.setCurrentIndex(1 if incidents else 0)
        if self._shown is not None:
            self._explain(self.model.incident(self.model.row_of(self._shown)))

    def select(self, incident: Incident, *, take_focus: bool = True) -> None:
        """Show this incident's evidence (from a notification's or the status line's Show, or its mark)."""
        row = self.model.row_of(incident)
        if row >= 0:
            self.view.setCurrentIndex(self.model.index(row, 0))
            if take_focus:
                self.view.setFocus()

    def _selection_changed(self, *_: object) -> None:
        rows = self.view.selectionModel().selectedRows()
        if rows:
            self._explain(self.model.incident(rows[0].row()))

    def _select_again(self) -> None:
        row = self.model.row_of(self._shown) if self._shown else 0
        self.view.setCurrentIndex(self.model.index(max(row, 0), 0))

    def _explain(self, incident: Incident | None) -> None:
        self._shown = incident
        self.card.show_incident(incident)

    def _lay_out(self) -> None:
        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.GRID_PX)
        column.addWidget(self.view, 1)
        column.addWidget(self.card)
        self._stack = QStackedLayout(self)
        text = self.tr("No incident in this time.\nIncidents appear here with their cause.")
        self._stack.addWidget(EmptyState(text))
        self._stack.addWidget(page)


def _key(incident: Incident) -> tuple[int, int]:
    """Each start of SmoothTask counts from 1 again."""
    return incident.id, incident.started_realtime_ns
