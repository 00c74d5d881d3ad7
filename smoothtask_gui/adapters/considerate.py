"""The `Notifications` port with manners: what isn't critical waits while the surroundings want quiet.

Held back is not lost: the desk is told (`on_held`) and shows it in tray and window with the reason; once quiet is over
(`on_over`) it announces what is still open. A notification that was shown before and changes meanwhile is taken back,
since it would say something that isn't so any more. Nothing is polled while nothing is held.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from smoothtask_gui.domain.incident import Hushed, Incident, IncidentState, Severity

if TYPE_CHECKING:
    from collections.abc import Callable

    from smoothtask_gui.adapters.notification_port import ActionPressed, Dismissed, Notifications, ServiceChanged
    from smoothtask_gui.adapters.quietness import Quietness

POLL_S: Final = 10.0


class ConsiderateNotifications:
    """Wraps `inner`; `on_held(incident_id, why)` and `on_over()` are called on the asyncio thread."""

    def __init__(
        self,
        inner: Notifications,
        quietness: Quietness,
        on_held: Callable[[int, Hushed], None],
        on_over: Callable[[], None],
        poll_s: float = POLL_S,
    ) -> None:
        self._inner, self._quietness = inner, quietness
        self._on_held, self._on_over, self._poll_s = on_held, on_over, poll_s
        self._shown: set[int] = set()
        self._in_turn = asyncio.Lock()
        self._waiting: asyncio.Task[None] | None = None

    async def start(self, on_action: ActionPressed, on_dismissed: Dismissed, on_service: ServiceChanged) -> None:
        await self._inner.start(on_action, on_dismissed, on_service)

    async def show(self, incident: Incident) -> None:
        async with self._in_turn:  # asking takes a moment; a later state mustn't overtake an earlier one
            critical = incident.severity is Severity.CRITICAL and incident.state is IncidentState.FIRING
            why = None if critical else await self._quietness.reason()
            if why is None:
                self._shown.add(incident.id)
                await self._inner.show(incident)
            else:
                await self._hold(incident, why)
            if incident.state is IncidentState.RESOLVED:
                self._shown.discard(incident.id)

    async def withdraw(self, incident_id: int) -> None:
        async with self._in_turn:
            self._shown.discard(incident_id)
            await self._inner.withdraw(incident_id)

    async def tell(self, title: str, body: str) -> None:
        await self._inner.tell(title, body)

    async def _hold(self, incident: Incident, why: Hushed) -> None:
        if incident.id in self._shown:
            self._shown.discard(incident.id)
            await self._inner.withdraw(incident.id)
        if incident.state is IncidentState.FIRING:
            self._on_held(incident.id, why)
            if self._waiting is None or self._waiting.done():
                self._waiting = asyncio.ensure_future(self._wait())

    async def _wait(self) -> None:
        while await self._quietness.reason() is not None:  # noqa: ASYNC110 - nobody tells when a window shrinks
            await asyncio.sleep(self._poll_s)
        self._on_over()
