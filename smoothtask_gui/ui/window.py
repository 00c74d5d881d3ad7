"""The main window: is all well, if not why, and what can be done; looking around is one tab away.

It draws a `View` and decides nothing: wishes leave as signals. While hidden or minimised it draws nothing and shows
the latest view once it is seen again. It frees itself when closed; the app builds a new one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QSize, Qt, Signal
from PySide6.QtGui import QKeySequence, QShortcut, QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QMainWindow, QTabWidget, QToolButton, QVBoxLayout, QWidget

from smoothtask_gui.domain.incident import Action
from smoothtask_gui.ui import theme
from smoothtask_gui.ui.activity_page import ActivityPage, WatchActivity, nobody_counts
from smoothtask_gui.ui.apps_page import AppsPage
from smoothtask_gui.ui.connections_page import ConnectionsPage
from smoothtask_gui.ui.deed_bar import DeedBar
from smoothtask_gui.ui.gpu_page import GpuPage
from smoothtask_gui.ui.history_page import HistoryPage
from smoothtask_gui.ui.history_port import Remember, nothing_recorded
from smoothtask_gui.ui.notice import NoticeBar
from smoothtask_gui.ui.overview import Overview
from smoothtask_gui.ui.own_cost_page import AskCost, OwnCostPage, nobody_answers
from smoothtask_gui.ui.process_details import Describe, nothing_known
from smoothtask_gui.ui.process_table import ProcessTable
from smoothtask_gui.ui.sensors_page import SensorsPage
from smoothtask_gui.ui.status_line import StatusLine

if TYPE_CHECKING:
    from smoothtask_gui.domain.app import App
    from smoothtask_gui.domain.incident import Incident
    from smoothtask_gui.domain.settings import Settings
    from smoothtask_gui.domain.store import Store
    from smoothtask_gui.domain.view import View
    from smoothtask_gui.ui.process_columns import UserName


class MainWindow(QMainWindow):
    """`own_uid` is whose processes take no password; `user_name` turns a uid into a name (it must be quick: cache it).

    `describe` says what a process is, `ask_cost` what SmoothTask itself costs, `remember` what was, `watch_activity`
    what processes call and wait for; all later and on Qt's thread.
    """

    process_acted = Signal(object, object)  # ProcessIdentity, Action
    acted = Signal(int, Action)  # incident id
    snooze_wanted = Signal(object, int)  # Scope, or an incident's id; for how many seconds
    settings_requested = Signal()
    helper_help_requested = Signal()
    quit_requested = Signal()

    def __init__(
        self,
        own_uid: int,
        user_name: UserName = str,
        describe: Describe = nothing_known,
        ask_cost: AskCost = nobody_answers,
        *,
        remember: Remember = nothing_recorded,
        watch_activity: WatchActivity = nobody_counts,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle("SmoothTask")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._latest: tuple[View, Store] | None = None
        self.status = StatusLine(own_uid)
        self.notice = NoticeBar()
        self.deeds = DeedBar()
        self.overview = Overview()
        self.apps = AppsPage(own_uid, user_name)
        self.processes = ProcessTable(own_uid, user_name, describe)
        self.connections = ConnectionsPage()
        self.sensors = SensorsPage()
        self.gpus = GpuPage()
        self.activity = ActivityPage(watch_activity)
        self.history = HistoryPage(own_uid, remember)
        self.own_cost = OwnCostPage(ask_cost, lambda: self.apps.model.icons.counts)
        self.tabs = QTabWidget()
        self._lay_out()
        self._connect()
        self.resize(self.sizeHint())

    def sizeHint(self) -> QSize:
        em = self.fontMetrics().height()
        return QSize(em * 70, em * 42)

    def show_view(self, view: View, store: Store) -> None:
        """Draw the latest state, at once if it can be seen, else when it is next seen."""
        self._latest = (view, store)
        if self.isVisible() and not self.isMinimized():
            self._draw()

    def show_stale(self, last_realtime_ns: int | None) -> None:
        """The source has gone silent: grey out, and say since when. The next `show_view` ends it."""
        self._latest = None
        self.status.show_stale(last_realtime_ns)
        self.overview.show_stale()
        for page in (self.apps, self.processes, self.connections, self.sensors, self.gpus):
            page.setEnabled(False)

    def show_incident(self, incident: Incident) -> None:
        """Come to the front with this incident's evidence."""
        self.tabs.setCurrentWidget(self.history)
        self.history.show_incident(incident)
        self.raise_()
        self.activateWindow()

    def apply_settings(self, settings: Settings) -> None:
        """Take over what concerns the display."""
        for page in (self.apps, self.processes):
            page.model.count_per_core(settings.cpu_per_core)
        self.overview.set_span(float(settings.graph_span_s))
        self.history.record(on=settings.record_history)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._draw()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.WindowStateChange and not self.isMinimized():
            self._draw()

    def _draw(self, *_: object) -> None:
        if self._latest is None:
            return
        view, store = self._latest
        self.overview.show_live()
        for page in (self.apps, self.processes, self.connections, self.sensors, self.gpus):
            page.setEnabled(True)
        self.status.show_view(view)
        self.notice.show_view(view)
        self.own_cost.show_view(view)
        self.activity.show_view(view)
        self._draw_tab(view, store)

    def _draw_tab(self, view: View, store: Store) -> None:
        """Only the tab that can be seen is renewed."""
        tab = self.tabs.currentWidget()
        if tab is self.overview:
            self.overview.show_view(view, store)
        elif tab is self.connections:
            self.connections.show_view(view)
        elif tab is self.sensors:
            self.sensors.show_view(view)
        elif tab is self.gpus:
            self.gpus.show_view(view)
        elif tab is self.history:
            self.history.show_view(view)
        elif tab not in (self.own_cost, self.activity):
            page = self.apps if tab is self.apps else self.processes
            if view.sample is not None:
                page.show_sample(view.sample)
            else:
                page.show_no_sample()

    def _connect(self) -> None:
        for part in (self.apps, self.processes):
            part.acted.connect(self.process_acted)
        self.deeds.undo_wanted.connect(self.process_acted)
        self.status.acted.connect(self._act)
        self.history.incidents.card.acted.connect(self.acted)
        self.history.incidents.card.snooze_wanted.connect(self.snooze_wanted)
        self.apps.processes_requested.connect(self._show_processes)
        self.tabs.currentChanged.connect(self._draw)
        self.overview.moment_clicked.connect(self._show_moment)
        for helpless in (self.notice, self.connections):
            helpless.help_requested.connect(self.helper_help_requested)
        self.settings.clicked.connect(self.settings_requested)
        shortcuts = (
            ("Ctrl+Q", self.quit_requested.emit),  # Qt's standard keys for these are empty on some desktops
            ("Ctrl+W", self.close),
            ("Ctrl+,", self.settings_requested.emit),
            ("Ctrl+F", self._find),
        )
        for keys, act in shortcuts:
            QShortcut(QKeySequence(keys), self).activated.connect(act)

    def _show_moment(self, at_s: float) -> None:
        """What a graph shows there, and who it was, is in the history."""
        self.tabs.setCurrentWidget(self.history)
        self.history.show_moment(at_s)

    def _act(self, incident_id: int, action: Action) -> None:
        shown = self._latest[0].open_incidents if self._latest else ()
        incident = next((one for one in shown if one.id == incident_id), None)
        if action is Action.SHOW and incident is not None:
            self.show_incident(incident)
        else:
            self.acted.emit(incident_id, action)

    def _show_processes(self, app: App) -> None:
        self.processes.show_only(app)
        self.tabs.setCurrentWidget(self.processes)

    def _find(self) -> None:
        """Search what is shown, else the apps."""
        page = self.tabs.currentWidget()
        if not isinstance(page, AppsPage | ProcessTable | ConnectionsPage):
            page = self.apps
            self.tabs.setCurrentWidget(page)
        page.search.setFocus()

    def _lay_out(self) -> None:
        self.settings = QToolButton()
        self.settings.setText(self.tr("S&ettings…"))
        self.settings.setAutoRaise(True)
        self.settings.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.settings.setMinimumHeight(theme.TARGET_PX)
        corner = QWidget()
        row = QHBoxLayout(corner)
        row.setContentsMargins(0, 0, 0, theme.GRID_PX // 2)
        row.addWidget(self.settings)
        self.tabs.setDocumentMode(True)
        self.tabs.setCornerWidget(corner)
        self.tabs.addTab(self.overview, self.tr("&Overview"))
        self.tabs.addTab(self.apps, self.tr("&Apps"))
        self.tabs.addTab(self.processes, self.tr("&Processes"))
        self.tabs.addTab(self.connections, self.tr("&Connections"))
        self.tabs.addTab(self.sensors, self.tr("&Sensors"))
        self.tabs.addTab(self.gpus, self.tr("&Graphics"))
        self.tabs.addTab(self.activity, self.tr("Acti&vity"))
        self.tabs.addTab(self.history, self.tr("H&istory"))
        self.tabs.addTab(self.own_cost, self.tr("Sel&f cost"))
        body = QWidget()
        column = QVBoxLayout(body)
        column.setContentsMargins(theme.GRID_PX, theme.GRID_PX, theme.GRID_PX, theme.GRID_PX)
        column.setSpacing(theme.GRID_PX)
        column.addWidget(self.status)
        column.addWidget(self.notice)
        column.addWidget(self.deeds)
        column.addWidget(self.tabs, 1)
        self.setCentralWidget(body)
