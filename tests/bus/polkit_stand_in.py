"""Owns polkit's name on the box's bus and behaves badly: hang, malformed, error, grant_later (on each input line)."""

import asyncio
import sys

from dbus_fast import BusType, Message, MessageType
from dbus_fast.aio import MessageBus

NAME = "org.freedesktop.PolicyKit1"
MALFORMED = [("s", ["yes"]), ("(bs)", [[True, "yes"]]), ("b", [True]), ("", [])]


async def main(mode: str) -> None:
    bus = await MessageBus(bus_type=BusType.SYSTEM).connect()
    waiting: list[Message] = []
    asked = 0

    def answer(message: Message) -> Message | bool | None:
        nonlocal asked
        if message.message_type is not MessageType.METHOD_CALL or message.interface != NAME + ".Authority":
            return None
        if message.member != "CheckAuthorization":
            return Message.new_method_return(message)
        asked += 1
        if mode == "hang":
            print("asked", flush=True)
            return True
        if mode == "error":
            return Message.new_error(message, NAME + ".Error.Failed", "out of order")
        if mode == "malformed":
            return Message.new_method_return(message, *MALFORMED[asked % len(MALFORMED)])
        waiting.append(message)
        print("asked", flush=True)
        return True

    bus.add_message_handler(answer)
    await bus.request_name(NAME)
    print("ready", flush=True)
    while await asyncio.to_thread(sys.stdin.readline):  # each line: grant what waits
        for message in waiting:
            await bus.send(Message.new_method_return(message, "(bba{ss})", [[True, False, {}]]))
        waiting.clear()
        print("granted", flush=True)


asyncio.run(main(sys.argv[1]))
