"""Incidents as desktop notifications: desktop-notifier's D-Bus backend, with what it lacks.

desktop-notifier 6.2 never replaces (`replaces_id` is always 0), reports success when no service exists, forgets a
notification at its first button and shows a Python logo. Here each incident keeps its notification: an update takes
its place, a press is routed to (incident id, action) as often as it comes, and a failure is said.

How it fails: no service answers → `NotificationService.available` is False with a sentence; open incidents are kept
and shown once a service appears (NameOwnerChanged), also after it was restarted. What a person dismissed isn't
announced again; whether it may speak later is the monitor's to decide. Text from outside is bounded and escaped
(`safe_text`), and written as markup only for servers that read markup. What a server does otherwise than the
specification is a row of `notification_servers.py`; buttons that it can't show are in the tray's menu and the window.
Where only a portal answers, as in a Flatpak without access to the service, `portal_notifications.py` does the sending.
"""

from __future__ import annotations

import asyncio
import html
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from dbus_fast import Variant
from dbus_fast.errors import DBusError, InterfaceNotFoundError
from desktop_notifier.backends.dbus import NOTIFICATION_CLOSED_DISMISSED, DBusDesktopNotifier
from desktop_notifier.common import Button, Capability, Icon, Notification, Urgency

from smoothtask_gui.adapters import app_icon
from smoothtask_gui.adapters.bus import CALL_TIMEOUT_S, BusError, Peer
from smoothtask_gui.adapters.notification_port import (
    ActionPressed,
    Dismissed,
    NotificationError,
    NotificationService,
    ServiceChanged,
)
from smoothtask_gui.adapters.notification_servers import BUSY_ERRORS, UNLISTED, Server, server_of
from smoothtask_gui.adapters.portal_notifications import PortalBackend
from smoothtask_gui.domain.incident import Action, Incident, IncidentState, Severity
from smoothtask_gui.domain.text import safe_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from smoothtask_gui.adapters.session_bus import SessionBus

SERVICE: Final = "org.freedesktop.Notifications"
REMOTE: Final = Peer(SERVICE, "/org/freedesktop/Notifications", SERVICE)
BODY_LINES: Final = 3
BODY_BYTES: Final = 512
LABELS: Final = {
    Action.SHOW: "Show",
    Action.PAUSE: "Pause",
    Action.RESUME: "Resume",
    Action.LIMIT: "Limit",
    Action.UNLIMIT: "Undo limit",
    Action.STOP: "Stop",
    Action.SNOOZE: "Snooze",
    Action.EXPECTED: "Expected",
}
BUSY_TRIES: Final = 5
BUSY_WAIT_S: Final = 2.0
URGENCIES: Final = {Severity.WARNING: Urgency.Normal, Severity.CRITICAL: Urgency.Critical}
ABSENT: Final = "No notification service answers; alerts stay in the tray and in the window."
CLICK_ACTION: Final = "default"  # the notification specification's key for a click on the body


