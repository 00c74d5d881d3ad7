"""The processes tab: search, table, and the actions on the selected process.

The order holds while the pointer is on the rows or one is selected, and says so; leaving (or Escape) sorts again.
Actions leave as signals: whether and how they are done is decided elsewhere, with confirmation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QEvent, QModelIndex, QObject, QPoint, Qt, Signal
from PySide6.QtGui import QAction, QGuiApplication, QKeyEvent, QKeySequence, QShowEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QLineEdit,
    QMenu,
    QPushButton,
    QToolButton,
    QTreeView,
    QVBoxLayout,
    QWidget,
)

from smoothtask_gui.domain.incident import Action
from smoothtask_gui.ui import formats, process_columns, process_menu, theme
from smoothtask_gui.ui.labels import PlainLabel, Tone
from smoothtask_gui.ui.process_columns import Column, UserName
from smoothtask_gui.ui.process_details import Describe, ProcessDetails, nothing_known
from smoothtask_gui.ui.process_model import ProcessModel
from smoothtask_gui.ui.tables import TableView

if TYPE_CHECKING:
    from smoothtask_gui.domain.incident import ProcessIdentity
    from smoothtask_gui.domain.sample import Sample

_SEARCH_LONGEST: Final = 64


class ProcessTable(QWidget):
    """All processes; `own_uid` is whose processes take no password, `describe` says what one is."""

    acted = Signal(object, object)  # ProcessIdentity, Action

    def __init__(
        self,
        own_uid: int,
        user_name: UserName,
        describe: Describe = nothing_known,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._own_uid = own_uid
        self.model = ProcessModel(user_name, self)
        self.search = self._make_search()
        self.view = self._make_view()
        self.details = ProcessDetails(describe)
        self.hint = PlainLabel(tone=Tone.MUTED)
        self.stop = QPushButton(self.tr("Stop selecte&d"))
        self.stop.setMinimumHeight(theme.TARGET_PX)
        self.stop.clicked.connect(lambda: self._act(Action.STOP))
        self.more = QToolButton()
        self.more.setText(self.tr("&More"))
        self.more.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.more.setMinimumHeight(theme.TARGET_PX)
        self.more.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._more_menu = QMenu(self.more)
        self._more_menu.aboutToShow.connect(self._fill_more)
        self.more.setMenu(self._more_menu)
        self._lay_out()
        self._pointer_on_rows = False
        self._just_shown = True
        self._sample: Sample | None = None
        self.view.viewport().installEventFilter(self)
        self.view.selectionModel().selectionChanged.connect(self._selection_changed)
        self._selection_changed()

    def show_sample(self, sample: Sample) -> None:
        """Show the readings of one interval; the first after the table came into view are sorted in any case."""
        if self._just_shown:
            self._just_shown = False
            self.model.hold(False)
        self.model.show_sample(sample)
        self._sample = sample
        self._update_hold()
        self._offer_stop()
        self._show_details()

    def selected(self) -> ProcessIdentity | None:
        """The selected process, None if none is or it has ended."""
        rows = self.view.selectionModel().selectedRows()
        return self.model.identity(rows[0]) if rows else None

    def showEvent(self, event: QShowEvent) -> None:
        self._just_shown = True
        super().showEvent(event)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() in {QEvent.Type.Enter, QEvent.Type.Leave} and watched is self.view.viewport():
            self._pointer_on_rows = event.type() == QEvent.Type.Enter
            self._update_hold()
        return super().eventFilter(watched, event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape and self.view.selectionModel().hasSelection():
            self.view.clearSelection()
            return
        super().keyPressEvent(event)

    def _make_search(self) -> QLineEdit:
        search = QLineEdit()
        search.setPlaceholderText(self.tr("Search by name, user or PID"))
        search.setAccessibleName(self.tr("Search processes"))
        search.setClearButtonEnabled(True)
        search.setMaxLength(_SEARCH_LONGEST)
        search.setMinimumHeight(theme.TARGET_PX)
        search.textChanged.connect(self.model.search)
        return search

    def _make_view(self) -> QTreeView:
        view = TableView(self.tr("Processes"))
        view.setModel(self.model)
        view.setSortingEnabled(True)
        view.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        view.customContextMenuRequested.connect(self._open_menu)
        view.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        view.header().sectionClicked.connect(self._first_click_descending)
        view.size_columns([words.widest for words in process_columns.columns(per_core=True)])
        view.sortByColumn(Column.CPU, Qt.SortOrder.DescendingOrder)
        self._sorted_column = int(Column.CPU)
        return view

    def _lay_out(self) -> None:
        bar = QHBoxLayout()
        bar.addWidget(self.search, 1)
        bar.addWidget(self.hint)
        bar.addWidget(self.stop)
        bar.addWidget(self.more)
        bar.setSpacing(theme.GRID_PX)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, theme.GRID_PX, 0, 0)
        column.setSpacing(theme.GRID_PX)
        column.addLayout(bar)
        column.addWidget(self.view, 1)
        column.addWidget(self.details)

    def _first_click_descending(self, section: int) -> None:
        """Loads are sorted largest first at the first click, which is what people look for."""
        if section != self._sorted_column and process_columns.numbers_first_descending(Column(section)):
            self.view.sortByColumn(section, Qt.SortOrder.DescendingOrder)
        self._sorted_column = section

    def _selection_changed(self, *_: object) -> None:
        self._offer_stop()
        self._update_hold()
        self._show_details()

    def _show_details(self) -> None:
        """Follow the selection; of a process that has ended the last words stay."""
        rows = self.view.selectionModel().selectedRows()
        who = self.selected()
        if who is not None or not rows:
            self.details.show_process(who)
        if self._sample is not None:
            self.details.show_use(self.model.reading(rows[0]) if rows and who is not None else None, self._sample)

    def _update_hold(self) -> None:
        selected = self.view.selectionModel().hasSelection()
        self.model.hold(selected or self._pointer_on_rows)
        self.hint.say(self.tr("Order held while a row is selected (Esc)") if selected else "")

    def _offer_stop(self) -> None:
        reason = self._why_not()
        for button in (self.stop, self.more):
            button.setEnabled(not reason)
            button.setToolTip(reason or self._who_is_asked())

    def _who_is_asked(self) -> str:
        who = self.selected()
        if who is None or who.uid == self._own_uid:
            return ""
        return self.tr("It isn't yours: an administrator's password is asked for.")

    def _why_not(self) -> str:
        rows = self.view.selectionModel().selectedRows()
        who = self.model.identity(rows[0]) if rows else None
        if who is None:
            return self.tr("Select a running process first.")
        if self.model.is_kernel(rows[0]):
            return self.tr("This is a thread of the kernel; nothing can be done to it.")
        return ""

    def _act(self, action: Action) -> None:
        who = self.selected()
        if who is not None and not self._why_not():
            self.acted.emit(who, action)

    def _fill_more(self) -> None:
        who = self.selected()
        self._more_menu.clear()
        if who is not None:
            process_menu.fill(self._more_menu, who.comm, self._why_not(), self._act)

    def menu_for(self, index: QModelIndex) -> QMenu | None:
        """The context menu of a row, None where there is nothing to do."""
        who = self.model.identity(index)
        if who is None:
            return None
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        process_menu.fill(menu, who.comm, self._why_not(), self._act)
        menu.addSeparator()
        copy = QAction(self.tr("Copy name and PID"), menu)
        copy.setShortcut(QKeySequence.StandardKey.Copy)
        copy.triggered.connect(lambda: QGuiApplication.clipboard().setText(f"{formats.name(who.comm)} {who.pid}"))
        menu.addAction(copy)
        return menu

    def _open_menu(self, position: QPoint) -> None:
        index = self.view.indexAt(position)
        if not index.isValid():
            index = self.view.currentIndex()
        self.view.setCurrentIndex(index)
        menu = self.menu_for(index)
        if menu is not None:
            menu.popup(self.view.viewport().mapToGlobal(position))
