"""What the models of processes, apps and connections share: rows of an array that keep their places while held.

No object is kept per row: rows are one structured array in the order shown, and a cell becomes text when a view asks
for it. While held (pointer or selection on the table) no row moves: what has ended stays, greyed, what is new comes at
the end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Protocol

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt
from PySide6.QtGui import QColor, QGuiApplication, QPalette

from smoothtask_gui.ui import formats, process_rows, theme

if TYPE_CHECKING:
    from collections.abc import Sequence

    from smoothtask_gui.ui.process_rows import Find, Places, Rows

Index = QModelIndex | QPersistentModelIndex
SortKeys = npt.NDArray[np.bytes_] | npt.NDArray[np.float64]
NOWHERE: Final = QModelIndex()
LEFT: Final = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
RIGHT: Final = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
_MOST_RUNS: Final = 4


class Words(Protocol):
    """What a column's header says."""

    @property
    def title(self) -> str: ...

    @property
    def explanation(self) -> str: ...


class HeldRowsModel(QAbstractTableModel):
    """Rows of the latest sample, filtered and sorted; `hold` keeps every row in its place.

    `_wanted`, `_sort_keys`, `_text` and `_tip` are what a table differs in.
    """

    _find: Find = staticmethod(process_rows.find)
    _textual: frozenset[int] = frozenset()  # columns that are left-aligned

    def __init__(
        self, dtype: np.dtype[Any], words: Sequence[Words], sorted_by: int, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._rows: Rows = np.empty(0, dtype)
        self._ended = np.empty(0, bool)
        self._held = False
        self._column, self._descending = sorted_by, True
        self._words = words
        self._last_grey = (0, QColor())  # of which palette

    # What differs

    def _wanted(self) -> Rows:
        """The latest readings, those that the search and the filters let through."""
        raise NotImplementedError

    def _sort_keys(self, rows: Rows, column: int) -> SortKeys:
        raise NotImplementedError

    def _text(self, row: int, column: int) -> str:
        raise NotImplementedError

    def _tip(self, row: int, column: int) -> str:
        raise NotImplementedError

    # What the tables ask for

    @property
    def held(self) -> bool:
        """Whether rows keep their places."""
        return self._held

    def hold(self, held: bool) -> None:
        """Keep all rows in their places from now on, or sort again."""
        if held != self._held:
            self._held = held
            if not held:
                self._refresh()

    def clear(self) -> None:
        """Show nothing: what was shown is no longer live."""
        self.beginResetModel()
        self._rows, self._ended = self._rows[:0], self._ended[:0]
        self.endResetModel()

    # What Qt asks for

    def rowCount(self, parent: Index = NOWHERE) -> int:
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: Index = NOWHERE) -> int:
        return 0 if parent.isValid() else len(self._words)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if orientation is not Qt.Orientation.Horizontal or not 0 <= section < len(self._words):
            return None
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return self._words[section].title
            case Qt.ItemDataRole.ToolTipRole:
                return self._words[section].explanation or None
            case Qt.ItemDataRole.TextAlignmentRole:
                return LEFT if section in self._textual else RIGHT
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return self._text(index.row(), index.column())
            case Qt.ItemDataRole.TextAlignmentRole:
                return LEFT if index.column() in self._textual else RIGHT
            case Qt.ItemDataRole.ToolTipRole:
                return formats.tooltip(self._tip(index.row(), index.column())) or None
            case Qt.ItemDataRole.ForegroundRole if self._is_grey(index.row()):
                return self._grey()
        return None

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """Sort now, even while held: a click on a header is the person's own wish."""
        self._column, self._descending = column, order is Qt.SortOrder.DescendingOrder
        self._sort()

    def _grey(self) -> QColor:
        """For rows that aren't live; the palette's own grey, of what is disabled, needn't be readable."""
        palette = QGuiApplication.palette()
        key, grey = self._last_grey
        if key != palette.cacheKey():
            grey = theme.colours(palette, QPalette.ColorRole.Base).muted
            self._last_grey = palette.cacheKey(), grey
        return grey

    # How rows come and go

    def _is_grey(self, row: int) -> bool:
        return bool(self._ended[row])

    def _show_latest(self) -> None:
        """Take new readings; the order changes only when not held."""
        self._refresh()
        self._tell_changed()

    def _tell_changed(self) -> None:
        if self.rowCount():
            self.dataChanged.emit(self.index(0, 0), self.index(self.rowCount() - 1, len(self._words) - 1))

    def _list_anew(self) -> None:
        """Another search or filter: its rows are sorted at once."""
        was_held, self._held = self._held, False
        self._refresh()
        self._held = was_held

    def _refresh(self) -> None:
        step = process_rows.merge(self._rows, self._wanted(), held=self._held, find=self._find)
        self._rows, self._ended = step.rows, step.ended
        self._remove(step.gone)
        if len(step.added):
            self.beginInsertRows(QModelIndex(), len(self._rows), len(self._rows) + len(step.added) - 1)
            self._rows = np.concatenate((self._rows, step.added))
            self._ended = np.concatenate((self._ended, np.zeros(len(step.added), bool)))
            self.endInsertRows()
        if not self._held:
            self._sort()

    def _remove(self, gone: Places) -> None:
        runs = process_rows.runs_from_the_end(gone)
        if len(runs) > _MOST_RUNS:  # each run costs every view a pass over all rows: bring them together first
            self._permute(np.concatenate((np.delete(np.arange(len(self._rows)), gone), gone)))
            runs = [(len(self._rows) - len(gone), len(self._rows) - 1)]
        for first, last in runs:
            self.beginRemoveRows(QModelIndex(), first, last)
            self._rows = np.delete(self._rows, slice(first, last + 1))
            self._ended = np.delete(self._ended, slice(first, last + 1))
            self.endRemoveRows()

    def _sort(self) -> None:
        keys = self._sort_keys(self._rows, self._column)
        places = process_rows.sorted_places(keys, descending=self._descending)
        if not np.array_equal(places, np.arange(len(places))):
            self._permute(places)

    def _permute(self, places: Places) -> None:
        self.layoutAboutToBeChanged.emit()
        place_of = np.argsort(places)
        before = [index for index in self.persistentIndexList() if index.row() < len(place_of)]
        after = [self.index(int(place_of[index.row()]), index.column()) for index in before]
        self._rows, self._ended = self._rows[places], self._ended[places]
        self.changePersistentIndexList(before, after)
        self.layoutChanged.emit()
