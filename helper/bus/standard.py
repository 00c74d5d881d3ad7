"""What every service on the bus answers beside its own methods: properties, introspection, ping."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from dbus_fast import Variant

from helper.bus import errors
from helper.bus.errors import Refusal
from helper.bus.operations import Caller, Operation, Reply

_PROPERTIES: Final = "org.freedesktop.DBus.Properties"
_INTROSPECTABLE: Final = "org.freedesktop.DBus.Introspectable"
_PEER: Final = "org.freedesktop.DBus.Peer"

Readers = Mapping[str, Callable[[], Variant]]


class StandardInterfaces:
    """The rows for one `interface` whose properties are read by `readers`, each with authorization for `action`."""

    def __init__(self, interface: str, xml: str, readers: Readers, action: str) -> None:
        self._interface = interface
        self._xml = xml
        self._readers = readers
        self._action = action

    def rows(self) -> dict[tuple[str, str], Operation]:
        """To be joined with the service's own."""

        def actions(_body: Sequence[Any]) -> Sequence[str]:
            return (self._action,)

        return {
            (_PROPERTIES, "Get"): Operation("ss", actions, self._get),
            (_PROPERTIES, "GetAll"): Operation("s", actions, self._get_all),
            (_PROPERTIES, "Set"): Operation("ssv", actions, self._set),
            (_INTROSPECTABLE, "Introspect"): Operation("", None, self._introspect),
            (_PEER, "Ping"): Operation("", None, self._ping),
        }

    async def _get(self, _caller: Caller, body: Sequence[Any]) -> Reply:
        interface, name = body
        self._expect(interface)
        read = self._readers.get(name)
        if read is None:
            raise Refusal(errors.UNKNOWN_PROPERTY, "no such property; see the introspection")
        return Reply("v", (read(),))

    async def _get_all(self, _caller: Caller, body: Sequence[Any]) -> Reply:
        self._expect(body[0])
        return Reply("a{sv}", ({name: read() for name, read in self._readers.items()},))

    async def _set(self, _caller: Caller, _body: Sequence[Any]) -> Reply:
        raise Refusal(errors.PROPERTY_READ_ONLY, "all properties are read-only")

    async def _introspect(self, _caller: Caller, _body: Sequence[Any]) -> Reply:
        return Reply("s", (self._xml,))

    async def _ping(self, _caller: Caller, _body: Sequence[Any]) -> Reply:
        return Reply()

    def _expect(self, interface: str) -> None:
        if interface not in {self._interface, ""}:
            raise Refusal(errors.UNKNOWN_INTERFACE, "no such interface here; see the introspection")
