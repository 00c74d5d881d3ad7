"""The connections tab: who talks to whom, or why that can't be seen and what to do about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

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
    from collections.abc import Mapping

    from smoothtask_gui.domain.view import View

_REASON_BYTES: Final = 1000


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
            stretched=(Column.NAME, Column.REMOTE, Column.LOCAL),
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
        self.view.update_hold()
        self._say_hint(view.sample.unavailable)
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
            reason = formats.name(view.sample.unavailable.get("network", ""), _REASON_BYTES)
            self.empty.say(self.tr("No connections can be shown.") + f"\n{reason}")

    def _say_hint(self, unavailable: Mapping[str, str]) -> None:
        """What the list lacks, the worst alone; the tooltip has the reason of each."""
        words = {
            "connections": self.tr("Too many to show: the list is cut short"),
            "datagrams": self.tr("Not all of UDP is counted"),
            "network": self.tr("Your own connections"),
        }
        lacks = [subject for subject in words if subject in unavailable]
        held = self.tr("Order held while a row is selected (Esc)")
        self.hint.say(held if self.view.has_selection else words[lacks[0]] if lacks else "")
        reasons = "\n".join(f"· {formats.name(unavailable[subject], _REASON_BYTES)}" for subject in lacks)
        if reasons != self.hint.accessibleDescription():
            self.hint.setToolTip(formats.tooltip(reasons))
            self.hint.setAccessibleDescription(reasons)

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
        chosen = Filter(self.filter.itemData(place))
        self.model.choose(chosen)
        self._lead_with_own_end(leads=chosen is Filter.LISTENING)
        self._show_nothing(any_rows=True)

    def _lead_with_own_end(self, *, leads: bool) -> None:
        """Who listens has no other end, and is told by the port: that stands in the other's place."""
        if leads is self.view.isColumnHidden(Column.REMOTE):
            return
        header = self.view.header()
        header.swapSections(header.visualIndex(Column.REMOTE), header.visualIndex(Column.LOCAL))
        self.view.hide_column(Column.REMOTE, hidden=leads)

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
