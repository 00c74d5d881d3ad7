"""python -m benchmarks.flood CALLS PIPELINED: call the sampler, that many at once; prints how many were answered."""

import asyncio
import sys

from dbus_fast import BusType, Message
from dbus_fast.aio import MessageBus

from benchmarks.clients import PATH, SAMPLER


async def main() -> None:
    calls, pipelined = map(int, sys.argv[1:])
    bus = await MessageBus(bus_type=BusType.SYSTEM).connect()
    answered = 0
    for _ in range(0, calls, pipelined):
        properties = "org.freedesktop.DBus.Properties"
        batch = [
            bus.call(
                Message(
                    destination=SAMPLER,
                    path=PATH,
                    interface=properties,
                    member="Get",
                    signature="ss",
                    body=[SAMPLER, "Version"],
                )
            )
            for _ in range(pipelined)
        ]
        answered += len([reply for reply in await asyncio.gather(*batch) if reply is not None])
    print(answered)


if __name__ == "__main__":
    asyncio.run(main())
