"""One kind of table for all tabs: rows without tree lines, columns as wide as their widest usual text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QEvent, QModelIndex, QPersistentModelIndex, QSize, Qt
from PySide6.QtWidgets import (
    QAbstractItemView,
    QApplication,
    QHeaderView,
    QStyledItemDelegate,
    QStyleOptionHeader,
    QStyleOptionViewItem,
    QTreeView,
    QWidget,
)

from smoothtask_gui.ui import formats, theme

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PySide6.QtGui import QResizeEvent

_GUTTER: Final = formats.SPACE * 2


class _Spacious(QStyledItemDelegate):
    """Rows of at least the smallest comfortable target."""

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        hint = super().sizeHint(option, index)
        return QSize(hint.width(), max(hint.height(), theme.TARGET_PX))

    def initStyleOption(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> None:
        super().initStyleOption(option, index)
        if option.displayAlignment & Qt.AlignmentFlag.AlignRight:
            option.text += _GUTTER


class _Header(QHeaderView):
    """Keeps right-aligned titles as far from the next column as their numbers are."""

    def initStyleOptionForIndex(self, option: QStyleOptionHeader, logical_index: int) -> None:
        super().initStyleOptionForIndex(option, logical_index)
        if option.textAlignment & Qt.AlignmentFlag.AlignRight:
            option.text += _GUTTER


class TableView(QTreeView):
    """A flat table with tabular figures; Tab leaves it, arrows move in it."""

    def __init__(self, accessible_name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(accessible_name)
        self.setFont(theme.font(self.font()))
        self.setRootIsDecorated(False)
        self.setItemsExpandable(False)
        self.setUniformRowHeights(True)
        self.setAllColumnsShowFocus(True)
        self.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setItemDelegate(_Spacious(self))
        self.setHeader(_Header(Qt.Orientation.Horizontal, self))
        self.header().setSectionsClickable(True)
        self.header().setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        self.header().setSectionsMovable(True)
        self.header().setStretchLastSection(False)
        self._stretched: dict[int, int] = {}  # column to least width
        self._followed = 0
        self._follow_palette()

    def size_columns(self, widest: Sequence[str], *stretched: int) -> None:
        """Make each column fit its widest usual text and its title (a third more for translations).

        What room is left goes to the columns `stretched`, the first one unless given.
        """
        header = self.header()
        metrics = self.fontMetrics()
        room = theme.GRID_PX * 3
        for column, text in enumerate(widest):
            title = str(self.model().headerData(column, Qt.Orientation.Horizontal))
            width = max(metrics.horizontalAdvance(text), metrics.horizontalAdvance(title))
            header.resizeSection(column, width + room)
        self._stretched = {column: header.sectionSize(column) for column in stretched or (0,)}
        header.setMinimumSectionSize(theme.GRID_PX * 6)
        self._stretch()

    def hide_column(self, column: int, *, hidden: bool) -> None:
        """Hide a column, or show it again; the others share its room."""
        self.setColumnHidden(column, hidden)
        self._stretch()

    def fit_rows(self, at_most: int | None = None) -> None:
        """Be as high as the rows, or as `at_most` of them: for a page that scrolls as a whole."""
        rows = self.model().rowCount() if at_most is None else min(self.model().rowCount(), at_most)
        room = self.header().sizeHint().height() + rows * max(self.sizeHintForRow(0), theme.TARGET_PX)
        bar = self.horizontalScrollBar()
        room += bar.sizeHint().height() if bar.maximum() else 0
        self.setFixedHeight(room + 2 * self.frameWidth())

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and QApplication.palette().cacheKey() != self._followed:
            self._follow_palette()

    def _follow_palette(self) -> None:
        palette = QApplication.palette()
        self._followed = palette.cacheKey()  # setting our own palette comes back as a change
        self.setPalette(theme.readable_selection(palette))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._stretch()

    def _stretch(self) -> None:
        """Let those columns take the room that is left, if that is enough for them; else the table scrolls sideways."""
        header = self.header()
        seen = {column: least for column, least in self._stretched.items() if not header.isSectionHidden(column)}
        others = header.length() - sum(map(header.sectionSize, seen))
        wanted = len(seen) * max(seen.values(), default=0)  # Qt makes them equally wide
        fits = self.viewport().width() - others >= wanted
        mode = QHeaderView.ResizeMode.Stretch if fits else QHeaderView.ResizeMode.Interactive
        changed = {column: least for column, least in seen.items() if header.sectionResizeMode(column) is not mode}
        for column, least in changed.items():
            header.setSectionResizeMode(column, mode)
            if not fits:
                header.resizeSection(column, least)
