"""The patient writer against a peer that doesn't read: nothing is lost, torn or reordered, and the bus lives on."""

import asyncio
import socket
from collections import deque
from types import SimpleNamespace
from typing import Any

from helper.bus.writer import PatientWriter


def writer_on(sock: socket.socket, loop: asyncio.AbstractEventLoop, ended: list[Exception]) -> PatientWriter:
    bus: Any = SimpleNamespace(
        _negotiate_unix_fd=True, _sock=sock, _loop=loop, _fd=sock.fileno(), _finalize=ended.append, unique_name=":1.1"
    )
    return PatientWriter(bus)


def read_all(peer: socket.socket, byte_count: int) -> tuple[bytes, int]:
    received, descriptors = b"", 0
    while len(received) < byte_count:
        text, fds, _, _ = socket.recv_fds(peer, 65536, 16)
        received += text
        descriptors += len(fds)
        for fd in fds:
            socket.close(fd)
    return received, descriptors


def test_what_a_full_socket_refuses_is_sent_when_it_has_room_again_in_order_and_with_its_descriptors() -> None:
    messages = [bytes([number % 251]) * 5_000 for number in range(400)]

    async def run() -> tuple[bytes, int, list[Exception]]:
        loop = asyncio.get_running_loop()
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        ended: list[Exception] = []
        writer = writer_on(ours, loop, ended)
        done = [loop.create_future() for _ in messages]
        writer.messages = deque(
            (bytearray(text), [ours.fileno()] if number % 100 == 99 else None, future)
            for number, (text, future) in enumerate(zip(messages, done, strict=True))
        )
        writer.schedule_write()
        assert not done[-1].done(), "the socket is full by now"
        received, descriptors = await asyncio.to_thread(read_all, theirs, sum(map(len, messages)))
        await asyncio.gather(*done)
        loop.remove_writer(ours.fileno())
        ours.close()
        theirs.close()
        return received, descriptors, ended

    received, descriptors, ended = asyncio.run(run())
    assert received == b"".join(messages)
    assert descriptors == 4
    assert ended == []


def test_a_peer_that_hung_up_ends_the_connection() -> None:
    async def run() -> tuple[list[Exception], BaseException | None]:
        loop = asyncio.get_running_loop()
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        theirs.close()
        ended: list[Exception] = []
        writer = writer_on(ours, loop, ended)
        future = loop.create_future()
        writer.messages.append((bytearray(b"x"), None, future))
        writer.write_callback()
        ours.close()
        return ended, future.exception()

    ended, error = asyncio.run(run())
    assert [type(each) for each in ended] == [BrokenPipeError]
    assert isinstance(error, BrokenPipeError)
