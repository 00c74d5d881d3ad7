"""The session bus, reduced to what the app needs: call, watch a name, know when it is gone.

One connection serves notifications, tray host and single instance. Without a session bus `connect` raises
SessionBusError in words for people and the app goes on without those three; when the bus dies later, every call
raises SessionBusError and `closed` is set. A watched name is followed by NameOwnerChanged, never polled.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from dbus_fast import BusType, Message, MessageType
from dbus_fast.aio import MessageBus
from dbus_fast.errors import AuthError, DBusError, InvalidAddressError

if TYPE_CHECKING:
    from typing import Self

BUS_NAME: Final = "org.freedesktop.DBus"
CALL_TIMEOUT_S: Final = 10.0
CONNECT_TIMEOUT_S: Final = 5.0

OwnerChanged = Callable[[str | None], None]
"""Called with the unique name of the new owner, None when the name is free."""


@dataclass(frozen=True, slots=True)
class Remote:
    """Whom a call goes to."""

    name: str
    path: str
    interface: str


BUS: Final = Remote(BUS_NAME, "/org/freedesktop/DBus", BUS_NAME)


class SessionBusError(Exception):
    """There is no session bus, or it refused; the message says what failed and why."""


class SessionBus:
    """A connection to the session bus; made by `connect`, on the running asyncio loop."""

    def __init__(self, connection: MessageBus) -> None:
        self.connection = connection
        self.closed = asyncio.Event()
        self._watches: dict[str, list[OwnerChanged]] = {}
        self._ending = asyncio.ensure_future(self._await_end())
        connection.add_message_handler(self._receive)

    @classmethod
    async def connect(cls) -> Self:
        """Return a connection, or raise SessionBusError within CONNECT_TIMEOUT_S."""
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                return cls(await MessageBus(bus_type=BusType.SESSION).connect())
        except TimeoutError as error:
            raise SessionBusError(f"The session bus didn't answer within {CONNECT_TIMEOUT_S:.0f} s") from error
        except (OSError, AuthError, DBusError, InvalidAddressError, ValueError) as error:
            raise SessionBusError(f"No session bus: {error}") from error

    async def close(self) -> None:
        self._watches.clear()  # who closes knows it
        self.connection.disconnect()
        await self._ending

    async def _await_end(self) -> None:
        with suppress(OSError, EOFError):  # the bus died or we left: both end here
            await self.connection.wait_for_disconnect()  # type: ignore[no-untyped-call]  # dbus-fast 5.2
        self.closed.set()
        for name in list(self._watches):
            self._tell(name, None)

    async def call(self, remote: Remote, member: str, signature: str = "", *body: Any) -> list[Any]:
        """Return the reply's body; SessionBusError on an error reply, a dead bus or after CALL_TIMEOUT_S."""
        message = Message(
            destination=remote.name,
            path=remote.path,
            interface=remote.interface,
            member=member,
            signature=signature,
            body=list(body),
        )
        if self.closed.is_set():
            raise SessionBusError(f"{member} failed: the session bus is gone")
        try:
            async with asyncio.timeout(CALL_TIMEOUT_S):
                reply = await self.connection.call(message)
        except TimeoutError as error:
            raise SessionBusError(f"{remote.name} didn't answer {member} within {CALL_TIMEOUT_S:.0f} s") from error
        except (OSError, EOFError, DBusError) as error:
            raise SessionBusError(f"{member} failed: {error}") from error
        if reply is None or reply.message_type is MessageType.ERROR:
            reason = reply.body[0] if reply and reply.body else reply and reply.error_name
            raise SessionBusError(f"{remote.name} refused {member}: {reason}")
        return list(reply.body)

    async def ask_bus(self, member: str, signature: str = "", *body: Any) -> list[Any]:
        """Call a method of the bus itself."""
        return await self.call(BUS, member, signature, *body)

    async def owner_of(self, name: str) -> str | None:
        """The unique name that owns `name`, None while nobody does."""
        if (await self.ask_bus("NameHasOwner", "s", name))[0]:
            return str((await self.ask_bus("GetNameOwner", "s", name))[0])
        return None

    async def can_start(self, name: str) -> bool:
        """Whether the bus starts a service for `name` when it is called."""
        return name in (await self.ask_bus("ListActivatableNames"))[0]

    async def watch(self, name: str, on_change: OwnerChanged) -> str | None:
        """Follow the owner of `name` from now on; returns the present one."""
        watchers = self._watches.setdefault(name, [])
        if not watchers:
            rule = f"type='signal',sender='{BUS_NAME}',interface='{BUS_NAME}',member='NameOwnerChanged',arg0='{name}'"
            await self.ask_bus("AddMatch", "s", rule)
        watchers.append(on_change)
        return await self.owner_of(name)

    def _receive(self, message: Message) -> None:
        if message.member == "NameOwnerChanged" and message.sender == BUS_NAME:
            self._tell(message.body[0], message.body[2] or None)

    def _tell(self, name: str, owner: str | None) -> None:
        for on_change in self._watches.get(name, ()):
            on_change(owner)
