"""The connection to the system bus, and the questions the helper asks the bus itself.

A lost connection ends the process (see daemon.py): a service that stays alive without its connection is deaf for ever.
"""

import asyncio
import os
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any

from dbus_fast import BusType, Message, MessageType, NameFlag, ReleaseNameReply, RequestNameReply
from dbus_fast.aio import MessageBus

from helper.bus import reader, writer

DAEMON = "org.freedesktop.DBus"
_DAEMON_PATH = "/org/freedesktop/DBus"
_REPLY_LIMIT_S = 5.0


class CallFailed(Exception):  # noqa: N818  reads as what it says
    """A call of ours got an error (whose name is `error_name`), no answer in time, or something other than agreed."""

    def __init__(self, text: str, error_name: str = "") -> None:
        super().__init__(text)
        self.error_name = error_name


async def connect() -> MessageBus:
    """Connects to the system bus with fd passing, and with a writer and a reader that no caller can break."""
    bus = await MessageBus(bus_type=BusType.SYSTEM, negotiate_unix_fd=True).connect()
    writer.install(bus)
    reader.install(bus)
    return bus


async def call(bus: MessageBus, message: Message, limit_s: float = _REPLY_LIMIT_S) -> Sequence[Any]:
    """The body of the reply to `message`; CallFailed after `limit_s` seconds or on an error."""
    try:
        reply = await asyncio.wait_for(bus.call(message), limit_s)
    except TimeoutError:
        raise CallFailed(f"{message.destination} didn't answer within {limit_s:g} s") from None
    except (OSError, EOFError) as error:
        raise CallFailed(f"the connection to the bus broke: {error}") from error
    if reply is None or reply.message_type is not MessageType.METHOD_RETURN:
        detail = f"{reply.error_name}: {reply.body[0] if reply.body else ''}" if reply is not None else "no reply"
        raise CallFailed(f"{message.destination}: {detail}", (reply.error_name if reply is not None else None) or "")
    close_all(reply.unix_fds)
    return list(reply.body)


async def ask_daemon(bus: MessageBus, member: str, signature: str, body: Sequence[Any]) -> Sequence[Any]:
    """Calls a method of the bus daemon itself."""
    message = Message(
        destination=DAEMON, path=_DAEMON_PATH, interface=DAEMON, member=member, signature=signature, body=list(body)
    )
    return await call(bus, message)


async def own_name(bus: MessageBus, name: str) -> bool:
    """Takes the well-known `name`; false if another process has it."""
    return await bus.request_name(name, NameFlag.DO_NOT_QUEUE) is RequestNameReply.PRIMARY_OWNER


async def give_name_up(bus: MessageBus, name: str) -> bool:
    """Releases `name`. Calls that the bus had already routed here arrive before this returns."""
    return await bus.release_name(name) is ReleaseNameReply.RELEASED


def close_all(descriptors: Iterable[int] | None) -> None:
    """Closes file descriptors that came with a message."""
    for descriptor in descriptors or ():
        with suppress(OSError):
            os.close(descriptor)
