"""What a screen reader gets of the app's window: `python screen_reader.py` prints it as JSON, {name: [texts]}.

Each thing that can be seen and has parts is listed by its name, with the texts of the cells, labels and the like in it;
what has no named parent is under "". Asked of the accessibility bus (at-spi2-core), as Orca does; needs dbus-fast only.
"""

import asyncio
import json
from typing import Any

from dbus_fast import Message, MessageType
from dbus_fast.aio import MessageBus

SHOWING = 25  # AtspiStateType
ACCESSIBLE = "org.a11y.atspi.Accessible"
ROOT = ("org.a11y.atspi.Registry", "/org/a11y/atspi/accessible/root")
APP = "SmoothTask"
Node = tuple[str, str]


class Reader:
    """One walk over what is shown. Things that go away meanwhile are passed over."""

    def __init__(self, bus: MessageBus) -> None:
        self._bus = bus
        self.heard: dict[str, list[str]] = {}

    async def _ask(self, node: Node, interface: str, member: str, *words: str) -> Any:
        body = {"signature": "s" * len(words), "body": list(words)}
        reply = await self._bus.call(Message(node[0], node[1], interface, member, **body))
        if reply is None or reply.message_type is not MessageType.METHOD_RETURN:
            return None
        return reply.body[0]

    async def name(self, node: Node) -> str:
        found = await self._ask(node, "org.freedesktop.DBus.Properties", "Get", ACCESSIBLE, "Name")
        return found.value if found else ""

    async def children(self, node: Node) -> list[Node]:
        return [(name, path) for name, path in await self._ask(node, ACCESSIBLE, "GetChildren") or ()]

    async def walk(self, node: Node, below: str = "") -> None:
        """Notes the names of `node` and of all that is shown in it."""
        states = await self._ask(node, ACCESSIBLE, "GetState") or [0]
        if not states[0] >> SHOWING & 1:
            return
        name, parts = await self.name(node), await self.children(node)
        self.heard.setdefault(below, []).append(name)
        for part in parts:
            await self.walk(part, name or below)


async def main() -> None:
    session = await MessageBus().connect()
    reply = await session.call(Message("org.a11y.Bus", "/org/a11y/bus", "org.a11y.Bus", "GetAddress"))
    assert reply is not None
    bus = await MessageBus(bus_address=reply.body[0]).connect()
    reader = Reader(bus)
    for app in await reader.children(ROOT):
        for window in await reader.children(app):
            if await reader.name(window) == APP:
                await reader.walk(window)
    print(json.dumps(reader.heard))


if __name__ == "__main__":
    asyncio.run(main())