class ReplacingBackend(DBusDesktopNotifier):
    """desktop-notifier's backend on our connection, replacing in place and telling of failures."""

    service = SERVICE

    def __init__(self, bus: SessionBus, icon: str, on_closed: Callable[[str, bool], None], busy_wait_s: float) -> None:
        super().__init__("SmoothTask", Icon(name=icon))
        self._busy_wait_s = busy_wait_s
        self._icon = icon
        self._session = bus
        self._closed = on_closed
        self.server = UNLISTED
        self.server_name = ""
        self.reads_markup = False

    async def connect(self) -> None:
        """Learn what the present server can do; NotificationError when none answers."""
        try:
            # first over our own call, which knows a dead bus; dbus-fast's proxies leave an unread exception behind
            name, vendor = map(str, (await self._ask("GetServerInformation"))[:2])
            self.server_name, self.server = name, server_of(name, vendor)
            self.reads_markup = "body-markup" in (await self._ask("GetCapabilities"))[0]
            if self.interface is None:
                self.bus = self._session.connection
                await self._follow_server()
            self._capabilities = await super()._get_capabilities()
        except (BusError, DBusError, InterfaceNotFoundError, TimeoutError, OSError, EOFError) as error:
            raise NotificationError(str(error)) from error

    async def know(self) -> None:
        """Learn it, if it isn't known yet."""
        if self._capabilities is None:
            await self.connect()

    async def _follow_server(self) -> None:
        tree = await self.bus.introspect(SERVICE, REMOTE.path, timeout=CALL_TIMEOUT_S)
        self.proxy_object = self.bus.get_proxy_object(SERVICE, REMOTE.path, tree)
        self.interface = self.proxy_object.get_interface(SERVICE)
        self.interface.on_notification_closed(self._on_closed)  # type: ignore[attr-defined]  # made at run time
        self.interface.on_action_invoked(self._on_action)  # type: ignore[attr-defined]

    def forget_server(self) -> None:
        """The server went: its notification ids mean nothing to the next one."""
        self._platform_to_interface_notification_identifier.clear()
        self._capabilities, self.server = None, UNLISTED

    async def deliver(self, notification: Notification) -> None:
        """Show `notification` in the place of the one with its identifier; NotificationError if it can't be."""
        await self.know()
        try:
            await self._send(notification)
        except BusError as error:
            raise NotificationError(str(error)) from error
        self._notification_cache[notification.identifier] = notification

    async def retract(self, identifier: str) -> None:
        """Close the notification, if it is still open."""
        platform_id = self._platform_to_interface_notification_identifier.inverse.pop(identifier, None)
        self._clear_notification_from_cache(identifier)
        if platform_id is not None:
            with suppress(BusError):  # closed already, or the server is gone: both are what was wanted
                await self._ask("CloseNotification", "u", platform_id)

    @property
    def shows_buttons(self) -> bool:
        """Whether buttons can be seen on a notification, not only in a menu of it."""
        return Capability.BUTTONS in (self._capabilities or ()) and self.server.shows_buttons

    def _actions(self, notification: Notification) -> list[str]:
        """Key and label in turns: the click on the body, then as many buttons as the server shows."""
        if not self.server.takes_actions or Capability.BUTTONS not in (self._capabilities or ()):
            return []
        wanted = [one for one in notification.buttons if not self.server.shows_click or one.identifier != Action.SHOW]
        shown = wanted[: self.server.most_buttons if self.server.shows_buttons else None]
        buttons = [part for button in shown for part in (button.identifier, button.title)]
        return [CLICK_ACTION, LABELS[Action.SHOW], *buttons]

    async def _send(self, notification: Notification) -> None:
        shown = self._platform_to_interface_notification_identifier.inverse.get(notification.identifier, 0)
        if shown and not self.server.replaces:
            await self.retract(notification.identifier)
            shown = 0
        actions = self._actions(notification)
        title = html.escape(notification.title, quote=False) if self.server.escapes_title else notification.title
        message = html.escape(notification.message, quote=False) if self.reads_markup else notification.message
        hints = {
            "urgency": self.to_native_urgency[notification.urgency],
            "desktop-entry": Variant("s", app_icon.NAME),
            "category": Variant("s", "device.error" if notification.urgency is Urgency.Critical else "device"),
        }
        body = [self.app_name, shown, self._icon, title, message, actions, hints, notification.timeout]
        platform_id = (await self._notify(body))[0]
        self._platform_to_interface_notification_identifier.forceput(platform_id, notification.identifier)

    async def _notify(self, body: list[Any]) -> list[Any]:
        """Notify, again after a while where the server says that it has too many at the moment."""
        for _ in range(BUSY_TRIES - 1):
            try:
                return await self._ask("Notify", "susssasa{sv}i", *body)
            except BusError as error:
                if error.name not in BUSY_ERRORS:
                    raise
            await asyncio.sleep(self._busy_wait_s)
        return await self._ask("Notify", "susssasa{sv}i", *body)

    async def _ask(self, member: str, signature: str = "", *body: Any) -> list[Any]:
        return await self._session.call(REMOTE, member, signature, *body)

    def _on_action(self, nid: int, action_key: str) -> None:
        identifier = self._platform_to_interface_notification_identifier.get(nid, "")
        notification = self._notification_cache.get(identifier)
        if notification is None:
            return
        if action_key == CLICK_ACTION:
            self.handle_clicked(identifier, notification)
        else:
            self.handle_button(identifier, action_key, notification)

    def _on_closed(self, nid: int, reason: int) -> None:
        identifier = self._platform_to_interface_notification_identifier.pop(nid, "")
        self._clear_notification_from_cache(identifier)
        if identifier:
            self._closed(identifier, reason == NOTIFICATION_CLOSED_DISMISSED)


@dataclass(frozen=True, slots=True)
class _Told:
    """What the person was told of an incident."""

    incident: Incident
    delivered: bool = False
    acted: bool = False  # a button was pressed: the server's "dismissed" that follows isn't the person's


