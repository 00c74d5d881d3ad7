"""The apps tab: what was started, by app, with the processes of one app a double click deeper.

Actions leave as signals. Stopping an app asks its oldest process to end, which ends the app as closing it would.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QModelIndex, QPoint, Qt, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QHBoxLayout, QMenu, QPushButton, QVBoxLayout, QWidget

from smoothtask_gui.domain.incident import Action
from smoothtask_gui.ui import app_columns, app_icons, formats, theme
from smoothtask_gui.ui.app_columns import Column
from smoothtask_gui.ui.app_model import AppModel
from smoothtask_gui.ui.held_table import HeldTable, make_search
from smoothtask_gui.ui.labels import PlainLabel, Tone

if TYPE_CHECKING:
    from smoothtask_gui.domain.sample import Sample
    from smoothtask_gui.ui.process_columns import UserName


class AppsPage(QWidget):
    """All apps; `own_uid` is whose may be stopped from here."""

    acted = Signal(object, object)  # ProcessIdentity, Action
    processes_requested = Signal(object)  # App

    def __init__(self, own_uid: int, user_name: UserName, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._own_uid = own_uid
        self.model = AppModel(user_name, self)
        self.search = make_search(self.tr("Search apps"), self.tr("Search apps"))
        self.search.textChanged.connect(self._search)
        widest = [words.widest for words in app_columns.columns(per_core=True)]
        self.view = HeldTable(
            self.tr("Apps"), self.model, widest=widest, sorted_by=Column.CPU, ascending=app_columns.TEXTUAL
        )
        self.view.setIconSize(app_icons.SIZE)
        self.view.customContextMenuRequested.connect(self._open_menu)
        self.view.activated.connect(self._ask_processes)
        self.view.chosen.connect(self._offer)
        self.hint = PlainLabel(tone=Tone.MUTED)
        self.processes = QPushButton(self.tr("Sho&w processes"))
        self.processes.clicked.connect(self._ask_processes)
        self.stop = QPushButton(self.tr("Stop selecte&d app"))
        self.stop.clicked.connect(self._ask_stop)
        self._lay_out()
        self._offer()

    def show_sample(self, sample: Sample) -> None:
        """Show the readings of one interval."""
        self.view.expect_sample()
        self.model.show_sample(sample)
        self.view.update_hold()
        self._offer()
        self._say_nothing(waits=False)

    def show_no_sample(self) -> None:
        """There are no readings."""
        self.model.clear()
        self._say_nothing(waits=True)

    def menu_for(self, index: QModelIndex) -> QMenu | None:
        """The context menu of a row, None where there is nothing to do."""
        app = self.model.app(index)
        if app is None:
            return None
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        show = QAction(self.tr("Show processes"), menu)
        show.triggered.connect(self._ask_processes)
        stop = QAction(self.tr("Stop {name}").format(name=formats.label(formats.name(app.name))), menu)
        stop.setEnabled(not self._why_not_stop())
        stop.triggered.connect(self._ask_stop)
        menu.addActions([show, stop])
        return menu

    def _search(self, needle: str) -> None:
        self.model.search(needle)
        self._say_nothing(waits=False)

    def _say_nothing(self, *, waits: bool) -> None:
        self.view.say_nothing(self.tr("There are no readings.") if waits else self.tr("No app matches the search."))

    def _offer(self) -> None:
        row = self.view.selected_row()
        self.processes.setEnabled(row is not None and self.model.app(row) is not None)
        reason = self._why_not_stop()
        self.stop.setEnabled(not reason)
        self.stop.setToolTip(reason)
        held = self.view.has_selection
        self.hint.say(self.tr("Order held while a row is selected (Esc)") if held else "")

    def _why_not_stop(self) -> str:
        row = self.view.selected_row()
        if row is None or self.model.app(row) is None:
            return self.tr("Select a running app first.")
        who = self.model.lead(row)
        if who is None:
            return self.tr("This isn't an app that could be stopped.")
        if who.uid != self._own_uid:
            return self.tr("Only your own apps can be stopped from here.")
        return ""

    def _ask_stop(self) -> None:
        row = self.view.selected_row()
        if row is not None and not self._why_not_stop():
            self.acted.emit(self.model.lead(row), Action.STOP)

    def _ask_processes(self, *_: object) -> None:
        row = self.view.selected_row()
        app = self.model.app(row) if row is not None else None
        if app is not None:
            self.processes_requested.emit(app)

    def _open_menu(self, position: QPoint) -> None:
        menu = self.menu_for(self.view.index_for_menu(self.view.indexAt(position)))
        if menu is not None:
            menu.popup(self.view.viewport().mapToGlobal(position))

    def _lay_out(self) -> None:
        bar = QHBoxLayout()
        bar.setSpacing(theme.GRID_PX)
        bar.addWidget(self.search, 1)
        bar.addWidget(self.hint)
        for button in (self.processes, self.stop):
            button.setMinimumHeight(theme.TARGET_PX)
            bar.addWidget(button)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, theme.GRID_PX, 0, 0)
        column.setSpacing(theme.GRID_PX)
        column.addLayout(bar)
        column.addWidget(self.view, 1)
