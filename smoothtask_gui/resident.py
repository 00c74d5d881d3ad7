"""The living tray app: constructs its parts, connects them, ends them.

Two threads: Qt's, with the monitor and all that is seen; asyncio's, with the source and the session bus. Everything
optional may be missing: no tray host → the window opens; no notification service → alerts stay in tray and window; no
helper → /proc. Settings that can't be read or saved are said, and the app goes on with what it has.
"""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from platformdirs import user_config_path
from PySide6.QtCore import QObject, Qt, QTimer
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QApplication, QMessageBox, QSystemTrayIcon

from smoothtask_gui.adapters.autostart import Autostart, own_command
from smoothtask_gui.adapters.colour_scheme import choose_platform_theme
from smoothtask_gui.adapters.desktop_entries import DesktopEntries, application_folders
from smoothtask_gui.adapters.files import FileError
from smoothtask_gui.adapters.loop import LoopThread, QtThread
from smoothtask_gui.adapters.process_control import OwnProcesses
from smoothtask_gui.adapters.quit_signals import QuitSignals
from smoothtask_gui.adapters.sampler_client import SamplerClient
from smoothtask_gui.adapters.settings import SettingsError, SettingsFiles
from smoothtask_gui.domain.monitor import Monitor
from smoothtask_gui.domain.text import safe_text
from smoothtask_gui.pump import Pump
from smoothtask_gui.sources.choose import choose
from smoothtask_gui.tray import Tray
from smoothtask_gui.ui.icon import TrayLook, draw_icon
from smoothtask_gui.watchdog import Ports, Watchdog
from smoothtask_gui.windows import Windows

if TYPE_CHECKING:
    import argparse
    from concurrent.futures import Future

    from smoothtask_gui.adapters.describer import Describer
    from smoothtask_gui.adapters.incident_log import IncidentLog
    from smoothtask_gui.adapters.notification_port import NotificationService
    from smoothtask_gui.domain.settings import Settings
    from smoothtask_gui.domain.view import View
    from smoothtask_gui.session import Session
    from smoothtask_gui.ui.process_details import Describe

APP_ID: Final = "io.github.smoothtask.SmoothTask"
CLOSE_TIMEOUT_S: Final = 3.0
ICON_FILL_STEP: Final = 5
ICON_COLOUR: Final = 0xFF56B4E9  # the icon's own blue: for a source tree, whose icon no theme knows
TRAY_PATIENCE_MS: Final = 5_000
"""A panel that starts with the session may come later than we do."""


