"""The port through which incidents reach the person: what the app may ask, and what it is told.

Implemented by `notifications.py` over the desktop's service and by `tests/fakes/notifications.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from smoothtask_gui.domain.incident import Action, Incident

if TYPE_CHECKING:
    from smoothtask_gui.adapters.notification_servers import Server


class NotificationError(Exception):
    """A notification wasn't taken; the message says why."""


@dataclass(frozen=True, slots=True)
class NotificationService:
    """What stands at the other end."""

    available: bool
    name: str  # "Xfce Notify Daemon"; "" while unknown
    shows_buttons: bool
    message: str  # for people, when something is to be said: "No notification service answers; …"


ActionPressed = Callable[[int, Action], None]
"""Called with the incident's id and the action of the button pressed."""

Dismissed = Callable[[int], None]
"""Called with the incident's id when the person closed its notification without a button."""

ServiceChanged = Callable[[NotificationService], None]


class Notifications(Protocol):
    """Shows incidents; one notification an incident, changed in place."""

    async def start(self, on_action: ActionPressed, on_dismissed: Dismissed, on_service: ServiceChanged) -> None:
        """Begin to listen, and show what was to be shown before; `on_service` is called at once and at each change."""

    async def show(self, incident: Incident) -> None:
        """Show `incident`, in the place of its earlier state. Never raises for a missing service."""

    async def withdraw(self, incident_id: int) -> None:
        """Take the incident's notification back; nothing happens when there is none."""

    async def tell(self, title: str, body: str) -> None:
        """Say something that isn't an incident, such as why a process wasn't stopped."""


class ServedNotifications(Notifications, Protocol):
    """Those that know who shows them."""

    async def server(self) -> Server:
        """The ways of the server that answers; UNLISTED when none does or tells."""
