"""Who is calling: the user behind a unique bus name, and the news that the caller has left.

The daemon vouches for the user id of a connection, and a unique name is never given twice, so the uid may be kept for
as long as the caller is there. Authorizations are not kept. A caller that can't be identified is refused.
"""

import asyncio
from collections.abc import Callable

from dbus_fast import Message, MessageType
from dbus_fast.aio import MessageBus

from helper.bus import connection
from helper.bus.errors import NOT_AUTHORIZED, Refusal

_DEPARTURES = (
    "type='signal',sender='org.freedesktop.DBus',interface='org.freedesktop.DBus',member='NameOwnerChanged',arg2=''"
)
_MOST_CALLERS = 1024


class Callers:
    """Knows the callers that are on the bus. `watch()` must have been awaited first."""

    def __init__(self, bus: MessageBus) -> None:
        self._bus = bus
        self._uids: dict[str, asyncio.Future[int]] = {}
        self._on_departure: list[Callable[[str], None]] = []

    async def watch(self) -> None:
        """Asks the bus to say when a caller leaves."""
        await connection.ask_daemon(self._bus, "AddMatch", "s", [_DEPARTURES])

    def when_one_leaves(self, callback: Callable[[str], None]) -> None:
        """`callback` gets each name that leaves the bus, those that never called included."""
        self._on_departure.append(callback)

    def receive(self, message: Message) -> None:
        """Takes a signal of the bus; others are ignored."""
        if (
            message.message_type is MessageType.SIGNAL
            and message.sender == connection.DAEMON
            and message.member == "NameOwnerChanged"
            and message.signature == "sss"
            and message.body[2] == ""
        ):
            name = message.body[0]
            self._uids.pop(name, None)
            for callback in self._on_departure:
                callback(name)

    def is_here(self, name: str) -> bool:
        """Whether the caller `name`, identified before, is still on the bus."""
        return name in self._uids

    async def uid_of(self, name: str) -> int:
        """The user id behind `name`; Refusal if the bus can't say."""
        future = self._uids.get(name)
        if future is None:
            if len(self._uids) >= _MOST_CALLERS:
                self._forget_settled()
            future = asyncio.ensure_future(self._ask(name))
            self._uids[name] = future
        try:
            return await asyncio.shield(future)
        except connection.CallFailed as failure:
            self._uids.pop(name, None)
            raise Refusal(NOT_AUTHORIZED, f"the bus can't say who you are: {failure}") from failure

    async def _ask(self, name: str) -> int:
        body = await connection.ask_daemon(self._bus, "GetConnectionUnixUser", "s", [name])
        if len(body) != 1 or not isinstance(body[0], int):
            raise connection.CallFailed("an answer of the wrong shape")
        return body[0]

    def _forget_settled(self) -> None:
        """Makes room: a forgotten caller that calls again is asked for again; what it holds ends when it leaves."""
        for name in [name for name, future in self._uids.items() if future.done()][: _MOST_CALLERS // 2]:
            del self._uids[name]
