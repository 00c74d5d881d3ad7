"""One SmoothTask a session: a second start raises the first one's window and leaves.

With a session bus, whoever owns io.github.smoothtask.SmoothTask is first; it answers org.freedesktop.Application
(Desktop Entry specification, "D-Bus Activation"), so a launcher can raise it too. Without a bus, a lock on a file in
the runtime folder decides, and a socket beside it carries the wish to be raised. Where neither exists, two instances
may run: that is less bad than none.

How it fails: a first instance that doesn't answer is reported with InstanceError, not joined by a second.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Final, Protocol

from dbus_fast import Message, MessageType, Variant
from dbus_fast.constants import NameFlag, RequestNameReply

from smoothtask_gui.adapters.bus import BUS, BusError, Peer

if TYPE_CHECKING:
    from pathlib import Path

    from smoothtask_gui.adapters.session_bus import SessionBus

NAME: Final = "io.github.smoothtask.SmoothTask"
APPLICATION: Final = Peer(NAME, "/io/github/smoothtask/SmoothTask", "org.freedesktop.Application")
WISH: Final = b"activate\n"
WISH_TIMEOUT_S: Final = 5.0

Activated = Callable[[str], None]
"""Called when a second start (or a launcher) wants the window; with its activation token, "" if it has none."""


class InstanceError(Exception):
    """Another SmoothTask runs but doesn't answer."""


class Instance(Protocol):
    """Decides which SmoothTask runs."""

    async def claim(self, on_activate: Activated, token: str) -> bool:
        """True: we are the first and are told of others. False: the first one was asked to show its window."""


class BusInstance:
    """By the owner of a name on the session bus."""

    def __init__(self, bus: SessionBus) -> None:
        self._bus = bus

    async def claim(self, on_activate: Activated, token: str) -> bool:
        self._on_activate = on_activate
        self._bus.connection.add_message_handler(self._receive)
        try:
            reply = (await self._bus.call(BUS, "RequestName", "su", NAME, NameFlag.DO_NOT_QUEUE.value))[0]
            if reply in (RequestNameReply.PRIMARY_OWNER.value, RequestNameReply.ALREADY_OWNER.value):
                return True
            tokens = {"activation-token": Variant("s", token)} if token else {}
            await self._bus.call(APPLICATION, "Activate", "a{sv}", tokens)
        except BusError as error:
            raise InstanceError(f"SmoothTask runs already, but its window can't be raised: {error}") from error
        return False

    def _receive(self, message: Message) -> Message | None:
        if message.message_type is not MessageType.METHOD_CALL or message.path != APPLICATION.path:
            return None
        match message.interface, message.member, message.signature:
            case APPLICATION.interface, "Activate", "a{sv}":
                platform = message.body[0]
            case APPLICATION.interface, "Open", "asa{sv}":
                platform = message.body[1]
            case APPLICATION.interface, "ActivateAction", "sava{sv}":
                platform = message.body[2]
            case _:
                return None
        token = platform.get("activation-token") or platform.get("desktop-startup-id")
        self._on_activate(str(token.value) if token else "")
        return Message.new_method_return(message)


class LockInstance:
    """By a lock in the runtime folder, where there is no session bus."""

    def __init__(self, folder: Path) -> None:
        self._lock_file = folder / "smoothtask.lock"
        self._socket_file = folder / "smoothtask.socket"
        self._lock = -1

    async def claim(self, on_activate: Activated, token: str) -> bool:
        del token  # activation tokens are Wayland's and X11's startup notification: both come with a bus
        try:
            self._lock = os.open(self._lock_file, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        except OSError:
            return True
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._lock)
            await self._ask_first()
            return False
        self._on_activate = on_activate
        self._socket_file.unlink(missing_ok=True)
        self._server = await asyncio.start_unix_server(self._serve, self._socket_file)
        return True

    async def _ask_first(self) -> None:
        try:
            async with asyncio.timeout(WISH_TIMEOUT_S):
                reader, writer = await asyncio.open_unix_connection(self._socket_file)
                writer.write(WISH)
                answer = await reader.readline()
                writer.close()
                await writer.wait_closed()
        except OSError as error:  # TimeoutError is one
            raise InstanceError(f"SmoothTask runs already, but its window can't be raised: {error}") from error
        if answer != WISH:
            raise InstanceError("SmoothTask runs already, but its window can't be raised: it gave no answer")

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, ValueError):  # gone, too slow, or a line beyond the stream's limit
            async with asyncio.timeout(WISH_TIMEOUT_S):
                if await reader.readline() == WISH:
                    self._on_activate("")
                    writer.write(WISH)
                    await writer.drain()
        writer.close()
