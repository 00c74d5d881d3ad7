"""Notification servers that can't run on a build machine, as their documents describe them, on a bus of the test's."""

from dataclasses import dataclass, field
from typing import Any

from dbus_fast import Message, MessageType, Variant
from dbus_fast.aio import MessageBus

NAME = "org.freedesktop.Notifications"
PATH = "/org/freedesktop/Notifications"
INTROSPECTION = """<!DOCTYPE node PUBLIC "-//freedesktop//DTD D-BUS Object Introspection 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/introspect.dtd"><node><interface name="org.freedesktop.Notifications">
<method name="Notify"><arg type="s" direction="in"/><arg type="u" direction="in"/><arg type="s" direction="in"/>
<arg type="s" direction="in"/><arg type="s" direction="in"/><arg type="as" direction="in"/>
<arg type="a{sv}" direction="in"/><arg type="i" direction="in"/><arg type="u" direction="out"/></method>
<method name="CloseNotification"><arg type="u" direction="in"/></method>
<method name="GetCapabilities"><arg type="as" direction="out"/></method>
<method name="GetServerInformation"><arg type="s" direction="out"/><arg type="s" direction="out"/>
<arg type="s" direction="out"/><arg type="s" direction="out"/></method>
<signal name="NotificationClosed"><arg type="u"/><arg type="u"/></signal>
<signal name="ActionInvoked"><arg type="u"/><arg type="s"/></signal></interface></node>"""


@dataclass(frozen=True, slots=True)
class Shown:
    """One Notify as it came."""

    replaces: int
    title: str
    body: str
    actions: tuple[str, ...]
    urgency: int


@dataclass(slots=True)
class FakeServer:
    """Answers as `name` by `vendor`. `refusals` are errors for the next calls of Notify, in order."""

    name: str
    vendor: str
    capabilities: tuple[str, ...] = ("actions", "body", "body-markup")
    replaces: bool = True
    properties: dict[tuple[str, str], bool] = field(default_factory=dict)  # (interface, name)
    refusals: list[str] = field(default_factory=list)
    shown: list[Shown] = field(default_factory=list)
    closed: list[int] = field(default_factory=list)
    _bus: MessageBus | None = None
    _latest: int = 0

    async def serve(self, address: str) -> None:
        self._bus = await MessageBus(bus_address=address).connect()
        self._bus.add_message_handler(self._receive)
        await self._bus.request_name(NAME)

    def leave(self) -> None:
        assert self._bus is not None
        self._bus.disconnect()

    async def press(self, number: int, action: str) -> None:
        assert self._bus is not None
        await self._bus.send(Message.new_signal(PATH, NAME, "ActionInvoked", "us", [number, action]))

    def _receive(self, message: Message) -> Message | None:
        if message.message_type is not MessageType.METHOD_CALL or message.path != PATH:
            return None
        if message.member == "Notify" and self.refusals:
            return Message.new_error(message, self.refusals.pop(0), "not now")
        answer = self._answer(message.member or "", message.body)
        if answer is None:
            return Message.new_error(message, "org.freedesktop.DBus.Error.UnknownProperty", "no such thing")
        return Message.new_method_return(message, *answer)

    def _answer(  # noqa: PLR0911 - a table of calls
        self, member: str, body: list[Any]
    ) -> tuple[str, list[Any]] | None:
        match member, body:
            case "Introspect", []:
                return "s", [INTROSPECTION]
            case "GetServerInformation", []:
                return "ssss", [self.name, self.vendor, "1", "1.2"]
            case "GetCapabilities", []:
                return "as", [list(self.capabilities)]
            case "CloseNotification", [number]:
                self.closed.append(number)
                return "", []
            case "Get", [interface, name] if (interface, name) in self.properties:
                return "v", [Variant("b", self.properties[interface, name])]
            case "Notify", [_, replaces, _, title, text, actions, hints, _]:
                self.shown.append(Shown(replaces, title, text, tuple(actions), hints["urgency"].value))
                return "u", [self._number(replaces)]
        return None

    def _number(self, replaces: int) -> int:
        if replaces and self.replaces:
            return replaces
        self._latest += 1
        return self._latest
