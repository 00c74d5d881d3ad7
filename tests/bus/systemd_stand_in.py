"""Owns systemd's name on the box's bus and has one unit, cron.service; prints in JSON what is set.

Stands alone (it is copied into the box): only the standard library and dbus-fast.
"""

import asyncio
import json

from dbus_fast import BusType, Message, MessageType, Variant
from dbus_fast.aio import MessageBus

NAME = "org.freedesktop.systemd1"
NO_LIMIT = 2**64 - 1


async def main() -> None:
    bus = await MessageBus(bus_type=BusType.SYSTEM).connect()
    limits = {"CPUWeight": NO_LIMIT, "CPUQuotaPerSecUSec": NO_LIMIT}
    fixed = {
        "Id": Variant("s", "cron.service"), "InvocationID": Variant("ay", bytes(16)),
        "ControlGroup": Variant("s", "/system.slice/cron.service"),
    }  # fmt: skip

    def receive(message: Message) -> Message | None:
        if message.message_type is not MessageType.METHOD_CALL:
            return None
        if message.member == "GetUnit" and message.body[0] != "cron.service":
            return Message.new_error(message, f"{NAME}.NoSuchUnit", f"Unit {message.body[0]} not loaded.")
        if message.member == "GetUnit":
            return Message.new_method_return(message, "o", ["/org/freedesktop/systemd1/unit/cron_2eservice"])
        if message.member == "Get":
            name = message.body[1]
            return Message.new_method_return(message, "v", [fixed.get(name) or Variant("t", limits[name])])
        if message.member == "SetUnitProperties":
            unit, runtime, changed = message.body
            limits.update({name: value.value for name, value in changed})
            print(json.dumps([unit, runtime, {name: value.value for name, value in changed}]), flush=True)
            return Message.new_method_return(message)
        return None

    bus.add_message_handler(receive)
    await bus.request_name(NAME)
    print("ready", flush=True)
    await bus.wait_for_disconnect()


asyncio.run(main())
