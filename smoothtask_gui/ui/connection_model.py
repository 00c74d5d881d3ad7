"""The connections table's model over the sample's own array; a connection is its cookie.

As in the process table no object is kept per row, and while held no row moves: closed connections stay, greyed.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt
from PySide6.QtGui import QColor, QGuiApplication, QPalette

from smoothtask_gui.domain.connections import CONNECTION
from smoothtask_gui.ui import connection_columns, formats, process_rows
from smoothtask_gui.ui.connection_columns import TEXTUAL, Column, ConnectionColumns, Filter, Rows

Index = QModelIndex | QPersistentModelIndex
_NOWHERE: Final = QModelIndex()
_LEFT: Final = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
_RIGHT: Final = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
_NO_ROWS: Final = np.empty(0, CONNECTION)


class ConnectionModel(QAbstractTableModel):
    """Connections of the latest sample, filtered and sorted; `hold` keeps every row in its place."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._rows = _NO_ROWS
        self._ended = np.empty(0, bool)
        self._latest = _NO_ROWS
        self._needle = ""
        self._filter = Filter.ACTIVE
        self._held = False
        self._column, self._descending = Column.RECEIVED_RATE, True
        self._words = ConnectionColumns(self)
        self._texts = self._words.columns()

    def show_connections(self, rows: Rows) -> None:
        """Take new readings; the order changes only when not held."""
        self._latest = rows
        self._refresh()
        if len(self._rows):
            self.dataChanged.emit(self.index(0, 0), self.index(len(self._rows) - 1, len(self._texts) - 1))

    def hold(self, held: bool) -> None:
        """Keep all rows in their places from now on, or sort again."""
        if held != self._held:
            self._held = held
            if not held:
                self._refresh()

    def search(self, needle: str) -> None:
        """List only what `needle` finds; the new rows are sorted at once."""
        self._needle = needle.strip()
        self._list_anew()

    def choose(self, chosen: Filter) -> None:
        """List what the filter lets through."""
        self._filter = chosen
        self._list_anew()

    def end_texts(self, index: Index) -> tuple[str, str]:
        """(local, remote) of a row, to be copied."""
        row = self._rows[index.row()]
        return connection_columns.address(row, "local"), connection_columns.address(row, "remote")

    def rowCount(self, parent: Index = _NOWHERE) -> int:
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: Index = _NOWHERE) -> int:
        return 0 if parent.isValid() else len(self._texts)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if orientation is not Qt.Orientation.Horizontal or not 0 <= section < len(self._texts):
            return None
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return self._texts[section].title
            case Qt.ItemDataRole.ToolTipRole:
                return self._texts[section].explanation or None
            case Qt.ItemDataRole.TextAlignmentRole:
                return _LEFT if section in TEXTUAL else _RIGHT
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        column = Column(index.column())
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return connection_columns.cell(self._rows[index.row()], column, self._words)
            case Qt.ItemDataRole.TextAlignmentRole:
                return _LEFT if column in TEXTUAL else _RIGHT
            case Qt.ItemDataRole.ToolTipRole:
                return formats.tooltip(self._tip(index.row(), column)) or None
            case Qt.ItemDataRole.ForegroundRole if self._ended[index.row()]:
                return _grey()
        return None

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """Sort now, even while held: a click on a header is the person's own wish."""
        self._column, self._descending = Column(column), order is Qt.SortOrder.DescendingOrder
        self._sort()

    def _list_anew(self) -> None:
        was_held, self._held = self._held, False
        self._refresh()
        self._held = was_held

    def _refresh(self) -> None:
        wanted = self._latest[connection_columns.matches(self._latest, self._filter, self._needle)]
        step = process_rows.merge(self._rows, wanted, held=self._held, find=process_rows.find_cookies)
        self._rows, self._ended = step.rows, step.ended
        for first, last in process_rows.runs_from_the_end(step.gone):
            self.beginRemoveRows(QModelIndex(), first, last)
            self._rows = np.delete(self._rows, slice(first, last + 1))
            self._ended = np.delete(self._ended, slice(first, last + 1))
            self.endRemoveRows()
        if len(step.added):
            self.beginInsertRows(QModelIndex(), len(self._rows), len(self._rows) + len(step.added) - 1)
            self._rows = np.concatenate((self._rows, step.added))
            self._ended = np.concatenate((self._ended, np.zeros(len(step.added), bool)))
            self.endInsertRows()
        if not self._held:
            self._sort()

    def _sort(self) -> None:
        keys = connection_columns.sort_keys(self._rows, self._column)
        places = process_rows.sorted_places(keys, descending=self._descending)
        if np.array_equal(places, np.arange(len(places))):
            return
        self.layoutAboutToBeChanged.emit()
        place_of = np.argsort(places)
        before = self.persistentIndexList()
        after = [self.index(int(place_of[index.row()]), index.column()) for index in before]
        self._rows, self._ended = self._rows[places], self._ended[places]
        self.changePersistentIndexList(before, after)
        self.layoutChanged.emit()

    def _tip(self, row: int, column: Column) -> str:
        if self._ended[row]:
            return self.tr("This connection has closed; the row goes when pointer and selection have left the table.")
        text = connection_columns.cell(self._rows[row], column, self._words)
        if text == formats.MISSING:
            return self._texts[column].missing
        return text if column in TEXTUAL else ""


def _grey() -> QColor:
    return QGuiApplication.palette().color(QPalette.ColorGroup.Disabled, QPalette.ColorRole.Text)
