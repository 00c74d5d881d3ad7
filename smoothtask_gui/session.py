"""What the app has in common with the desktop session, on the asyncio thread: bus, notifications, tray host, instance.

Everything here may be missing. Without a session bus notifications are `NoNotifications`, which says so, and a lock
decides about the instance.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from platformdirs import user_config_path, user_runtime_path

from smoothtask_gui.adapters.app_icon import notification_icon
from smoothtask_gui.adapters.bus import BusError
from smoothtask_gui.adapters.colour_scheme import gtk_prefers_dark, portal_tells
from smoothtask_gui.adapters.instance import BusInstance, LockInstance
from smoothtask_gui.adapters.notification_port import ActionPressed, Dismissed, NotificationService, ServiceChanged
from smoothtask_gui.adapters.notification_servers import UNLISTED, Server
from smoothtask_gui.adapters.session_bus import SessionBus
from smoothtask_gui.adapters.tray_host import TrayHost

if TYPE_CHECKING:
    from collections.abc import Callable

    from smoothtask_gui.adapters.notification_port import ServedNotifications
    from smoothtask_gui.domain.incident import Incident


FLATPAK_FILE: Final = Path("/.flatpak-info")  # flatpak-metadata(5): there inside every sandbox


class NoNotifications:
    """The `Notifications` port where there is no session bus: only the reason is told."""

    def __init__(self, reason: str) -> None:
        self._reason = reason

    async def start(self, on_action: ActionPressed, on_dismissed: Dismissed, on_service: ServiceChanged) -> None:
        del on_action, on_dismissed
        message = f"No notifications: {self._reason}. Alerts stay in the window."
        on_service(NotificationService(available=False, name="", shows_buttons=False, message=message))

    async def server(self) -> Server:
        return UNLISTED

    async def show(self, incident: Incident) -> None:
        pass

    async def withdraw(self, incident_id: int) -> None:
        pass

    async def tell(self, title: str, body: str) -> None:
        pass


@dataclass(frozen=True, slots=True)
class Session:
    """What there is of a session. `is_first` is False when another SmoothTask was asked to show itself."""

    bus: SessionBus | None
    notifications: ServedNotifications
    tray_host: TrayHost | None
    is_first: bool
    dark: bool | None = None  # None: Qt asks the portal itself
    sandboxed: bool = False  # in a Flatpak

    async def close(self) -> None:
        if self.bus is not None:
            await self.bus.close()


async def open_session(on_activate: Callable[[str], None], token: str) -> Session:
    """Join the session, and decide which SmoothTask runs. Raises InstanceError when the first one doesn't answer."""
    sandboxed = FLATPAK_FILE.exists()
    try:
        bus = await SessionBus.connect()
    except BusError as error:
        runtime = user_runtime_path("smoothtask", appauthor=False, ensure_exists=True)
        is_first = await LockInstance(runtime).claim(on_activate, token)
        return Session(None, NoNotifications(str(error)), None, is_first, await _dark(None), sandboxed)
    if not await BusInstance(bus).claim(on_activate, token):
        await bus.close()
        return Session(None, NoNotifications("another SmoothTask runs"), None, is_first=False)
    from smoothtask_gui.adapters.notifications import DesktopNotifications  # noqa: PLC0415  # not for a second start

    return Session(
        bus,
        DesktopNotifications(bus, notification_icon(os.environ), sandboxed=sandboxed),
        TrayHost(bus),
        is_first=True,
        dark=await _dark(bus),
        sandboxed=sandboxed,
    )


async def _dark(bus: SessionBus | None) -> bool | None:
    if await portal_tells(bus):
        return None
    return await gtk_prefers_dark(bus, os.environ, user_config_path())
