"""python -m benchmarks.clients STREAMS PERIOD_MS [KINDS]: read that many streams until standard input ends.

A client that costs next to nothing: it takes each packet, closes its frame unread. Prints one JSON line when each
stream has had its first batch: {"sampler_pid", "first_batch_ms"} (from the call that activates the sampler).
"""

import array
import asyncio
import json
import os
import selectors
import socket
import sys
import time

from dbus_fast import BusType, Message, MessageType
from dbus_fast.aio import MessageBus

from benchmarks.boxed import ALL_KINDS

SAMPLER = "io.github.smoothtask.Sampler1"
PATH = "/io/github/smoothtask/Sampler1"
PACKET_BYTES = 65536


async def called(bus: MessageBus, message: Message) -> Message:
    """The reply; RuntimeError with the error's own words."""
    reply = await bus.call(message)
    assert reply is not None
    if reply.message_type is MessageType.ERROR:
        raise RuntimeError(f"{message.member}: {reply.error_name}: {reply.body}")
    return reply


async def open_stream(bus: MessageBus, period_ms: int, kinds: int = ALL_KINDS) -> socket.socket:
    call = Message(
        destination=SAMPLER,
        path=PATH,
        interface=SAMPLER,
        member="OpenStream",
        signature="uu",
        body=[period_ms, kinds],
    )
    reply = await called(bus, call)
    return socket.socket(fileno=reply.unix_fds[0])


async def sampler_pid(bus: MessageBus) -> int:
    daemon = "org.freedesktop.DBus"
    asked = Message(
        destination=daemon,
        path="/org/freedesktop/DBus",
        interface=daemon,
        member="GetConnectionUnixProcessID",
        signature="s",
        body=[SAMPLER],
    )
    return int((await called(bus, asked)).body[0])


def take(stream: socket.socket) -> bool:
    """Receive one packet; True if it brought a frame. EOFError at the stream's end."""
    packet, ancillary, _, _ = stream.recvmsg(PACKET_BYTES, socket.CMSG_SPACE(4))
    if not packet:
        raise EOFError("the sampler ended the stream")
    fds = array.array("i")
    for level, kind, content in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            fds.frombytes(content)
    for fd in fds:
        os.close(fd)
    return bool(fds)


async def main() -> None:
    count, period_ms, *rest = map(int, sys.argv[1:])
    bus = await MessageBus(bus_type=BusType.SYSTEM, negotiate_unix_fd=True).connect()
    called_at = time.monotonic()
    streams = [await open_stream(bus, period_ms, *rest) for _ in range(count)]
    first_batch_ms = 0.0
    for stream in streams:
        stream.setblocking(True)
        while not take(stream):
            pass
        first_batch_ms = first_batch_ms or (time.monotonic() - called_at) * 1000
    print(json.dumps({"sampler_pid": await sampler_pid(bus), "first_batch_ms": first_batch_ms}), flush=True)
    readable = selectors.DefaultSelector()
    for source in (sys.stdin, *streams):
        readable.register(source, selectors.EVENT_READ)
    while True:
        for key, _ in readable.select():
            if key.fileobj is sys.stdin:
                return
            assert isinstance(key.fileobj, socket.socket)
            take(key.fileobj)


if __name__ == "__main__":
    asyncio.run(main())
