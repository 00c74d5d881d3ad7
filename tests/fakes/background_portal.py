"""The desktop's Background portal as its document describes it, on a bus of the test's.

As a program, `python -m tests.fakes.background_portal ANSWER FILE`, it serves on the session bus until it is ended, and
writes each request to FILE as a line of JSON. Only the desktop's end is made up: request, handle and bus are real.
"""

import asyncio
import json
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dbus_fast import Message, MessageType, Variant
from dbus_fast.aio import MessageBus

NAME = "org.freedesktop.portal.Desktop"
PATH = "/org/freedesktop/portal/desktop"
BACKGROUND = "org.freedesktop.portal.Background"
REQUEST = "org.freedesktop.portal.Request"
CALLED_OFF, GRANTED = 1, 0


@dataclass(slots=True)
class FakeBackgroundPortal:
    """`answer`: "grant", "refuse", "call off" or "silence"; `early`: the answer is sent before the call's own reply."""

    answer: str = "grant"
    early: bool = False
    asked: list[dict[str, Any]] = field(default_factory=list)
    _bus: MessageBus | None = None
    _sent: set[asyncio.Task[None]] = field(default_factory=set)

    async def serve(self, address: str | None = None) -> None:
        self._bus = await MessageBus(bus_address=address).connect()
        self._bus.add_message_handler(self._receive)
        await self._bus.request_name(NAME)

    def leave(self) -> None:
        assert self._bus is not None
        self._bus.disconnect()

    def _receive(self, message: Message) -> Message | bool | None:
        if message.message_type is not MessageType.METHOD_CALL or message.path != PATH:
            return None
        if (message.interface, message.member, message.signature) != (BACKGROUND, "RequestBackground", "sa{sv}"):
            return Message.new_error(message, "org.freedesktop.DBus.Error.UnknownMethod", "no such thing")
        options = {name: variant.value for name, variant in message.body[1].items()}
        self.asked.append(options)
        sender = (message.sender or "").removeprefix(":").replace(".", "_")
        handle = f"{PATH}/request/{sender}/{options['handle_token']}"
        if self.early:
            self._respond(handle, options, message.sender)
            return Message.new_method_return(message, "o", [handle])
        reply = asyncio.ensure_future(self._reply_and_respond(message, handle, options))
        self._sent.add(reply)
        reply.add_done_callback(self._sent.discard)
        return True  # answered by the task

    async def _reply_and_respond(self, message: Message, handle: str, options: dict[str, Any]) -> None:
        assert self._bus is not None
        await self._bus.send(Message.new_method_return(message, "o", [handle]))
        self._respond(handle, options, message.sender)

    def _respond(self, handle: str, options: dict[str, Any], destination: str | None) -> None:
        assert self._bus is not None
        if self.answer == "silence":
            return
        granted = options["autostart"] if self.answer == "grant" else False
        response = CALLED_OFF if self.answer == "call off" else GRANTED
        results = {"background": Variant("b", granted), "autostart": Variant("b", granted)}
        signal = Message.new_signal(handle, REQUEST, "Response", "ua{sv}", [response, results])
        signal.destination = destination
        self._bus.send(signal)


async def main(answer: str, file: Path) -> None:
    portal = FakeBackgroundPortal(answer)
    await portal.serve()
    print("ready", flush=True)
    seen = 0
    while True:
        await asyncio.sleep(0.05)
        for options in portal.asked[seen:]:
            with file.open("a") as lines:
                lines.write(json.dumps(options) + "\n")
        seen = len(portal.asked)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2])))
