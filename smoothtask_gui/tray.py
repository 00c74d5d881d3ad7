"""The tray icon and its menu: as much of the app as fits without a window.

The icon exists only while something shows tray icons (`adapters/tray_host.py` says when, and why it must be made anew
then). It is redrawn only when its look changes and its menu is rebuilt only when the open incidents do. Every action
of a notification is here too: dunst shows no buttons, GNOME no tray, so neither may be the only way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QCoreApplication, QObject, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QApplication, QMenu, QSystemTrayIcon

from smoothtask_gui.domain.incident import PASSING, Action, Hushed, Incident, IncidentState, Severity
from smoothtask_gui.domain.text import celsius, elide, percent, safe_text
from smoothtask_gui.ui.icon import TrayIcons, TrayLook, fill_step, tray_look

if TYPE_CHECKING:
    from smoothtask_gui.domain.view import View

TITLE_WIDTH: Final = 60
MENU_WIDTH: Final = 80
PALETTE_VIEWS: Final = 10
"""How many views pass until the palette is looked at again: to ask for it costs more than all else done with a view."""
GATHERED: Final = frozenset({Hushed.BUDGET, *PASSING})
"""What the person hasn't heard of; what they snoozed or dismissed they know."""


class Tray(QObject):
    """Tells what the person chose; shows what `show_view` is given."""

    window_wanted = Signal()
    acted = Signal(int, Action)  # incident id
    pause_toggled = Signal(bool)
    settings_wanted = Signal()
    quit_wanted = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._icons = TrayIcons()
        self._icon: QSystemTrayIcon | None = None
        self._look: TrayLook | None = None
        self._shown: tuple[int | None, Severity | None] | None = None  # the ring's step and the dot, as drawn last
        self._listed: tuple[tuple[int, tuple[Action, ...], Hushed | None], ...] = ()
        self._view: View | None = None
        self._views = 0
        self._problem = ""  # why nothing can be announced
        self._menu = QMenu()
        self._menu.aboutToShow.connect(self._say_now)
        self._build_menu()

    @property
    def is_shown(self) -> bool:
        return self._icon is not None

    def host_changed(self, present: bool) -> None:
        """Make the icon anew for a host that has come; take it away when there is none."""
        if self._icon is not None:
            self._icon.hide()
            self._icon.deleteLater()
            self._icon = None
        if not present:
            return
        self._look = self._shown = None
        self._icon = QSystemTrayIcon(self)
        self._icon.setContextMenu(self._menu)
        self._icon.activated.connect(self._activated)
        self._draw()
        self._icon.show()

    def show_view(self, view: View, *, paused: bool) -> None:
        """Take over the latest state."""
        self._view = view
        self._views += 1
        if self._views % PALETTE_VIEWS == 0:
            self._shown = None
        incidents = tuple((incident.id, incident.actions, incident.hushed) for incident in view.open_incidents)
        if incidents != self._listed:
            self._listed = incidents
            self._look = self._shown = None  # the tooltip names an incident
            self._list_incidents(view.open_incidents)
        if self._pause.isChecked() != paused:
            self._pause.setChecked(paused)
        self._draw()

    def show_service(self, problem: str) -> None:
        """Say why nothing can be announced, "" when it can."""
        self._problem = safe_text(problem)
        self._service.setText(elide(self._problem, MENU_WIDTH).replace("&", "&&"))
        self._service.setVisible(bool(problem))
        self._look = self._shown = None
        self._draw()

    def show_stale(self) -> None:
        """There are no live readings: an empty ring."""
        self._view = None
        self._draw()

    def _draw(self) -> None:
        """Bring the icon up to date, if what it shows has changed."""
        view = self._view
        shows = (fill_step(view.fill_ratio), view.worst) if view else (None, None)
        if self._icon is None or shows == self._shown:
            return
        self._shown = shows
        look = tray_look(view.fill_ratio if view else None, shows[1], QApplication.palette())
        if look != self._look:
            self._look = look
            self._icon.setIcon(self._icons.icon(look))
            self._icon.setToolTip(self._headline())

    def _headline(self) -> str:
        if self._view is None or self._view.sample is None:
            return _tr("SmoothTask: no readings")
        incidents = self._view.open_incidents
        if not incidents:
            said = _tr("SmoothTask: all is well")
        else:
            first = safe_text(incidents[0].title)
            said = f"SmoothTask: {first}" + (f" (+{len(incidents) - 1})" if len(incidents) > 1 else "")
        silent = sum(incident.hushed in GATHERED for incident in incidents)
        if silent:
            said += "\n" + _tr("Not announced: {count}").format(count=silent)
        return f"{said}\n{self._problem}" if self._problem else said

    def _say_now(self) -> None:
        """Bring the menu's numbers up to date: only now does somebody look."""
        for menu, incident in zip(self._incident_menus, self._view.open_incidents if self._view else (), strict=False):
            menu.setTitle(_menu_title(incident))
        sample = self._view.sample if self._view else None
        if sample is None:
            self._now.setText(_tr("No readings yet"))
            return
        parts = []
        if sample.system.cpu_busy_ratio is not None:
            parts.append(f"CPU {percent(sample.system.cpu_busy_ratio)}")
        if self._view and self._view.cpu_sensor and self._view.cpu_sensor.temperature_c is not None:
            parts.append(celsius(self._view.cpu_sensor.temperature_c))
        self._now.setText(" · ".join(parts) or _tr("All is well"))

    def _activated(self, reason: QSystemTrayIcon.ActivationReason) -> None:
        if reason in (QSystemTrayIcon.ActivationReason.Trigger, QSystemTrayIcon.ActivationReason.DoubleClick):
            self.window_wanted.emit()

    def _build_menu(self) -> None:
        self._now = self._menu.addAction(_tr("No readings yet"))
        self._now.setEnabled(False)
        self._service = self._menu.addAction("")
        self._service.setEnabled(False)
        self._service.setVisible(False)
        self._menu.addSeparator()
        self._show = self._menu.addAction(_tr("Show SmoothTask"), self.window_wanted.emit)
        self._after_incidents = self._menu.addSeparator()
        self._pause = QAction(_tr("Pause alerts for 1 hour"), self._menu, checkable=True)
        self._pause.triggered.connect(self.pause_toggled)
        self._menu.addAction(self._pause)
        self._menu.addAction(_tr("Settings…"), self.settings_wanted.emit)
        self._menu.addAction(_tr("Quit"), self.quit_wanted.emit)
        self._incident_menus: list[QMenu] = []

    def _list_incidents(self, incidents: tuple[Incident, ...]) -> None:
        for menu in self._incident_menus:
            self._menu.removeAction(menu.menuAction())
            menu.deleteLater()
        self._incident_menus = [self._incident_menu(incident) for incident in incidents]
        for menu in self._incident_menus:
            self._menu.insertMenu(self._after_incidents, menu)

    def _incident_menu(self, incident: Incident) -> QMenu:
        menu = QMenu(_menu_title(incident), self._menu)
        if incident.state is IncidentState.FIRING:
            for action in sorted(incident.actions, key=lambda action: action is not Action.SHOW):
                entry = menu.addAction(action_label(action))
                entry.triggered.connect(lambda _checked=False, action=action: self.acted.emit(incident.id, action))
        return menu


def action_label(action: Action) -> str:
    """What a person reads for `action`."""
    return {
        Action.SHOW: _tr("Show"),
        Action.PAUSE: _tr("Pause"),
        Action.RESUME: _tr("Resume"),
        Action.LIMIT: _tr("Limit to half"),
        Action.UNLIMIT: _tr("Undo the limit"),
        Action.STOP: _tr("Stop"),
        Action.SNOOZE: _tr("Snooze for 1 hour"),
        Action.EXPECTED: _tr("Expected of this app"),
    }[action]


def _menu_title(incident: Incident) -> str:
    title = elide(safe_text(incident.title), TITLE_WIDTH).replace("&", "&&")
    return _tr("{title} (not announced)").format(title=title) if incident.hushed in GATHERED else title


def _tr(text: str) -> str:
    return QCoreApplication.translate("Tray", text)
