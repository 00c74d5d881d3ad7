"""The living tray app: constructs its parts, connects them, ends them.

Two threads: Qt's, with the monitor and all that is seen; asyncio's, with the source and the session bus. Everything
optional may be missing: no tray host → the window opens; no notification service → alerts stay in tray and window; no
helper → /proc. Settings that can't be read or saved are said, and the app goes on with what it has.
"""

from __future__ import annotations

import linecache
import os
import platform
import sys
import time
from contextlib import aclosing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from platformdirs import user_config_path, user_state_path
from PySide6.QtCore import QObject, Qt, QTimer
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QApplication, QMessageBox, QSystemTrayIcon

from smoothtask_gui.adapters.all_remedies import AllRemedies, PauseTerms
from smoothtask_gui.adapters.application_names import ApplicationNames
from smoothtask_gui.adapters.autostart import Autostart, AutostartEntry, AutostartError, own_command
from smoothtask_gui.adapters.choices_file import ChoicesFile
from smoothtask_gui.adapters.colour_scheme import choose_platform_theme
from smoothtask_gui.adapters.considerate import ConsiderateNotifications
from smoothtask_gui.adapters.control_client import ControlClient
from smoothtask_gui.adapters.cpu_limits import CpuLimits
from smoothtask_gui.adapters.desktop_entries import DesktopEntries, application_folders
from smoothtask_gui.adapters.files import FileError
from smoothtask_gui.adapters.latest import LatestAnswer
from smoothtask_gui.adapters.leases import LeaseFile, LimitFile
from smoothtask_gui.adapters.loop import LoopThread, QtThread
from smoothtask_gui.adapters.own_cost import OwnCostReader
from smoothtask_gui.adapters.pauses import Pauses
from smoothtask_gui.adapters.portal_autostart import PortalAutostart
from smoothtask_gui.adapters.process_control import OwnProcesses
from smoothtask_gui.adapters.quietness import DesktopQuietness
from smoothtask_gui.adapters.quit_signals import QuitSignals
from smoothtask_gui.adapters.remedies import OwnRemedies
from smoothtask_gui.adapters.sampler_client import SamplerClient
from smoothtask_gui.adapters.settings import SettingsError, SettingsFiles
from smoothtask_gui.adapters.shipped_rules import usable_rules
from smoothtask_gui.domain.monitor import Monitor
from smoothtask_gui.domain.text import safe_text
from smoothtask_gui.pump import Pump
from smoothtask_gui.sources.activity_kinds import ActivityKinds
from smoothtask_gui.sources.activity_stream import activity_readings
from smoothtask_gui.sources.choose import choose
from smoothtask_gui.sources.focus.x11 import X11Focus
from smoothtask_gui.tray import Tray
from smoothtask_gui.ui.icon import TrayLook, draw_icon
from smoothtask_gui.watchdog import Ports, Watchdog
from smoothtask_gui.windows import Windows

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable
    from concurrent.futures import Future

    from smoothtask_gui.adapters.history.historian import Historian
    from smoothtask_gui.adapters.history.recorder import Recorder
    from smoothtask_gui.adapters.identity import IdentityCache
    from smoothtask_gui.adapters.notification_port import NotificationService
    from smoothtask_gui.domain.activity_reading import ActivityReading, Others
    from smoothtask_gui.domain.description import Description
    from smoothtask_gui.domain.incident import ProcessIdentity
    from smoothtask_gui.domain.own_cost import OwnReading
    from smoothtask_gui.domain.settings import Settings
    from smoothtask_gui.domain.view import View
    from smoothtask_gui.session import Session
    from smoothtask_gui.sources.protocol import Source
    from smoothtask_gui.ui.activity_page import Parts
    from smoothtask_gui.ui.history_port import Remember
    from smoothtask_gui.ui.process_details import Describe

