"""Notifications through the desktop portal: for a Flatpak that may not talk to the notification service.

org.freedesktop.portal.Notification (xdg-desktop-portal's documentation, version 1): a notification with the id of an
earlier one takes its place; a press comes as ActionInvoked. The portal tells neither what the server can do nor that
the person closed a notification, so nothing is known to be dismissed, and three buttons are offered, as the shells
behind it show. How it fails: as the direct way does, with NotificationError.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dbus_fast import Variant
from desktop_notifier.common import Notification, Urgency

from smoothtask_gui.adapters.bus import BUS, BusError, Peer
from smoothtask_gui.adapters.notification_port import NotificationError

if TYPE_CHECKING:
    from dbus_fast import Message

    from smoothtask_gui.adapters.session_bus import SessionBus

SERVICE: Final = "org.freedesktop.portal.Desktop"
PORTAL: Final = Peer(SERVICE, "/org/freedesktop/portal/desktop", "org.freedesktop.portal.Notification")
NAME: Final = "desktop portal"
MOST_BUTTONS: Final = 3
CLICK_ACTION: Final = "default"
PRIORITIES: Final = {Urgency.Low: "low", Urgency.Normal: "normal", Urgency.Critical: "urgent"}


class PortalBackend:
    """Sends `Notification`s and routes presses to their buttons."""

    service = SERVICE
    server_name = NAME
    shows_buttons = True

    def __init__(self, bus: SessionBus, icon: str) -> None:
        self._bus, self._icon = bus, icon
        self._shown: dict[str, Notification] = {}
        self._follows = False

    async def connect(self) -> None:
        """Begin to hear presses; NotificationError when no portal answers."""
        if self._follows:
            return
        rule = f"type='signal',sender='{SERVICE}',interface='{PORTAL.interface}',member='ActionInvoked'"
        try:
            await self._bus.call(BUS, "AddMatch", "s", rule)
        except BusError as error:
            raise NotificationError(str(error)) from error
        self._bus.connection.add_message_handler(self._receive)
        self._follows = True

    def forget_server(self) -> None:
        """The portal went; what it showed may be gone too."""
        self._shown.clear()

    async def deliver(self, notification: Notification) -> None:
        """Show `notification` in the place of the one with its identifier; NotificationError if it can't be."""
        await self.connect()
        buttons = [
            {"label": Variant("s", button.title), "action": Variant("s", button.identifier)}
            for button in notification.buttons[:MOST_BUTTONS]
        ]
        content = {
            "title": Variant("s", notification.title),
            "body": Variant("s", notification.message),
            "priority": Variant("s", PRIORITIES[notification.urgency]),
            "icon": Variant("(sv)", ["themed", Variant("as", [self._icon])]),
            "default-action": Variant("s", CLICK_ACTION),
            "buttons": Variant("aa{sv}", buttons),
        }
        try:
            await self._bus.call(PORTAL, "AddNotification", "sa{sv}", notification.identifier, content)
        except BusError as error:
            raise NotificationError(str(error)) from error
        self._shown[notification.identifier] = notification

    async def retract(self, identifier: str) -> None:
        """Take the notification back, if it is there."""
        if self._shown.pop(identifier, None) is None:
            return
        try:
            await self._bus.call(PORTAL, "RemoveNotification", "s", identifier)
        except BusError:  # the portal is gone, and its notifications with it
            return

    def _receive(self, message: Message) -> None:
        if message.member != "ActionInvoked" or message.interface != PORTAL.interface or message.path != PORTAL.path:
            return
        if message.signature != "ssav":
            return
        identifier, action, _ = message.body
        notification = self._shown.get(identifier)
        if notification is None:
            return
        if action == CLICK_ACTION and notification.on_clicked is not None:
            notification.on_clicked()
        for button in notification.buttons:
            if button.identifier == action and button.on_pressed is not None:
                button.on_pressed()