class DesktopNotifications:
    """The `Notifications` port over the session's notification service; in a sandbox the portal stands in for it.

    A service that has too many at the moment is asked again after `busy_wait_s`.
    """

    def __init__(
        self, bus: SessionBus, icon: str, *, sandboxed: bool = False, busy_wait_s: float = BUSY_WAIT_S
    ) -> None:
        self._bus, self._icon, self._sandboxed = bus, icon, sandboxed
        self._backend: ReplacingBackend | PortalBackend = ReplacingBackend(bus, icon, self._closed, busy_wait_s)
        self._told: dict[int, _Told] = {}
        self._one_at_a_time = asyncio.Lock()
        self._service: NotificationService | None = None

    async def start(self, on_action: ActionPressed, on_dismissed: Dismissed, on_service: ServiceChanged) -> None:
        self._on_action, self._on_dismissed, self._on_service = on_action, on_dismissed, on_service
        try:
            present = await self._bus.watch(SERVICE, self._owner_changed) is not None
            present = present or await self._bus.can_start(SERVICE)
            if not present and self._sandboxed:
                self._backend = PortalBackend(self._bus, self._icon)
                present = await self._bus.watch(self._backend.service, self._owner_changed) is not None
                present = present or await self._bus.can_start(self._backend.service)
            self._say("" if present else ABSENT)
        except BusError as error:
            self._say(f"{error}; alerts stay in the tray and in the window.")

    async def show(self, incident: Incident) -> None:
        self._told[incident.id] = _Told(incident)
        await self._deliver(incident.id)
        if incident.state is IncidentState.RESOLVED:
            self._told.pop(incident.id, None)

    async def withdraw(self, incident_id: int) -> None:
        async with self._one_at_a_time:
            self._told.pop(incident_id, None)
            await self._backend.retract(str(incident_id))

    async def tell(self, title: str, body: str) -> None:
        notification = Notification(safe_text(title), safe_text(body, BODY_BYTES), identifier=f"said: {title}")
        async with self._one_at_a_time:
            try:
                await self._backend.deliver(notification)
            except NotificationError as error:
                await self._explain(error)

    async def server(self) -> Server:
        """The ways of the server that answers; UNLISTED when none does, and for a portal, which doesn't tell."""
        if not isinstance(self._backend, ReplacingBackend):
            return UNLISTED
        async with self._one_at_a_time:
            with suppress(NotificationError):
                await self._backend.know()
        return self._backend.server

    async def _deliver(self, incident_id: int) -> None:
        async with self._one_at_a_time:  # an update never overtakes the first showing, whose id it needs
            told = self._told.get(incident_id)
            if told is None or told.delivered:
                return
            try:
                await self._backend.deliver(self._notification(told.incident))
            except NotificationError as error:
                await self._explain(error)
                return
            self._told[incident_id] = replace(told, delivered=True, acted=False)
            self._say("")

    def _notification(self, incident: Incident) -> Notification:
        resolved = incident.state is IncidentState.RESOLVED
        lines = [safe_text(line) for line in incident.body.split("\n")[:BODY_LINES]]
        return Notification(
            title=safe_text(incident.title),
            message="\n".join(lines),
            urgency=Urgency.Low if resolved else URGENCIES[incident.severity],
            buttons=tuple(self._button(incident.id, action) for action in incident.actions),
            on_clicked=lambda: self._pressed(incident.id, Action.SHOW),
            identifier=str(incident.id),
        )

    def _button(self, incident_id: int, action: Action) -> Button:
        return Button(LABELS[action], lambda: self._pressed(incident_id, action), action.value)

    def _pressed(self, incident_id: int, action: Action) -> None:
        if incident_id in self._told:
            self._told[incident_id] = replace(self._told[incident_id], acted=True)
        self._on_action(incident_id, action)

    def _closed(self, identifier: str, dismissed: bool) -> None:
        incident_id = int(identifier) if identifier.isdigit() else -1  # a word of `tell` is no incident
        told = self._told.get(incident_id)
        if told is not None and dismissed and not told.acted:
            del self._told[incident_id]
            self._on_dismissed(incident_id)

    def _owner_changed(self, owner: str | None) -> None:
        self._backend.forget_server()
        if owner is None:
            self._told = {key: replace(told, delivered=False) for key, told in self._told.items()}
            self._say(ABSENT)
        else:
            self._bus.run(self._catch_up())

    async def _catch_up(self) -> None:
        """A service appeared: show it what is open, learn what it can do."""
        for incident_id in list(self._told):
            await self._deliver(incident_id)
        async with self._one_at_a_time:
            try:
                await self._backend.connect()
            except NotificationError as error:
                await self._explain(error)
            else:
                self._say("")

    async def _explain(self, error: NotificationError) -> None:
        try:
            answers = await self._bus.owner_of(self._backend.service) is not None
        except BusError:
            answers = False
        self._say(f"{error}; alerts stay in the tray and in the window." if answers else ABSENT)

    def _say(self, problem: str) -> None:
        name, buttons = (self._backend.server_name, self._backend.shows_buttons) if not problem else ("", False)
        service = NotificationService(not problem, name, buttons, problem)
        if service != self._service:
            self._service = service
            self._on_service(service)
