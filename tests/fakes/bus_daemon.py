"""A bus connection that answers calls from a table, for what the helper asks the daemon and systemd."""

from collections.abc import Callable
from typing import Any

from dbus_fast import Message, MessageType

Answer = Callable[[Message], tuple[str, list[Any]]]


class BusError(Exception):
    """Raised by an answer: the call gets this error."""


class FakeBusConnection:
    """`answers`: member → what comes back for a message, as (signature, body)."""

    connected = True

    def __init__(self, answers: dict[str, Answer]) -> None:
        self.answers = answers
        self.asked: list[Message] = []

    async def call(self, message: Message) -> Message:
        self.asked.append(message)
        message.serial = message.serial or len(self.asked)
        try:
            signature, body = self.answers[message.member](message)
        except BusError as error:
            return Message(
                message_type=MessageType.ERROR, reply_serial=message.serial, error_name=str(error),
                signature="s", body=["no"],
            )  # fmt: skip
        return Message(
            message_type=MessageType.METHOD_RETURN, reply_serial=message.serial, signature=signature, body=body
        )


def owners(pids: dict[str, int]) -> Answer:
    """Answers GetConnectionUnixProcessID."""

    def answer(message: Message) -> tuple[str, list[Any]]:
        if message.body[0] not in pids:
            raise BusError("org.freedesktop.DBus.Error.NameHasNoOwner")
        return "u", [pids[message.body[0]]]

    return answer
