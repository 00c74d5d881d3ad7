"""Owns polkit's name on the box's bus and behaves badly: hang, malformed, error, grant_later (on each input line).

prompt_later: as grant_later, for what a person is asked; without one the answer is that authentication is needed.
Says "asked" and, in JSON, the action and its details.
"""

import asyncio
import json
import sys

from dbus_fast import BusType, Message, MessageType
from dbus_fast.aio import MessageBus

NAME = "org.freedesktop.PolicyKit1"
MALFORMED = [("s", ["yes"]), ("(bs)", [[True, "yes"]]), ("b", [True]), ("", [])]
ALLOW_USER_INTERACTION = 1  # PolkitCheckAuthorizationFlags


def tell(action: str, details: dict[str, str]) -> None:
    print("asked", json.dumps({"action": action, "details": details}), flush=True)


class Authority:
    """Answers as `mode` says; `waiting` are the questions not answered yet."""

    def __init__(self, mode: str) -> None:
        self.mode = mode
        self.asked = 0
        self.waiting: list[Message] = []

    def receive(self, message: Message) -> Message | bool | None:
        if message.message_type is not MessageType.METHOD_CALL or message.interface != NAME + ".Authority":
            return None
        if message.member != "CheckAuthorization":
            return Message.new_method_return(message)
        return self.check(message)

    def check(self, message: Message) -> Message | bool:
        self.asked += 1
        _subject, action, details, flags, _cancellation = message.body
        if self.mode == "error":
            return Message.new_error(message, NAME + ".Error.Failed", "out of order")
        if self.mode == "malformed":
            return Message.new_method_return(message, *MALFORMED[self.asked % len(MALFORMED)])
        if self.mode == "prompt_later" and not flags & ALLOW_USER_INTERACTION:
            return Message.new_method_return(message, "(bba{ss})", [[False, True, {}]])
        if self.mode != "hang":
            self.waiting.append(message)
        tell(action, details)
        return True


async def main(mode: str) -> None:
    bus = await MessageBus(bus_type=BusType.SYSTEM).connect()
    authority = Authority(mode)
    bus.add_message_handler(authority.receive)
    await bus.request_name(NAME)
    print("ready", flush=True)
    while await asyncio.to_thread(sys.stdin.readline):  # each line: grant what waits
        for message in authority.waiting:
            await bus.send(Message.new_method_return(message, "(bba{ss})", [[True, False, {}]]))
        authority.waiting.clear()
        print("granted", flush=True)


asyncio.run(main(sys.argv[1]))
