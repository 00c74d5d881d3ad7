"""python -m benchmarks.events_seen SECONDS: run the app on the present desktop; when OOM kills and notifications came.

Prints JSON: {"events": {name of the victim: [boot time ns in the kernel, ns when our own stream brought it]}, "calls":
{name: boot time ns}}.
"""

import array
import asyncio
import json
import os
import re
import socket
import struct
import sys
import tempfile
import time
from asyncio.subprocess import DEVNULL, create_subprocess_exec
from pathlib import Path

from dbus_fast import BusType
from dbus_fast.aio import MessageBus

from benchmarks.clients import PACKET_BYTES, open_stream

sys.path.insert(0, str(Path(__file__).parents[1] / "packaging" / "dev" / "demo"))
from session import Bystander

RULES = "[notifications]\nper_hour = 3600\n[oom]\nopen_for_s = 1.0\n"
HEAD = struct.Struct("=IHHII")  # struct st_packet, bpf/records.h
EVENT = struct.Struct("=IIQ")  # struct st_event
PACKET_EVENT, EVENT_OOM_KILL = 3, 2
COMM_BYTES = 16


def victim(packet: bytes) -> tuple[str, int] | None:
    """(name, boot time) of an OOM kill; the name is the record's last member."""
    if HEAD.unpack_from(packet)[2] != PACKET_EVENT:
        return None
    kind, _, boottime_ns = EVENT.unpack_from(packet, HEAD.size)
    if kind != EVENT_OOM_KILL:
        return None
    return packet[-COMM_BYTES:].split(b"\0")[0].decode(errors="replace"), boottime_ns


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
        for _, _, content in ancillary:
            for fd in array.array("i", content):
                os.close(fd)
        if found := victim(packet):
            name, kernel_ns = found
            events.setdefault(name, (kernel_ns, time.clock_gettime_ns(time.CLOCK_BOOTTIME)))


async def read_calls(bystander: Bystander, calls: dict[str, int]) -> None:
    while True:
        shown = await bystander.shown.get()
        if found := re.search(r"greedy-\d+", shown.title + shown.body):
            calls.setdefault(found[0], time.clock_gettime_ns(time.CLOCK_BOOTTIME))


async def main() -> None:
    events: dict[str, tuple[int, int]] = {}
    calls: dict[str, int] = {}
    bystander = Bystander()
    await bystander.watch()
    with tempfile.NamedTemporaryFile("w", suffix=".toml") as rules:
        rules.write(RULES)
        rules.flush()
        words = [Path(sys.executable).with_name("smoothtask"), "--hidden", "--rules", rules.name]
        app = await create_subprocess_exec(*words, stdout=DEVNULL, stderr=DEVNULL)
        bus = await MessageBus(bus_type=BusType.SYSTEM, negotiate_unix_fd=True).connect()
        stream = await open_stream(bus, 60_000)
        readers = [asyncio.create_task(read_events(stream, events)), asyncio.create_task(read_calls(bystander, calls))]
        await asyncio.wait(readers, timeout=float(sys.argv[1]))
        app.terminate()
        await app.wait()
    print(json.dumps({"events": events, "calls": calls}))


if __name__ == "__main__":
    asyncio.run(main())