APP_ID: Final = "io.github.smoothtask.SmoothTask"
CLOSE_TIMEOUT_S: Final = 3.0
ICON_FILL_STEP: Final = 5
ICON_COLOUR: Final = 0xFF56B4E9  # the icon's own blue: for a source tree, whose icon no theme knows
RULES_LOOK_S: Final = 3.0
ACTIVITY_PERIOD_MS: Final = 1_000
TRAY_PATIENCE_MS: Final = 5_000
"""A panel that starts with the session may come later than we do."""


class Resident(QObject):
    """Built on Qt's thread; `run` returns when the app ends."""

    def __init__(self, options: argparse.Namespace, loop: LoopThread, session: Session, history: Recorder) -> None:
        self._qt = _application(dark=session.dark)
        super().__init__()
        self._options, self._loop, self._session, self._history = options, loop, session, history
        self._qt_thread = QtThread()
        self._names = ApplicationNames(DesktopEntries(application_folders(os.environ, Path.home())))
        self._describer: LatestAnswer[ProcessIdentity, Description] | None = None
        self._identities: IdentityCache | None = None
        self._historian: Historian | None = None
        self._focus = X11Focus(os.environ, platform.node())
        self._own_cost = OwnCostReader(SamplerClient())
        shipped, broken = usable_rules()
        self._files = SettingsFiles(user_config_path("smoothtask", appauthor=False), options.rules, shipped)
        self._autostart = _autostart(session)
        loaded = self._files.load()
        self.settings = self._with_autostart(loaded.settings)
        self._notifications, self._remedies, self._choices = self._make_ports(options.source)
        self.watchdog = Watchdog(
            Monitor(self.settings.rules, first_incident_id=int(time.time())),  # none twice
            Ports(self._notifications, self._remedies, history, self._choices, loop.submit, self._qt_thread.call),
            self.settings.period_ms,
        )
        self.windows = self._make_windows()
        self.tray = Tray()
        self._notifications_work = False
        self._pump = Pump(
            self._make_source,
            self.settings.period_ms,
            partial(self._qt_thread.hand, self.watchdog.receive),
        )
        self._working: list[Future[None]] = []
        self._counting: Future[None] | None = None
        self._connect()
        self._rules_read_s = time.monotonic()
        for problem in (*broken, *loaded.problems, *self._go_on()):
            self.tell(problem)

    def run(self) -> int:
        """Start everything, live, end everything."""
        signals = QuitSignals(self._qt.quit)
        call = self._qt_thread.call
        self._loop.submit(
            self._notifications.start(
                partial(call, self.watchdog.act),
                partial(call, self.watchdog.dismiss),
                partial(call, self._service_changed),
            )
        )
        if self._session.tray_host is not None:
            self._loop.submit(self._session.tray_host.start(partial(call, self.tray.host_changed)))
        self._history.tell = self.tell_from_any_thread
        self._history.start(on=self._records(self.settings))
        self._working = [self._loop.submit(work) for work in (self._focus.run(), self._pump.run())]
        if self._options.settings:
            self.windows.show_settings()
        elif not self._options.hidden:
            self.windows.show_main()
        QTimer.singleShot(TRAY_PATIENCE_MS, self, self._find_a_place)
        linecache.clearcache()  # what the last import left (lean.py)
        code = self._qt.exec()
        signals.end()
        self._end()
        return code

    def tell(self, message: str) -> None:
        """Say something to the person, wherever it can be seen, and on stderr."""
        print(f"smoothtask: {message}", file=sys.stderr, flush=True)
        self._loop.submit(self._notifications.tell("SmoothTask", message))

    def tell_from_any_thread(self, message: str) -> None:
        self._qt_thread.call(self.tell, message)

    def _make_source(self) -> Source:
        wants_gpus = self.windows.someone_looks
        return choose(self._options.source, SamplerClient, self._names, wants_gpus=wants_gpus, focus=self._focus)

    def _make_ports(self, source: str) -> tuple[ConsiderateNotifications, AllRemedies, ChoicesFile | None]:
        """What reaches the desktop and the processes. A recording has its own time: nothing chosen is kept for it."""
        call, session = self._qt_thread.call, self._session
        quietness = DesktopQuietness(lambda: self.settings, session.bus, session.notifications.server, self._focus)
        notifications = ConsiderateNotifications(
            session.notifications,
            quietness,
            lambda incident_id, why: call(self.watchdog.hold, incident_id, why),
            lambda: call(self.watchdog.release),
        )
        own, state = OwnProcesses(), user_state_path("smoothtask", appauthor=False)
        terms = PauseTerms(
            lambda: self.settings.pause_minutes * 60.0,
            lambda who, said: call(self.watchdog.lease_over, who, said),
        )
        pauses = Pauses(own, LeaseFile(state), terms.lasts_s, terms.on_over)
        own_remedies = OwnRemedies(own, pauses, CpuLimits(session.bus, own, LimitFile(state)))
        remedies = AllRemedies(own_remedies, own, ControlClient(), terms, sandboxed=session.sandboxed)
        return notifications, remedies, None if source.startswith("recording:") else ChoicesFile(state)

    def _go_on(self) -> tuple[str, ...]:
        """Where the last run ended: what the person chose, and what a crash left paused; problems for people."""
        self._loop.submit(self._free_leftovers())
        if self._choices is None:
            return ()
        choices, problem = self._choices.load()
        self.watchdog.monitor.resume(choices, time.clock_gettime_ns(time.CLOCK_BOOTTIME), time.time_ns())
        return (problem,) if problem else ()

    async def _free_leftovers(self) -> None:
        said = await self._remedies.undo_leftovers()
        if said:
            self.tell_from_any_thread(said)

    def _make_windows(self) -> Windows:
        ports = (self._make_describe, self._make_remember, self._ask_cost)
        return Windows(self.watchdog, self.settings, *ports, watch_activity=self._watch_activity)

    def _make_describe(self) -> Describe:
        """Details of a process: read in a thread of their own, answered on Qt's. Kept when the window closes."""
        if self._describer is None:
            from smoothtask_gui.adapters.identity import IdentityCache  # noqa: PLC0415  # psutil: for a window only

            self._identities = IdentityCache(self._names)
            self._describer = LatestAnswer(self._identities.describe, "describer")
        describer, call = self._describer, self._qt_thread.call
        return lambda who, answer: describer.ask(who, partial(call, answer))

    def _make_remember(self) -> Remember:
        """The history, looked up in a thread of its own, answered on Qt's. Kept when the window closes."""
        if self._historian is None:
            from smoothtask_gui.adapters.history.historian import Historian  # noqa: PLC0415  # for a window only

            self._historian = Historian(self._history)
        historian, call = self._historian, self._qt_thread.call
        return lambda question, answer: historian.ask(question, partial(call, answer))

    def _ask_cost(self, ask_helper: bool, answer: Callable[[OwnReading], None]) -> None:
        """What SmoothTask itself costs: read on the asyncio thread, answered on Qt's."""
        known = (("processes", self._identities), ("applications", self._names))
        caches = tuple((name, cache.counts) for name, cache in known if cache is not None)
        history_bytes = self.watchdog.monitor.store.memory_bytes

        async def read() -> None:
            reading = await self._own_cost.read(caches, history_bytes, ask_helper=ask_helper)
            self._qt_thread.call(answer, reading)

        self._loop.submit(read())

    def _watch_activity(self, parts: Parts, others: Others, answer: Callable[[ActivityReading], None]) -> None:
        """A stream of its own for what the activity tab has switched on, ended when that changes."""
        if self._counting is not None:
            self._counting.cancel()
            self._counting = None
        kinds = sum((ActivityKinds[part.replace("-", "_").upper()] for part in parts), ActivityKinds(0))
        if not kinds:
            return

        async def read() -> None:
            asked = activity_readings(SamplerClient(), kinds, ACTIVITY_PERIOD_MS, others=others)
            async with aclosing(asked) as readings:
                async for reading in readings:
                    self._qt_thread.call(answer, reading)

        self._counting = self._loop.submit(read())

    def _connect(self) -> None:
        self.watchdog.changed.connect(self._show_in_tray)
        self.watchdog.changed.connect(self._reload_rules)
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
        self.windows.forget_wanted.connect(self._forget_history)
        self.windows.closed.connect(self._window_closed)

    def _show_in_tray(self, view: View) -> None:
        self.tray.show_view(view, paused=self.watchdog.paused_until_ns is not None)

    def _show_refusal(self, reason: str) -> None:
        if self.windows.main_is_open:
            QMessageBox.warning(None, "SmoothTask", reason)

    def _service_changed(self, service: NotificationService) -> None:
        self._notifications_work = service.available
        self.tray.show_service(service.message)
        if service.message:
            print(f"smoothtask: {service.message}", file=sys.stderr, flush=True)

    def _change_settings(self, settings: Settings) -> None:
        before, self.settings = self.settings, settings
        self.windows.apply_settings(settings)
        if settings.rules != before.rules:
            self.watchdog.set_rules(settings.rules)
        self._history.turn(on=self._records(settings))
        if settings.period_ms != before.period_ms:
            self.watchdog.set_period(settings.period_ms)
            self._loop.submit(self._pump.change_period(settings.period_ms))
        try:
            for said in self._files.save(settings):
                self.tell(said)
        except SettingsError as error:
            QMessageBox.warning(None, "SmoothTask", str(error))
        if settings.autostart != before.autostart:
            self._loop.submit(self._turn_autostart(on=settings.autostart))

    async def _turn_autostart(self, *, on: bool) -> None:
        try:
            await self._autostart.turn(on=on)
        except (AutostartError, FileError) as error:
            self._qt_thread.call(self._autostart_unchanged, str(error))

    def _autostart_unchanged(self, problem: str) -> None:
        self.settings = self._with_autostart(self.settings)
        self.windows.apply_settings(self.settings)
        QMessageBox.warning(None, "SmoothTask", problem)

    def _records(self, settings: Settings) -> bool:
        """What a recording tells happened at another time, maybe elsewhere: it isn't this machine's history."""
        return settings.record_history and not self._options.source.startswith("recording:")

    def _forget_history(self) -> None:
        self._history.forget(partial(self._qt_thread.call, self._history_forgotten))

    def _history_forgotten(self, problem: str) -> None:
        if problem:
            QMessageBox.warning(None, "SmoothTask", f"The history wasn't deleted: {problem}")
        self.windows.refresh_history()

    def _reload_rules(self) -> None:
        """Somebody may have edited the rules' file. Looked at when there is news to judge: a timer wakes for itself."""
        if time.monotonic() - self._rules_read_s < RULES_LOOK_S:
            return
        self._rules_read_s = time.monotonic()
        found = self._files.reload_rules(self.settings.rules)
        if found is None:
            return
        rules, problem = found
        if problem:
            self.tell(problem)
        elif rules != self.settings.rules:
            self.settings = replace(self.settings, rules=rules)
            self.windows.apply_settings(self.settings)
            self.watchdog.set_rules(rules)

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
        self._loop.submit(self._own_cost.close())
        if not self.tray.is_shown and not self._notifications_work:
            self._qt.quit()

    def _end(self) -> None:
        for work in self._working:
            work.cancel()
        self.windows.close()
        try:
            self._loop.wait(self._remedies.close(), CLOSE_TIMEOUT_S)
            self._loop.wait(self._session.close(), CLOSE_TIMEOUT_S)
        except TimeoutError:
            print("smoothtask: the session bus didn't let go in time", file=sys.stderr)


def _autostart(session: Session) -> Autostart:
    if session.sandboxed:
        return PortalAutostart(session.bus, user_config_path("smoothtask", appauthor=False), ["smoothtask"])
    return AutostartEntry(user_config_path() / "autostart", own_command(sys.argv[0]))


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
