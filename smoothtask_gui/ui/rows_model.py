"""A model of ready-made rows of text, for small tables that a page renews as a whole."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from smoothtask_gui.ui import formats

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Index = QModelIndex | QPersistentModelIndex
_NOWHERE: Final = QModelIndex()
_UNEXPLAINED: Final[Mapping[str, str]] = MappingProxyType({})
_LEFT: Final = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
_RIGHT: Final = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


@dataclass(frozen=True, slots=True)
class Row:
    """`key` tells rows apart when they are renewed; `cells` are shown literally."""

    key: str
    cells: tuple[str, ...]


class RowsModel(QAbstractTableModel):
    """`titles` are the columns, `numbers` those that are right-aligned; `explanations` of titles are their tooltips."""

    def __init__(
        self,
        titles: Sequence[str],
        numbers: Sequence[int],
        parent: QObject | None = None,
        *,
        explanations: Mapping[str, str] = _UNEXPLAINED,
    ) -> None:
        super().__init__(parent)
        self._explanations = explanations
        self._titles = tuple(titles)
        self._numbers = frozenset(numbers)
        self._rows: tuple[Row, ...] = ()

    def show_rows(self, rows: tuple[Row, ...]) -> None:
        """Renew cells in place; rows are rebuilt only when some come, go or change places."""
        same = [row.key for row in rows] == [row.key for row in self._rows]
        if not same:
            self.beginResetModel()
        self._rows = rows
        if not same:
            self.endResetModel()
        elif rows:
            self.dataChanged.emit(self.index(0, 0), self.index(len(rows) - 1, len(self._titles) - 1))

    def rowCount(self, parent: Index = _NOWHERE) -> int:
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: Index = _NOWHERE) -> int:
        return 0 if parent.isValid() else len(self._titles)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if orientation is not Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _RIGHT if section in self._numbers else _LEFT
        if role == Qt.ItemDataRole.ToolTipRole:
            return self._explanations.get(self._titles[section])
        return self._titles[section] if role == Qt.ItemDataRole.DisplayRole else None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _RIGHT if index.column() in self._numbers else _LEFT
        text = self._rows[index.row()].cells[index.column()]
        if role == Qt.ItemDataRole.DisplayRole:
            return text
        return formats.tooltip(text) if role == Qt.ItemDataRole.ToolTipRole else None
