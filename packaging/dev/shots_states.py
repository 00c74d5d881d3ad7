"""States that a look at every tab misses: dialogs and menus, what is said instead of content, names of every script.

For shots.py, whose photographer takes the pictures. Its content is made up, too.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from made_up import NOON_NS, ask_cost, describe, user_name, watch_activity

from smoothtask_gui.domain.activity_reading import ActivityReading
from smoothtask_gui.domain.incident import Action, Deed, Incident, ProcessIdentity
from smoothtask_gui.ui.activity_page import SYSCALLS, UNIX_SOCKETS
from smoothtask_gui.ui.connection_columns import Filter
from smoothtask_gui.ui.helper_help import HelperHelp
from smoothtask_gui.ui.kill_question import KillQuestion
from smoothtask_gui.ui.window import MainWindow

if TYPE_CHECKING:
    from collections.abc import Callable

    from PySide6.QtWidgets import QWidget

    from smoothtask_gui.domain.store import Store
    from smoothtask_gui.domain.view import View

    Take = Callable[[QWidget, str], None]

LONG_NAMES = ("x" * 256, "非常に長い名前のアプリケーション" * 8, "برنامج طويل الاسم " * 12, "👩‍💻🔥🎮" * 20)
REFUSAL = (
    "No administrator has agreed. You can ask again; if no password prompt appears, your session isn't the active "
    "local one or lacks a polkit agent. The helper said: io.github.smoothtask.monitor-others: not allowed (polkit)."
)


def take_all(take: Take, calm: View, store: Store, incident: Incident) -> None:
    """All of them."""
    window = MainWindow(1000, user_name, describe, ask_cost, watch_activity=watch_activity)
    window.show_view(calm, store)
    take(window, "window-deed")
    _processes(take, window)
    _consent(take, window)
    window.close()
    _connections(take, calm, store)
    _dialogs(take)
    _names(take, calm, store, incident)


def _processes(take: Take, window: MainWindow) -> None:
    table = window.processes
    window.tabs.setCurrentWidget(table)
    table.view.setCurrentIndex(table.model.index(4, 0))
    table.view.setFocus()
    who = table.selected()
    window.deeds.show_deed(Deed(NOON_NS, "you", Action.PAUSE, "node", "node is paused for 30 min.", True, who))
    take(window, "window-deed")
    menu = table.menu_for(table.model.index(4, 0))
    if menu is not None:
        take(menu, "menu-process")
        menu.close()
    window.deeds.hide()
    table.search.setText("no such process")
    table.search.setFocus()
    take(window, "window-search-nothing")
    table.search.clear()


def _consent(take: Take, window: MainWindow) -> None:
    window.tabs.setCurrentWidget(window.activity)
    window.activity.switches[SYSCALLS].setChecked(True)
    take(window, "window-consent")
    window.activity.show_reading(ActivityReading(refusal=REFUSAL))
    take(window, "window-consent-refused")
    window.activity.switches[SYSCALLS].setChecked(False)
    window.activity.switches[UNIX_SOCKETS].setChecked(True)
    take(window, "window-consent-unix")


def _connections(take: Take, calm: View, store: Store) -> None:
    """In a wide window, and who listens in a narrow one."""
    for width, chosen, name in (
        (1920, Filter.ALL, "window-wide-connections"),
        (640, Filter.LISTENING, "window-listening"),
    ):
        window = MainWindow(1000, user_name, describe, ask_cost, watch_activity=watch_activity)
        window.resize(width, 640)
        window.show_view(calm, store)
        window.tabs.setCurrentWidget(window.connections)
        window.connections.filter.setCurrentIndex(int(chosen))
        take(window, name)
        window.close()


def _dialogs(take: Take) -> None:
    take(KillQuestion(ProcessIdentity(4242, 1, 1000, LONG_NAMES[0])), "dialog-kill")
    take(HelperHelp("· disk reads and writes of other users' processes\n· processes that live shorter than a tick"),
         "dialog-helper")  # fmt: skip


def _names(take: Take, calm: View, store: Store, incident: Incident) -> None:
    """Names of 256 characters and of every script, in the status line, the culprits and the tables."""
    named = [replace(share, name=name) for share, name in zip(incident.shares * 2, LONG_NAMES, strict=False)]
    who = ProcessIdentity(4242, 1, 1000, LONG_NAMES[1])
    long = replace(
        incident, title=f"{LONG_NAMES[0]} is heating the CPU", body=f"{LONG_NAMES[2]} {LONG_NAMES[3]}",
        shares=(replace(named[0], identity=who), *named[1:]),
    )  # fmt: skip
    culprits = replace(calm.culprits(), shares=tuple(named))
    window = MainWindow(1000, user_name, describe, ask_cost, watch_activity=watch_activity)
    window.resize(900, 640)
    window.show_view(replace(calm, open_incidents=(long,), culprits=lambda: culprits), store)
    take(window, "window-names")
    window.show_incident(long)
    take(window, "window-names-incident")
    window.close()
