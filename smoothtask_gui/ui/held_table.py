"""A table whose order holds while the pointer is on its rows or one is selected: no row jumps from under either.

Leaving (or Escape) sorts again. The first reading after the table came into view is sorted in any case. A first click
on a column of numbers sorts the largest first, which is what people look for. When the selected row goes, nothing is
selected: Qt would select its neighbour, and what is done next would hit that one. Where there are no rows it says why.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QModelIndex, QObject, QPersistentModelIndex, Qt, Signal
from PySide6.QtGui import QPainter, QPalette
from PySide6.QtWidgets import QAbstractItemView, QLineEdit

from smoothtask_gui.ui import theme
from smoothtask_gui.ui.tables import TableView

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from PySide6.QtGui import QHideEvent, QKeyEvent, QPaintEvent

    from smoothtask_gui.ui.held_rows import HeldRowsModel

SEARCH_LONGEST = 64


class HeldTable(TableView):
    """`ascending` are the columns that a first click sorts from the smallest (names, numbers of identity).

    `stretched` are those that take the room that is left (`size_columns`).
    """

    chosen = Signal()  # the selection is another one

    def __init__(
        self,
        name: str,
        model: HeldRowsModel,
        *,
        widest: Sequence[str],
        sorted_by: int,
        ascending: Collection[int],
        stretched: Collection[int] = (),
    ) -> None:
        super().__init__(name)
        self._held_model = model
        self._ascending = frozenset(ascending)
        self._pointer_on_rows = False
        self._comes_into_view = True
        self._nothing = ""
        self._sorted_column = sorted_by
        self.setModel(model)
        self.setSortingEnabled(True)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.header().sectionClicked.connect(self._first_click_descending)
        self.size_columns(widest, *stretched)
        self.sortByColumn(sorted_by, Qt.SortOrder.DescendingOrder)
        self.viewport().installEventFilter(self)
        self.selectionModel().selectionChanged.connect(self._selection_changed)

    @property
    def has_selection(self) -> bool:
        return self.selectionModel().hasSelection()

    def selected_row(self) -> QModelIndex | None:
        """The selected row, None if none is."""
        rows = self.selectionModel().selectedRows()
        return rows[0] if rows else None

    def expect_sample(self) -> None:
        """To be called before new readings are shown."""
        if self._comes_into_view:
            self._comes_into_view = False
            self._held_model.hold(False)

    def update_hold(self) -> None:
        """Hold or let go, as pointer and selection are now."""
        self._held_model.hold(self.has_selection or self._pointer_on_rows)

    def say_nothing(self, why: str) -> None:
        """What stands in place of the rows while there are none."""
        if why != self._nothing:
            self._nothing = why
            self.setAccessibleDescription(why)
            self.viewport().update()

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if not self._nothing or self._held_model.rowCount():
            return
        painter = QPainter(self.viewport())
        painter.setPen(theme.colours(self.palette(), QPalette.ColorRole.Base).muted)
        room = self.viewport().rect().adjusted(*[theme.GRID_PX * 4] * 2, *[-theme.GRID_PX * 4] * 2)
        painter.drawText(room, Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap, self._nothing)
        painter.end()

    def rowsAboutToBeRemoved(self, parent: QModelIndex | QPersistentModelIndex, start: int, end: int) -> None:
        if start <= self.currentIndex().row() <= end:
            self.setCurrentIndex(QModelIndex())
        super().rowsAboutToBeRemoved(parent, start, end)

    def hideEvent(self, event: QHideEvent) -> None:
        self._comes_into_view = True
        super().hideEvent(event)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() in {QEvent.Type.Enter, QEvent.Type.Leave} and watched is self.viewport():
            self._pointer_on_rows = event.type() == QEvent.Type.Enter
            self.update_hold()
        return super().eventFilter(watched, event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape and self.has_selection:
            self.clearSelection()
            return
        super().keyPressEvent(event)

    def index_for_menu(self, index: QModelIndex) -> QModelIndex:
        """The row that a context menu is about: the one under the pointer, else the current one; it becomes current."""
        row = index if index.isValid() else self.currentIndex()
        self.setCurrentIndex(row)
        return row

    def _first_click_descending(self, section: int) -> None:
        if section != self._sorted_column and section not in self._ascending:
            self.sortByColumn(section, Qt.SortOrder.DescendingOrder)
        self._sorted_column = section

    def _selection_changed(self, *_: object) -> None:
        self.update_hold()
        self.chosen.emit()


def make_search(placeholder: str, name: str) -> QLineEdit:
    """A search field as all tables have it."""
    search = QLineEdit()
    search.setPlaceholderText(placeholder)
    search.setAccessibleName(name)
    search.setClearButtonEnabled(True)
    search.setMaxLength(SEARCH_LONGEST)
    search.setMinimumHeight(theme.TARGET_PX)
    return search