class Resident(QObject):
    """Built on Qt's thread; `run` returns when the app ends."""

    def __init__(self, options: argparse.Namespace, loop: LoopThread, session: Session, log: IncidentLog) -> None:
        self._qt = _application(dark=session.dark)
        super().__init__()
        self._options, self._loop, self._session = options, loop, session
        self._qt_thread = QtThread()
        self._desktop = DesktopEntries(application_folders(os.environ, Path.home()))
        self._describer: Describer | None = None
        self._files = SettingsFiles(user_config_path("smoothtask", appauthor=False), options.rules)
        self._autostart = Autostart(user_config_path() / "autostart", own_command(sys.argv[0]))
        loaded = self._files.load()
        self.settings = self._with_autostart(loaded.settings)
        self.watchdog = Watchdog(
            Monitor(self.settings.rules, own_uid=os.getuid()),
            Ports(session.notifications, OwnProcesses(), log, loop.submit),
            self.settings.period_ms,
        )
        self.windows = Windows(self.watchdog, self.settings, self._make_describe)
        self.tray = Tray()
        self._notifications_work = False
        self._pump = Pump(
            partial(choose, options.source, SamplerClient, self._desktop, wants_gpus=self.windows.someone_looks),
            self.settings.period_ms,
            partial(self._qt_thread.call, self.watchdog.receive),
        )
        self._pumping: Future[None] | None = None
        self._connect()
        for problem in loaded.problems:
            self.tell(problem)

    def run(self) -> int:
        """Start everything, live, end everything."""
        signals = QuitSignals(self._qt.quit)
        call = self._qt_thread.call
        self._loop.submit(
            self._session.notifications.start(
                partial(call, self.watchdog.act),
                partial(call, self.watchdog.dismiss),
                partial(call, self._service_changed),
            )
        )
        if self._session.tray_host is not None:
            self._loop.submit(self._session.tray_host.start(partial(call, self.tray.host_changed)))
        self._pumping = self._loop.submit(self._pump.run())
        if self._options.settings:
            self.windows.show_settings()
        elif not self._options.hidden:
            self.windows.show_main()
        QTimer.singleShot(TRAY_PATIENCE_MS, self, self._find_a_place)
        code = self._qt.exec()
        del signals
        self._end()
        return code

    def tell(self, message: str) -> None:
        """Say something to the person, wherever it can be seen, and on stderr."""
        print(f"smoothtask: {message}", file=sys.stderr, flush=True)
        self._loop.submit(self._session.notifications.tell("SmoothTask", message))

    def tell_from_any_thread(self, message: str) -> None:
        self._qt_thread.call(self.tell, message)

    def _make_describe(self) -> Describe:
        """Details of a process: read in a thread of their own, answered on Qt's. Kept when the window closes."""
        if self._describer is None:
            from smoothtask_gui.adapters.describer import Describer  # noqa: PLC0415  # psutil: for a window only
            from smoothtask_gui.adapters.identity import IdentityCache  # noqa: PLC0415

            self._describer = Describer(IdentityCache(self._desktop).describe)
        describer, call = self._describer, self._qt_thread.call
        return lambda who, answer: describer.ask(who, partial(call, answer))

    def _connect(self) -> None:
        self.watchdog.changed.connect(self._show_in_tray)
        self.watchdog.stale.connect(lambda _: self.tray.show_stale())
        self.watchdog.refused.connect(self._show_refusal)
        self.watchdog.source_changed.connect(_log_source)
        self.tray.window_wanted.connect(self.windows.show_main)
        self.tray.acted.connect(self.watchdog.act)
        self.tray.pause_toggled.connect(lambda on: self.watchdog.pause_alerts(on=on))
        self.tray.settings_wanted.connect(self.windows.show_settings)
        self.tray.quit_wanted.connect(self._qt.quit)
        self.windows.quit_wanted.connect(self._qt.quit)
        self.windows.settings_changed.connect(self._change_settings)
        self.windows.closed.connect(self._window_closed)

    def _show_in_tray(self, view: View) -> None:
        self.tray.show_view(view, paused=self.watchdog.paused_until_ns is not None)

    def _show_refusal(self, reason: str) -> None:
        if self.windows.main_is_open:
            QMessageBox.warning(None, "SmoothTask", reason)

    def _service_changed(self, service: NotificationService) -> None:
        self._notifications_work = service.available
        if service.message:
            print(f"smoothtask: {service.message}", file=sys.stderr, flush=True)

    def _change_settings(self, settings: Settings) -> None:
        before, self.settings = self.settings, settings
        self.windows.apply_settings(settings)
        if settings.rules != before.rules:
            self.watchdog.set_rules(settings.rules)
        if settings.period_ms != before.period_ms:
            self.watchdog.set_period(settings.period_ms)
            self._loop.submit(self._pump.change_period(settings.period_ms))
        try:
            if settings.autostart != before.autostart:
                self._autostart.turn(on=settings.autostart)
            for said in self._files.save(settings):
                self.tell(said)
        except (FileError, SettingsError) as error:
            QMessageBox.warning(None, "SmoothTask", str(error))

    def _with_autostart(self, settings: Settings) -> Settings:
        try:
            return replace(settings, autostart=self._autostart.is_on())
        except FileError:
            return replace(settings, autostart=False)

    def _find_a_place(self) -> None:
        """Without a StatusNotifier host: an old tray (XEmbed) will do, else there must be a window."""
        if self.tray.is_shown:
            return
        if QSystemTrayIcon.isSystemTrayAvailable():
            self.tray.host_changed(present=True)
        elif not self._notifications_work:
            self.windows.show_main()

    def _window_closed(self) -> None:
        """Out of sight only where there is a way back."""
        if not self.tray.is_shown and not self._notifications_work:
            self._qt.quit()

    def _end(self) -> None:
        if self._pumping is not None:
            self._pumping.cancel()
        self.windows.close()
        try:
            self._loop.wait(self._session.close(), CLOSE_TIMEOUT_S)
        except TimeoutError:
            print("smoothtask: the session bus didn't let go in time", file=sys.stderr)


def _log_source(source: str, reason: str) -> None:
    """For the journal: the window says it too, but it may be closed."""
    if reason:
        where = {"procfs": "/proc", "none": "nowhere", "helper": "the helper"}.get(source, source)
        print(f"smoothtask: readings come from {where}: {safe_text(reason, 1000)}", file=sys.stderr, flush=True)


def _application(*, dark: bool | None) -> QApplication:
    choose_platform_theme(os.environ)
    QApplication.setApplicationName("smoothtask")
    QApplication.setApplicationDisplayName("SmoothTask")
    QApplication.setDesktopFileName(APP_ID)
    application = QApplication(sys.argv[:1])
    if dark:
        application.styleHints().setColorScheme(Qt.ColorScheme.Dark)
    application.setQuitOnLastWindowClosed(False)
    drawn = draw_icon(TrayLook(ICON_FILL_STEP, None, ICON_COLOUR))
    application.setWindowIcon(QIcon.fromTheme(APP_ID, drawn))
    return application
