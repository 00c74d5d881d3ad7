"""What notification servers do otherwise than the specification, as rows: each with the bug or document it comes from.

A server is known by the name and vendor it gives itself (GetServerInformation). One that isn't listed is taken at its
word. Nothing here decides what is said; it decides how it must be sent, and what has to be reachable elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import Final


class QuietSource(Enum):
    """Where a server's do-not-disturb can be read."""

    INHIBITED = auto()  # the property Inhibited of org.freedesktop.Notifications
    DUNST = auto()  # the property paused of org.dunstproject.cmd0
    XFCONF = auto()  # xfce4-notifyd, /do-not-disturb
    GSETTINGS = auto()  # org.gnome.desktop.notifications show-banners


@dataclass(frozen=True, slots=True)
class Server:
    """One server's ways. `evidence` says where each that isn't the default is known from."""

    name: str
    vendor: str
    evidence: str
    most_buttons: int = 3  # as many as are offered; the rest is in the app
    shows_buttons: bool = True  # False: "actions" means a menu or a key, so all of them are offered there
    takes_actions: bool = True
    shows_click: bool = False  # the action of a click on the body is a button too, so Show needs none of its own
    escapes_title: bool = False  # it reads markup in titles, against the specification
    replaces: bool = True
    quiet: QuietSource = QuietSource.INHIBITED


UNLISTED: Final = Server("", "", "https://specifications.freedesktop.org/notification-spec/latest/")

SERVERS: Final = (
    Server(
        "Xfce Notify Daemon",
        "Xfce",
        "buttons in one row that widens the popup, the default action among them, a click on the body only closes it:"
        " seen with 0.7.3; xfconf channel xfce4-notifyd, its settings dialog's"
        " main.c binds /do-not-disturb",
        shows_click=True,
        quiet=QuietSource.XFCONF,
    ),
    Server(
        "dunst",
        "knopwob",
        "actions are in a context menu (dunst(1), do_action, context); paused: its src/dbus.c, dunstctl(1)",
        shows_buttons=False,
        quiet=QuietSource.DUNST,
    ),
    Server(
        "mako",
        "emersion",
        "actions by makoctl(1) menu or invoke; dbus/xdg.c answers GetCapabilities with actions all the same",
        shows_buttons=False,
    ),
    Server(
        "gnome-shell",
        "GNOME",
        "js/ui/messageTray.js: MAX_NOTIFICATION_BUTTONS = 3, more are dropped without a word;"
        " js/ui/notificationDaemon.js has no Inhibited; the switch is org.gnome.desktop.notifications show-banners",
        quiet=QuietSource.GSETTINGS,
    ),
    Server(
        "Plasma",
        "KDE",
        "Inhibited: libnotificationmanager/dbus/org.freedesktop.Notifications.xml; refuses bursts"
        " (Error.ExcessNotificationGeneration, https://bugs.kde.org/show_bug.cgi?id=409157)",
    ),
    Server(
        "notify-osd",
        "Canonical Ltd",
        "shows a dialog instead of a bubble as soon as there is an action:"
        " https://wiki.ubuntu.com/NotificationDevelopmentGuidelines#Avoiding_actions",
        takes_actions=False,
        shows_buttons=False,
    ),
    Server(
        "Raven",
        "Budgie Desktop Developers",
        "markup in titles: https://github.com/solus-project/budgie-desktop/issues/2114; a replacement gets a new id and"
        " the old one stays: https://github.com/solus-project/budgie-desktop/issues/2115",
        escapes_title=True,
        replaces=False,
    ),
    Server(
        "haskell-notification-daemon",
        "abc",
        "ignores replaces_id: https://github.com/phuhl/linux_notification_center/issues/161",
        replaces=False,
    ),
)

BUSY_ERRORS: Final = frozenset(
    {
        "org.freedesktop.Notifications.Error.ExcessNotificationGeneration",
        "org.freedesktop.Notifications.MaxNotificationsExceeded",
    }
)
"""Refusals that time heals: Plasma's (above) and GNOME Flashback's (libnotifications/nd-daemon.c)."""


def server_of(name: str, vendor: str) -> Server:
    """The row of a server that calls itself so, UNLISTED if there is none."""
    return next((row for row in SERVERS if (row.name, row.vendor) == (name, vendor)), UNLISTED)
