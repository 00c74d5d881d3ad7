"""The main and the settings window: loaded when first wanted, gone when closed.

What a window needs costs memory for good (measured: closing gives nothing back), so nothing of it is imported before a
person wants to see it.
"""

from __future__ import annotations

import os
import pwd
from typing import TYPE_CHECKING

from cachetools import LRUCache, cached
from PySide6.QtCore import QObject, Qt, Signal

from smoothtask_gui.domain.incident import Action

if TYPE_CHECKING:
    from collections.abc import Callable

    from smoothtask_gui.domain.choices import Choices
    from smoothtask_gui.domain.incident import Deed, Incident, ProcessIdentity
    from smoothtask_gui.domain.settings import Settings
    from smoothtask_gui.domain.view import View
    from smoothtask_gui.ui.activity_page import WatchActivity
    from smoothtask_gui.ui.history_port import Remember
    from smoothtask_gui.ui.own_cost_page import AskCost
    from smoothtask_gui.ui.process_details import Describe
    from smoothtask_gui.ui.settings_window import SettingsWindow
    from smoothtask_gui.ui.window import MainWindow
    from smoothtask_gui.watchdog import Watchdog


class Windows(QObject):
    """At most one of each; `settings_changed` carries what the person accepted."""

    settings_changed = Signal(object)  # Settings
    quit_wanted = Signal()
    forget_wanted = Signal()  # the history
    closed = Signal()  # the main window

    def __init__(
        self,
        watchdog: Watchdog,
        settings: Settings,
        make_describe: Callable[[], Describe],
        make_remember: Callable[[], Remember],
        ask_cost: AskCost,
        *,
        watch_activity: WatchActivity,
    ) -> None:
        super().__init__()
        self._make_describe, self._make_remember, self._ask_cost = make_describe, make_remember, ask_cost
        self._watch_activity = watch_activity
        self.settings = settings
        self._watchdog = watchdog
        self._main: MainWindow | None = None
        self._settings_window: SettingsWindow | None = None
        watchdog.changed.connect(self._show_view)
        watchdog.stale.connect(self._show_stale)
        watchdog.show_incident.connect(self.show_incident)
        watchdog.choices_changed.connect(self._show_choices)
        watchdog.done.connect(self._show_deed)

    @property
    def main_is_open(self) -> bool:
        return self._main is not None

    def someone_looks(self) -> bool:
        """Whether the main window is there to be seen; any thread may ask."""
        return self._main is not None

    def show_main(self, activation_token: str = "") -> None:
        """Open the main window, or bring it to the front."""
        if activation_token:
            os.environ["XDG_ACTIVATION_TOKEN"] = activation_token  # Qt's Wayland plugin reads it when activating
        window = self._main or self._make_main()
        window.setWindowState(window.windowState() & ~Qt.WindowState.WindowMinimized)
        window.show()
        window.raise_()
        window.activateWindow()

    def show_incident(self, incident: Incident) -> None:
        self.show_main()
        if self._main is not None:
            self._main.show_incident(incident)

    def show_settings(self) -> None:
        """Open the settings window, or bring it to the front."""
        from smoothtask_gui.ui.settings_window import SettingsWindow  # noqa: PLC0415  # see the module's docstring

        if self._settings_window is None:
            self._settings_window = SettingsWindow(self.settings)
            self._settings_window.settings_changed.connect(self.settings_changed)
            self._settings_window.forget_wanted.connect(self.forget_wanted)
            self._settings_window.quiet.unsnoozed.connect(lambda scope: self._watchdog.snooze(scope, 0))
            self._settings_window.quiet.unexpected.connect(self._watchdog.unexpect)
            self._settings_window.destroyed.connect(self._forget_settings)
            self._show_choices(self._watchdog.monitor.choices())
            sample = self._watchdog.view.sample
            self._settings_window.show_sensors(sample.sensors if sample else ())
        self._settings_window.show()
        self._settings_window.raise_()
        self._settings_window.activateWindow()

    def _show_choices(self, choices: Choices) -> None:
        if self._settings_window is not None:
            self._settings_window.quiet.show_choices(choices)

    def apply_settings(self, settings: Settings) -> None:
        self.settings = settings
        if self._main is not None:
            self._main.apply_settings(settings)

    def refresh_history(self) -> None:
        """What was recorded has changed in another way than by growing."""
        if self._main is not None:
            self._main.history.refresh()

    def close(self) -> None:
        for window in (self._main, self._settings_window):
            if window is not None:
                window.close()

    def _make_main(self) -> MainWindow:
        from smoothtask_gui.ui.window import MainWindow  # noqa: PLC0415  # see the module's docstring

        describe, remember = self._make_describe(), self._make_remember()
        self._main = window = MainWindow(
            os.getuid(), user_name, describe, self._ask_cost, remember=remember, watch_activity=self._watch_activity
        )
        window.apply_settings(self.settings)
        window.process_acted.connect(self._treat)
        window.acted.connect(self._watchdog.act)
        window.snooze_wanted.connect(self._watchdog.snooze)
        window.settings_requested.connect(self.show_settings)
        window.helper_help_requested.connect(self._show_helper_help)
        window.quit_requested.connect(self.quit_wanted)
        window.destroyed.connect(self._forget_main)
        window.show_view(self._watchdog.view, self._watchdog.monitor.store)
        return window

    def _treat(self, process: ProcessIdentity, action: Action) -> None:
        """What can't be undone is asked about first."""
        if action is not Action.KILL:
            self._watchdog.treat(process, action)
            return
        from smoothtask_gui.ui.kill_question import KillQuestion  # noqa: PLC0415  # see the module's docstring

        question = KillQuestion(process, self._main)
        question.accepted.connect(lambda: self._watchdog.treat(process, action))
        question.open()

    def _show_deed(self, deed: Deed) -> None:
        if self._main is not None:
            self._main.deeds.show_deed(deed)

    def _show_helper_help(self) -> None:
        from smoothtask_gui.ui import formats  # noqa: PLC0415  # see the module's docstring
        from smoothtask_gui.ui.helper_help import HelperHelp  # noqa: PLC0415  # likewise

        sample = self._watchdog.view.sample
        unseen = sample.unavailable.values() if sample else ()
        HelperHelp("\n".join(f"· {formats.name(reason)}" for reason in unseen), self._main).open()

    def _show_view(self, view: View) -> None:
        if self._main is not None:
            self._main.show_view(view, self._watchdog.monitor.store)

    def _show_stale(self, last_realtime_ns: int | None) -> None:
        if self._main is not None:
            self._main.show_stale(last_realtime_ns)

    def _forget_main(self) -> None:
        self._main = None
        self.closed.emit()

    def _forget_settings(self) -> None:
        self._settings_window = None


@cached(LRUCache(maxsize=256))
def user_name(uid: int) -> str:
    """The account's name, the number where it has none."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
