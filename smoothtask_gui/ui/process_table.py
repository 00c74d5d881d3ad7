"""The processes tab: search, table, and the actions on the selected process.

`show_only` leaves one app's processes, and the way back to all of them. Actions leave as signals: whether and how they
are done is decided elsewhere, with confirmation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QModelIndex, QPoint, Qt, Signal
from PySide6.QtGui import QAction, QGuiApplication, QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QHBoxLayout,
    QMenu,
    QPushButton,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from smoothtask_gui.domain.incident import Action
from smoothtask_gui.ui import formats, process_columns, process_menu, theme
from smoothtask_gui.ui.held_table import HeldTable, make_search
from smoothtask_gui.ui.labels import PlainLabel, Tone
from smoothtask_gui.ui.process_columns import Column, UserName
from smoothtask_gui.ui.process_details import Describe, ProcessDetails, nothing_known
from smoothtask_gui.ui.process_model import ProcessModel

if TYPE_CHECKING:
    from smoothtask_gui.domain.app import App
    from smoothtask_gui.domain.incident import ProcessIdentity
    from smoothtask_gui.domain.sample import Sample


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
        self.search = make_search(self.tr("Search by name, user or PID"), self.tr("Search processes"))
        self.search.textChanged.connect(self._search)
        widest = [words.widest for words in process_columns.columns(per_core=True)]
        self.view = HeldTable(
            self.tr("Processes"), self.model, widest=widest, sorted_by=Column.CPU, ascending=process_columns.ASCENDING
        )
        self.view.customContextMenuRequested.connect(self._open_menu)
        copy = QShortcut(QKeySequence.StandardKey.Copy, self.view, context=Qt.ShortcutContext.WidgetShortcut)
        copy.activated.connect(lambda: self._copy(self.selected()))
        self.all = QPushButton()
        self.all.setMinimumHeight(theme.TARGET_PX)
        self.all.clicked.connect(lambda: self.show_only(None))
        self.all.hide()
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
        self._sample: Sample | None = None
        self.view.chosen.connect(self._selection_changed)
        self._selection_changed()

    def show_sample(self, sample: Sample) -> None:
        """Show the readings of one interval."""
        self.view.expect_sample()
        self.model.show_sample(sample)
        self._sample = sample
        self.view.update_hold()
        self._say_hint()
        self._offer_stop()
        self._show_details()
        self._say_nothing()

    def show_no_sample(self) -> None:
        """There are no readings."""
        self.model.clear()
        self._sample = None
        self._say_nothing()

    def show_only(self, app: App | None) -> None:
        """Show the processes of one app, or of all; the next sample brings them."""
        self.model.only(app.id if app else "")
        self.view.clearSelection()
        self.all.setVisible(app is not None)
        if app is not None:
            self.all.setText(self.tr("Only {name}: show a&ll").format(name=formats.label(formats.name(app.name, 40))))
        if self._sample is not None:
            self.show_sample(self._sample)

    def selected(self) -> ProcessIdentity | None:
        """The selected process, None if none is or it has ended."""
        row = self.view.selected_row()
        return self.model.identity(row) if row else None

    def _lay_out(self) -> None:
        bar = QHBoxLayout()
        bar.addWidget(self.all)
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

    def _search(self, needle: str) -> None:
        self.model.search(needle)
        self._say_nothing()

    def _say_nothing(self) -> None:
        if self._sample is None:
            self.view.say_nothing(self.tr("There are no readings."))
        elif self.search.text().strip():
            self.view.say_nothing(self.tr("No process matches the search."))
        else:
            self.view.say_nothing(self.tr("No process of this app is left."))

    def _selection_changed(self, *_: object) -> None:
        self._offer_stop()
        self._say_hint()
        self._show_details()

    def _show_details(self) -> None:
        """Follow the selection; of a process that has ended the last words stay."""
        row = self.view.selected_row()
        who = self.selected()
        if who is not None or row is None:
            self.details.show_process(who)
        if self._sample is not None:
            self.details.show_use(self.model.reading(row) if row and who is not None else None, self._sample)

    def _say_hint(self) -> None:
        held = self.view.has_selection
        self.hint.say(self.tr("Order held while a row is selected (Esc)") if held else "")

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
        row = self.view.selected_row()
        who = self.model.identity(row) if row else None
        if row is None or who is None:
            return self.tr("Select a running process first.")
        if self.model.is_kernel(row):
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
        copy.triggered.connect(lambda: self._copy(who))
        menu.addAction(copy)
        return menu

    def _copy(self, who: ProcessIdentity | None) -> None:
        if who is not None:
            QGuiApplication.clipboard().setText(f"{formats.name(who.comm)} {who.pid}")

    def _open_menu(self, position: QPoint) -> None:
        menu = self.menu_for(self.view.index_for_menu(self.view.indexAt(position)))
        if menu is not None:
            menu.popup(self.view.viewport().mapToGlobal(position))
