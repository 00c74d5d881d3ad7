"""The connections tab: who talks to whom, or why that can't be seen and what to do about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QModelIndex, QPoint, Qt, Signal
from PySide6.QtGui import QAction, QGuiApplication
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QMenu,
    QPushButton,
    QStackedLayout,
    QVBoxLayout,
    QWidget,
)

from smoothtask_gui.ui import formats, theme
from smoothtask_gui.ui.connection_columns import TEXTUAL, Column, ConnectionColumns, Filter
from smoothtask_gui.ui.connection_model import ConnectionModel
from smoothtask_gui.ui.held_table import HeldTable, make_search
from smoothtask_gui.ui.labels import EmptyState, PlainLabel, Tone

if TYPE_CHECKING:
    from smoothtask_gui.domain.view import View


class ConnectionsPage(QWidget):
    """The table with search and filter, or an explanation with a way out."""

    help_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.model = ConnectionModel(self)
        self.search = make_search(self.tr("Search by process, address or PID"), self.tr("Search connections"))
        self.search.textChanged.connect(self._search)
        self.filter = self._make_filter()
        self.hint = PlainLabel(tone=Tone.MUTED)
        widest = [words.widest for words in ConnectionColumns().columns()]
        self.view = HeldTable(
            self.tr("Connections"),
            self.model,
            widest=widest,
            sorted_by=Column.RECEIVED_RATE,
            ascending={*TEXTUAL, Column.PID},
        )
        self.view.customContextMenuRequested.connect(self._open_menu)
        self.nothing = EmptyState()
        self.empty = EmptyState()
        self.help = QPushButton(self.tr("How to get the helper"))
        self.help.setMinimumHeight(theme.TARGET_PX)
        self.help.clicked.connect(self.help_requested)
        self._lay_out()

    def show_view(self, view: View) -> None:
        """List the connections of the latest sample."""
        rows = view.sample.connections if view.sample else None
        if view.sample is None or rows is None:
            self._explain(view)
            return
        self._stack.setCurrentIndex(1)
        self.view.expect_sample()
        self.model.show_connections(rows)
        own_only = "network" in view.sample.unavailable
        self.view.update_hold()
        self._say_hint(own_only=own_only, truncated="connections" in view.sample.unavailable)
        self._show_nothing(any_rows=bool(len(rows)))

    def menu_for(self, index: QModelIndex) -> QMenu | None:
        """The context menu of a row."""
        if not index.isValid():
            return None
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for text, end in zip(
            (self.tr("Copy local address"), self.tr("Copy remote address")), self.model.end_texts(index), strict=True
        ):
            copy = QAction(text, menu)
            copy.setEnabled(bool(end))
            copy.triggered.connect(lambda _=False, end=end: QGuiApplication.clipboard().setText(end))
            menu.addAction(copy)
        return menu

    def _explain(self, view: View) -> None:
        """Why there is no list."""
        self._stack.setCurrentIndex(0)
        without_helper = view.source == "procfs"
        self.help.setVisible(without_helper)
        if without_helper:
            self.empty.say(
                self.tr(
                    "Per-app network needs the helper.\n"
                    "It asks the kernel which app each connection belongs to and how many bytes it carried."
                )
            )
        elif view.sample is None:
            self.empty.say(self.tr("Waiting for the first reading."))
        else:
            reason = formats.name(view.sample.unavailable.get("network", ""), 1000)
            self.empty.say(self.tr("No connections can be shown.") + f"\n{reason}")

    def _say_hint(self, *, own_only: bool, truncated: bool) -> None:
        if self.view.has_selection:
            self.hint.say(self.tr("Order held while a row is selected (Esc)"))
        elif truncated:
            self.hint.say(self.tr("Too many to show: the list is cut short"))
        else:
            self.hint.say(self.tr("Your own connections") if own_only else "")

    def _show_nothing(self, *, any_rows: bool) -> None:
        listed = self.model.rowCount() > 0
        self.view.setVisible(listed)
        self.nothing.setVisible(not listed)
        if not listed:
            unmatched = self.tr("No connection matches the search and the filter.")
            self.nothing.say(unmatched if any_rows else self.tr("Nothing is connected or listening."))

    def _make_filter(self) -> QComboBox:
        choice = QComboBox()
        choice.setAccessibleName(self.tr("Which connections"))
        choice.setMinimumHeight(theme.TARGET_PX)
        for chosen, text in (
            (Filter.ACTIVE, self.tr("Connections")),
            (Filter.LISTENING, self.tr("Listening")),
            (Filter.ALL, self.tr("All sockets")),
        ):
            choice.addItem(text, int(chosen))
        choice.currentIndexChanged.connect(self._choose)
        return choice

    def _search(self, needle: str) -> None:
        self.model.search(needle)
        self._show_nothing(any_rows=True)

    def _choose(self, place: int) -> None:
        self.model.choose(Filter(self.filter.itemData(place)))
        self._show_nothing(any_rows=True)

    def _open_menu(self, position: QPoint) -> None:
        menu = self.menu_for(self.view.index_for_menu(self.view.indexAt(position)))
        if menu is not None:
            menu.popup(self.view.viewport().mapToGlobal(position))

    def _lay_out(self) -> None:
        bar = QHBoxLayout()
        bar.setSpacing(theme.GRID_PX)
        bar.addWidget(self.search, 1)
        bar.addWidget(self.hint)
        bar.addWidget(self.filter)
        listed = QWidget()
        column = QVBoxLayout(listed)
        column.setContentsMargins(0, theme.GRID_PX, 0, 0)
        column.setSpacing(theme.GRID_PX)
        column.addLayout(bar)
        column.addWidget(self.view, 1)
        column.addWidget(self.nothing, 1)
        self.nothing.hide()
        explained = QWidget()
        column = QVBoxLayout(explained)
        column.addStretch(1)
        column.addWidget(self.empty)
        column.addWidget(self.help, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addStretch(1)
        self._stack = QStackedLayout(self)
        self._stack.setContentsMargins(0, 0, 0, 0)
        self._stack.addWidget(explained)
        self._stack.addWidget(listed)
