"""python -m benchmarks.events_seen SECONDS: run the app on the present desktop; when events and notifications came.

The events are OOM kills, each by its victim's name, and critical trip points, each by its temperature. Prints the
sampler's pid once it listens; at the end JSON: {"events": {name: [boot time ns in the kernel, ns when our own stream
brought it]}, "calls": {name: boot time ns}}.
"""

import array
import asyncio
import json
import os
import re
import socket
import sys
import tempfile
import time
from asyncio.subprocess import DEVNULL, create_subprocess_exec
from pathlib import Path

from dbus_fast import BusType
from dbus_fast.aio import MessageBus

from benchmarks.clients import PACKET_BYTES, open_stream, sampler_pid
from smoothtask_gui.domain.batch import OomKill, ThermalEvent
from smoothtask_gui.sources.packets import decode_packet

sys.path.insert(0, str(Path(__file__).parents[1] / "packaging" / "dev" / "demo"))
from session import Bystander

RULES = """
[notifications]
per_hour = 3600
[oom]
open_for_s = 1.0
[overheating]
keep_firing_for_s = 0.0
cooldown_s = 0.0
"""
SUBJECT = re.compile(r"greedy-\d+|(?<=^CPU at )\d+ °C")


def event_of(packet: bytes) -> tuple[str, int] | None:
    """(what tells it from the others, boot time) of an OOM kill or a critical trip."""
    match decode_packet(packet):
        case OomKill(comm=name, boottime_ns=kernel_ns):
            return name, kernel_ns
        case ThermalEvent(trip_type="critical", temperature_c=temperature_c, boottime_ns=kernel_ns):
            return f"{temperature_c:.0f} °C", kernel_ns
    return None


async def read_events(stream: socket.socket, events: dict[str, tuple[int, int]]) -> None:
    loop = asyncio.get_running_loop()
    stream.setblocking(False)
    arrived = asyncio.Event()
    loop.add_reader(stream, arrived.set)
    while True:
        await arrived.wait()
        arrived.clear()
        try:
            packet, ancillary, _, _ = stream.recvmsg(PACKET_BYTES, socket.CMSG_SPACE(4))
        except BlockingIOError:  # the loop called twice for one packet
            continue
        seen_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        for _, _, content in ancillary:
            for fd in array.array("i", content):
                os.close(fd)
        if found := event_of(packet):
            name, kernel_ns = found
            events.setdefault(name, (kernel_ns, seen_ns))


async def read_calls(bystander: Bystander, calls: dict[str, int]) -> None:
    while True:
        shown = await bystander.shown.get()
        if found := SUBJECT.search(shown.title + "\n" + shown.body):
            calls.setdefault(found[0], time.clock_gettime_ns(time.CLOCK_BOOTTIME))


async def main() -> None:
    events: dict[str, tuple[int, int]] = {}
    calls: dict[str, int] = {}
    bystander = Bystander()
    await bystander.watch()
    with tempfile.NamedTemporaryFile("w", suffix=".toml") as rules:
        rules.write(RULES)
        rules.flush()
        words = [str(Path(sys.executable).with_name("smoothtask")), "--hidden", "--rules", rules.name]
        app = await create_subprocess_exec(*words, stdout=DEVNULL, stderr=DEVNULL)
        bus = await MessageBus(bus_type=BusType.SYSTEM, negotiate_unix_fd=True).connect()
        stream = await open_stream(bus, 60_000)
        print(await sampler_pid(bus), flush=True)
        readers = [asyncio.create_task(read_events(stream, events)), asyncio.create_task(read_calls(bystander, calls))]
        await asyncio.wait(readers, timeout=float(sys.argv[1]))
        app.terminate()
        await app.wait()
    print(json.dumps({"events": events, "calls": calls}))


if __name__ == "__main__":
    asyncio.run(main())
