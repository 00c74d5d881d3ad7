"""What the buttons of an incident say, the same in every part of the window."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication

from smoothtask_gui.domain.incident import REMEDIES, Action, Hushed, Incident
from smoothtask_gui.ui import formats

if TYPE_CHECKING:
    from collections.abc import Iterable

_NAME_BYTES = 18


def button_text(action: Action, name: str) -> str:
    """As in "Pause HandBrake": a verb and, for what is done to an app, its name (which may be hostile)."""
    verbs = {
        Action.SHOW: _tr("Show"),
        Action.PAUSE: _tr("Pause {name}"),
        Action.RESUME: _tr("Resume {name}"),
        Action.LIMIT: _tr("Limit to half"),
        Action.UNLIMIT: _tr("Undo the limit"),
        Action.STOP: _tr("Stop {name}"),
        Action.KILL: _tr("Kill {name}…"),
        Action.NORMAL: _tr("Normal"),
        Action.LOWER: _tr("Low"),
        Action.LOWEST: _tr("Lowest"),
        Action.SNOOZE: _tr("Snooze"),
        Action.EXPECTED: _tr("Expected"),
    }
    return verbs[action].format(name=formats.label(formats.name(name, _NAME_BYTES)))


def explanation(action: Action) -> str:
    """What the action does, for a tooltip."""
    return {
        Action.SHOW: _tr("Show the evidence"),
        Action.PAUSE: _tr("Hold it where it is; it goes on by itself after a while, or when SmoothTask ends."),
        Action.RESUME: _tr("Let it go on."),
        Action.LIMIT: _tr("Let it have half of the processor time that it used, until undone."),
        Action.UNLIMIT: _tr("Let it have all the processor time that it wants."),
        Action.STOP: _tr("Ask it to end, as by closing it."),
        Action.KILL: _tr("End it at once; what it has not saved is lost."),
        Action.NORMAL: _tr("As before SmoothTask changed it, or as everything else."),
        Action.LOWER: _tr("Others go first where the processor is wanted by several."),
        Action.LOWEST: _tr("It gets what nobody else wants, of the processor and of the disk."),
        Action.SNOOZE: _tr("No notification of this for a while."),
        Action.EXPECTED: _tr(
            "This is normal for this app: never warn of it again. The settings list what is expected."
        ),
    }[action]


def why_not(incident: Incident, action: Action) -> str:
    """Why this action can't be done any more, "" if it can."""
    if action in REMEDIES and incident.target is None:
        return _tr("What caused it has ended already.")
    return ""


def hint(incident: Incident, action: Action, own_uid: int) -> str:
    """What the action does, and who will be asked first."""
    target = incident.target
    if action in REMEDIES and target is not None and target.uid != own_uid:
        return explanation(action) + " " + _tr("It isn't yours: an administrator's password is asked for.")
    return explanation(action)


def why_quiet(hushed: Hushed) -> str:
    """Why an incident wasn't announced, for its card."""
    return {
        Hushed.BUDGET: _tr("Not announced: the hour's notifications are used up."),
        Hushed.SNOOZED: _tr("Not announced: snoozed."),
        Hushed.DISMISSED: _tr("You have closed its notification."),
        Hushed.DO_NOT_DISTURB: _tr("Not announced yet: do not disturb is on."),
        Hushed.FULL_SCREEN: _tr("Not announced yet: a window fills the screen."),
        Hushed.QUIET_HOURS: _tr("Not announced yet: these are your quiet hours."),
    }[hushed]


def of_a_button(actions: Iterable[Action], most: int) -> tuple[Action, ...]:
    """The first `most` of them that a small place has room for; Show comes last."""
    wanted = [action for action in actions if action not in (Action.SHOW, Action.EXPECTED)]
    return (*wanted[:most], Action.SHOW)


def _tr(text: str) -> str:
    return QCoreApplication.translate("Actions", text)
