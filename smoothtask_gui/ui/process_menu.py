"""What can be done to one process, as a menu: of its row, and of the button above the table.

Everything is offered for others' processes too, where polkit asks for a password; only what can never be done is grey,
with the reason. Resume and undoing a limit are always there: what was done before this window came may need them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QCoreApplication
from PySide6.QtGui import QAction, QActionGroup

from smoothtask_gui.domain.incident import Action
from smoothtask_gui.ui import actions

if TYPE_CHECKING:
    from PySide6.QtWidgets import QMenu

Act = Callable[[Action], object]

_FIRST: Final = (Action.PAUSE, Action.RESUME)
_LIMITS: Final = (Action.LIMIT, Action.UNLIMIT)
_PRIORITIES: Final = (Action.NORMAL, Action.LOWER, Action.LOWEST)
_ENDINGS: Final = (Action.STOP, Action.KILL)


def fill(menu: QMenu, name: str, why_not: str, act: Act) -> None:
    """Put the actions on process `name` (which may be hostile) into `menu`; grey where `why_not` has a reason."""
    menu.setToolTipsVisible(True)
    _add(menu, _FIRST, name, why_not, act)
    menu.addSeparator()
    _add(menu, _LIMITS, name, why_not, act)
    priorities = menu.addMenu(_tr("Priority"))
    priorities.setToolTipsVisible(True)
    group = QActionGroup(priorities)
    for entry in _add(priorities, _PRIORITIES, name, why_not, act):
        group.addAction(entry)
    priorities.setEnabled(not why_not)
    menu.addSeparator()
    _add(menu, _ENDINGS, name, why_not, act)


def _add(menu: QMenu, wanted: tuple[Action, ...], name: str, why_not: str, act: Act) -> list[QAction]:
    entries = []
    for action in wanted:
        entry = QAction(actions.button_text(action, name), menu)
        entry.setToolTip(why_not or actions.explanation(action))
        entry.setEnabled(not why_not)
        entry.triggered.connect(lambda _checked=False, action=action: act(action))
        menu.addAction(entry)
        entries.append(entry)
    return entries


def _tr(text: str) -> str:
    return QCoreApplication.translate("ProcessMenu", text)
