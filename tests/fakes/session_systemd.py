"""The session's systemd as far as CPU limits ask it (org.freedesktop.systemd1(5)), on a bus of the test's."""

from typing import Any

from dbus_fast import Message, MessageType, Variant
from dbus_fast.aio import MessageBus

SYSTEMD = "org.freedesktop.systemd1"
UNLIMITED = 2**64 - 1


class FakeSystemd:
    """Units by pid; `quotas` is what they may use, in µs a second. Anything else is answered with an error."""

    def __init__(self, units: dict[int, str]) -> None:
        self.units = units
        self.quotas = dict.fromkeys(units.values(), UNLIMITED)
        self.runtime: list[bool] = []

    async def serve(self, address: str) -> MessageBus:
        bus = await MessageBus(bus_address=address).connect()
        bus.add_message_handler(self._receive)
        await bus.request_name(SYSTEMD)
        return bus

    def _receive(self, message: Message) -> Message | None:
        if message.message_type is not MessageType.METHOD_CALL or message.interface == "org.freedesktop.DBus.Peer":
            return None
        answer = self._answer(message.member or "", message.path or "", message.body)
        if answer is None:
            return Message.new_error(message, f"{SYSTEMD}.NoSuchUnit", f"{message.member}: no such unit")
        return Message.new_method_return(message, *answer)

    def _answer(self, member: str, path: str, body: list[Any]) -> tuple[str, list[Any]] | None:
        unit = bytes.fromhex(path.rpartition("/u")[2]).decode() if "/u" in path else ""
        match member, body:
            case "GetUnitByPID", [pid] if pid in self.units:
                return "o", [_path(self.units[pid])]
            case "GetUnit", [name] if name in self.quotas:
                return "o", [_path(name)]
            case "Get", [_, "Id"]:
                return "v", [Variant("s", unit)]
            case "Get", [_, "CPUQuotaPerSecUSec"]:
                return "v", [Variant("t", self.quotas[unit])]
            case "SetUnitProperties", [name, runtime, [["CPUQuotaPerSecUSec", quota]]] if name in self.quotas:
                self.quotas[name] = quota.value
                self.runtime.append(runtime)
                return "", []
        return None


def _path(unit: str) -> str:
    return f"/org/freedesktop/systemd1/unit/u{unit.encode().hex()}"
