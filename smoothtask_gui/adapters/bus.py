"""One door to D-Bus: connect, call, and errors as sentences.

dbus-fast is imported when a connection is made, not before: the command line's other jobs don't need it. A call never
waits for ever, and never lets polkit open a prompt unless the caller says that a person clicked (`interactive`).
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dbus_fast import Message
    from dbus_fast.aio import MessageBus

CALL_TIMEOUT_S: Final = 10.0
"""Activation and a polkit answer without a prompt take milliseconds; a hung peer must not hang us."""
PROMPT_TIMEOUT_S: Final = 130.0
"""A person types a password: polkit's own agents give up after two minutes."""


class BusError(Exception):
    """A bus can't be reached or a call failed. `name` is the D-Bus error's name, "" if none came."""

    def __init__(self, message: str, name: str = "") -> None:
        super().__init__(message)
        self.name = name


@dataclass(frozen=True, slots=True)
class Peer:
    """Whom to call: a bus name with its main object and interface."""

    name: str
    path: str
    interface: str


BUS: Final = Peer("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus")


async def connect(*, system: bool, address: str | None = None) -> MessageBus:
    """Connect to the system or session bus, or to `address`; descriptors can be passed. Raises BusError."""
    from dbus_fast import BusType  # noqa: PLC0415 - 60 ms that other commands don't owe
    from dbus_fast.aio import MessageBus  # noqa: PLC0415 - as above
    from dbus_fast.errors import AuthError, DBusError, InvalidAddressError  # noqa: PLC0415 - as above

    which = "system" if system else "session"
    try:
        bus = MessageBus(
            bus_address=address, bus_type=BusType.SYSTEM if system else BusType.SESSION, negotiate_unix_fd=True
        )
        async with asyncio.timeout(CALL_TIMEOUT_S):
            return await bus.connect()
    except TimeoutError as error:
        raise BusError(f"the {which} bus did not answer within {CALL_TIMEOUT_S:g} s") from error
    except KeyError as error:  # dbus-fast looks for the session's bus below HOME where nothing else names it
        raise BusError(f"nothing says where the {which} bus is, and there is no {error.args[0]}") from error
    except (OSError, EOFError, AuthError, DBusError, InvalidAddressError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise BusError(f"the {which} bus can't be reached: {why}") from error


async def call(
    bus: MessageBus,
    peer: Peer,
    member: str,
    signature: str = "",
    body: Sequence[Any] = (),
    *,
    interface: str | None = None,
    interactive: bool = False,
) -> Message:
    """Call a method and return the reply. Raises BusError, with the D-Bus error's name."""
    from dbus_fast import Message, MessageFlag, MessageType  # noqa: PLC0415 - as in connect

    request = Message(
        destination=peer.name,
        path=peer.path,
        interface=interface or peer.interface,
        member=member,
        signature=signature,
        body=list(body),
        flags=MessageFlag.ALLOW_INTERACTIVE_AUTHORIZATION if interactive else MessageFlag.NONE,
    )
    limit_s = PROMPT_TIMEOUT_S if interactive else CALL_TIMEOUT_S
    try:
        async with asyncio.timeout(limit_s):
            reply = await bus.call(request)
    except TimeoutError as error:
        raise BusError(f"{peer.name} did not answer {member} within {limit_s:g} s") from error
    except (OSError, EOFError) as error:
        raise BusError(f"the bus went away during {member}: {error or 'connection closed'}") from error
    if reply is None:
        raise BusError(f"the bus went away during {member}")
    if reply.message_type is MessageType.ERROR:
        text = str(reply.body[0]) if reply.body else ""
        raise BusError(text or f"{peer.name} refused {member}: {reply.error_name}", reply.error_name or "")
    return reply


async def get_properties(bus: MessageBus, peer: Peer) -> dict[str, Any]:
    """All properties of the peer's interface, unpacked. Raises BusError."""
    reply = await call(bus, peer, "GetAll", "s", [peer.interface], interface="org.freedesktop.DBus.Properties")
    if reply.signature != "a{sv}":
        raise BusError(f"{peer.name} answered GetAll with {reply.signature!r}, not a{{sv}}")
    return {name: variant.value for name, variant in reply.body[0].items()}


async def get_property(bus: MessageBus, peer: Peer, name: str) -> Any:
    """One property of the peer's interface, unpacked. Raises BusError."""
    reply = await call(bus, peer, "Get", "ss", [peer.interface, name], interface="org.freedesktop.DBus.Properties")
    if reply.signature != "v":
        raise BusError(f"{peer.name} answered Get with {reply.signature!r}, not a variant")
    return reply.body[0].value


async def has_owner(bus: MessageBus, name: str) -> bool:
    """Whether somebody owns this bus name now. Raises BusError."""
    return bool((await call(bus, BUS, "NameHasOwner", "s", [name])).body[0])


async def activatable(bus: MessageBus, name: str) -> bool:
    """Whether the bus could start this name's owner. Raises BusError."""
    return name in (await call(bus, BUS, "ListActivatableNames")).body[0]
