"""A notification service that remembers; stands in for `adapters/notifications.py`."""

from smoothtask_gui.adapters.notification_port import ActionPressed, Dismissed, NotificationService, ServiceChanged
from smoothtask_gui.adapters.notification_servers import UNLISTED, Server
from smoothtask_gui.domain.incident import Incident


class FakeNotifications:
    """Shows nothing; `shown`, `withdrawn` and `told` are what it was asked."""

    def __init__(self, service: NotificationService | None = None) -> None:
        self.service = service or NotificationService(available=True, name="fake", shows_buttons=True, message="")
        self.shown: list[Incident] = []
        self.withdrawn: list[int] = []
        self.told: list[tuple[str, str]] = []

    async def start(self, on_action: ActionPressed, on_dismissed: Dismissed, on_service: ServiceChanged) -> None:
        self.press, self.dismiss = on_action, on_dismissed
        on_service(self.service)

    async def server(self) -> Server:
        return UNLISTED

    async def show(self, incident: Incident) -> None:
        self.shown.append(incident)

    async def withdraw(self, incident_id: int) -> None:
        self.withdrawn.append(incident_id)

    async def tell(self, title: str, body: str) -> None:
        self.told.append((title, body))
