"""The session bus as the app needs it: call, follow a name's owner, know when the bus is gone.

One connection serves notifications, tray host and single instance. Without a session bus `connect` raises BusError and
the app goes on without those three; when the bus dies later, every call raises BusError and all watchers are told that
their name is free. Names are followed by NameOwnerChanged, never polled.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Self

from smoothtask_gui.adapters import bus
from smoothtask_gui.adapters.bus import BUS, BusError, Peer

if TYPE_CHECKING:
    from dbus_fast import Message
    from dbus_fast.aio import MessageBus

OwnerChanged = Callable[[str | None], None]
"""Called with the unique name of the new owner, None when the name is free."""


class SessionBus:
    """A connection to the session bus; made by `connect`, on the running asyncio loop."""

    def __init__(self, connection: MessageBus) -> None:
        self.connection = connection
        self._watches: dict[str, list[OwnerChanged]] = {}
        self._gone = False
        self._errands: set[asyncio.Task[None]] = set()
        self._ending = asyncio.ensure_future(self._await_end())
        connection.add_message_handler(self._receive)

    @classmethod
    async def connect(cls) -> Self:
        """Return a connection; BusError when there is none to be had."""
        return cls(await bus.connect(system=False))

    async def close(self) -> None:
        """Leave; watchers aren't told, errands are called off."""
        self._gone = True
        self._watches.clear()
        for errand in self._errands:
            errand.cancel()
        await asyncio.gather(*self._errands, return_exceptions=True)
        self.connection.disconnect()
        await self._ending

    async def _await_end(self) -> None:
        with suppress(OSError, EOFError):  # the bus died or we left: both end here
            await self.connection.wait_for_disconnect()  # type: ignore[no-untyped-call]  # dbus-fast 5.2
        self._gone = True
        for name in list(self._watches):
            self._tell(name, None)

    def run(self, errand: Coroutine[Any, Any, None]) -> None:
        """Do something that a signal asked for; it ends with the connection."""
        task = asyncio.ensure_future(errand)
        self._errands.add(task)
        task.add_done_callback(self._errands.discard)

    async def call(self, peer: Peer, member: str, signature: str = "", *body: Any) -> list[Any]:
        """Return the reply's body; BusError on an error reply, a dead bus or a peer that doesn't answer."""
        if self._gone or not self.connection.connected:
            raise BusError(f"{member} failed: the session bus is gone")
        return list((await bus.call(self.connection, peer, member, signature, body)).body)

    async def owner_of(self, name: str) -> str | None:
        """The unique name that owns `name`, None while nobody does."""
        if (await self.call(BUS, "NameHasOwner", "s", name))[0]:
            return str((await self.call(BUS, "GetNameOwner", "s", name))[0])
        return None

    async def can_start(self, name: str) -> bool:
        """Whether the bus starts a service for `name` when it is called."""
        return name in (await self.call(BUS, "ListActivatableNames"))[0]

    async def watch(self, name: str, on_change: OwnerChanged) -> str | None:
        """Follow the owner of `name` from now on; returns the present one."""
        watchers = self._watches.setdefault(name, [])
        if not watchers:
            rule = f"type='signal',sender='{BUS.name}',interface='{BUS.name}',member='NameOwnerChanged',arg0='{name}'"
            await self.call(BUS, "AddMatch", "s", rule)
        watchers.append(on_change)
        return await self.owner_of(name)

    def _receive(self, message: Message) -> None:
        if message.member == "NameOwnerChanged" and message.sender == BUS.name:
            self._tell(message.body[0], message.body[2] or None)

    def _tell(self, name: str, owner: str | None) -> None:
        for on_change in self._watches.get(name, ()):
            on_change(owner)
