"""A connection to the X server: requests, replies and events, over its socket (X Window System Protocol, x.org).

The few requests that are needed, written out: python-xlib costs a process that is always there 3.3 MiB, xcffib 4.2.
Nobody waits for a server longer than ANSWER_S; one that misbehaves ends the line with `LineError`.
"""

from __future__ import annotations

import asyncio
import struct
from collections import deque
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ANSWER_S: Final = 2.0
COOKIE: Final = b"MIT-MAGIC-COOKIE-1"
LARGEST_REPLY: Final = 1 << 20
MOST_EVENTS: Final = 256
MOST_VALUES: Final = 4096
PROPERTY_NOTIFY: Final = 28
_PROPERTY_CHANGE: Final = 1 << 22  # event mask
_EVENT_MASK: Final = 1 << 11  # attribute of a window
_CHANGE_ATTRIBUTES, _INTERN_ATOM, _GET_PROPERTY, _GET_INPUT_FOCUS, _QUERY_EXTENSION = 2, 16, 20, 43, 98
_ERROR, _REPLY = 0, 1
_LOCAL = 256  # Xauthority's family of local displays (Xauth.h, FamilyLocal)


class LineError(Exception):
    """There is no X server, or it doesn't answer as it should; the message says which, in words for people."""


class Line:
    """An open connection; a context manager that closes it. `root` is the first screen's root window."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, root: int, answer_s: float) -> None:
        self._reader, self._writer, self._answer_s = reader, writer, answer_s
        self.root = root
        self._sent = 0
        self._events: deque[bytes] = deque(maxlen=MOST_EVENTS)

    @classmethod
    async def open(cls, environment: Mapping[str, str], answer_s: float = ANSWER_S) -> Self:
        """Connect to DISPLAY; every answer may take `answer_s`. Raises LineError."""
        number = environment.get("DISPLAY", "").rpartition(":")[2].partition(".")[0]
        if not number.isdigit():
            raise LineError("there is no X display")
        try:
            async with asyncio.timeout(answer_s):
                reader, writer = await _connect(number)
                try:
                    root = await _introduce(reader, writer, _cookie(environment, number))
                    return cls(reader, writer, root, answer_s)
                except BaseException:
                    writer.close()
                    raise
        except (OSError, EOFError, TimeoutError, struct.error, IndexError) as error:
            raise LineError(f"the X server of display :{number} doesn't answer as it should") from error

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self._writer.close()

    async def atoms(self, names: Sequence[bytes]) -> list[int]:
        """The number of each name."""
        requests = []
        for name in names:
            padded = _padded(name)
            requests.append(struct.pack("<BBHHxx", _INTERN_ATOM, 0, 2 + len(padded) // 4, len(name)) + padded)
        return [_number(reply, 8) for reply in await self.ask(requests)]

    async def extension(self, name: bytes) -> int:
        """The major opcode of an extension, 0 where the server hasn't got it."""
        padded = _padded(name)
        request = struct.pack("<BxHHxx", _QUERY_EXTENSION, 2 + len(padded) // 4, len(name)) + padded
        (reply,) = await self.ask([request])
        return reply[9] if reply is not None and reply[8] else 0

    async def properties(self, wanted: Sequence[tuple[int, int]]) -> list[bytes | None]:
        """The content of each (window, property), b"" where the window has none, None where there is no window."""
        requests = [struct.pack("<BBHIIIII", _GET_PROPERTY, 0, 6, *each, 0, 0, MOST_VALUES) for each in wanted]
        return [None if reply is None else _content(reply) for reply in await self.ask(requests)]

    async def watch(self, window: int, *, on: bool) -> None:
        """Be told when properties of this window change, or no more; a window that is gone tells nothing."""
        mask = _PROPERTY_CHANGE if on else 0
        self._send(struct.pack("<BxHIII", _CHANGE_ATTRIBUTES, 4, window, _EVENT_MASK, mask))
        await self._writer.drain()

    async def ask(self, requests: Sequence[bytes]) -> list[bytes | None]:
        """All at once; the reply to each in order, None for an error. Raises LineError."""
        numbers = [self._send(request) for request in requests]
        replies: dict[int, bytes | None] = {}
        try:
            async with asyncio.timeout(self._answer_s):
                await self._writer.drain()
                while numbers and numbers[-1] not in replies:
                    packet = await self._packet()
                    if packet[0] in (_ERROR, _REPLY):
                        replies[struct.unpack_from("<H", packet, 2)[0]] = packet if packet[0] == _REPLY else None
                    else:
                        self._events.append(packet)
        except (OSError, EOFError, TimeoutError) as error:
            raise LineError("the X server has stopped answering") from error
        return [replies.get(number) for number in numbers]

    async def settle(self) -> None:
        """Forget what has changed until now: it is about to be asked for."""
        await self.ask([struct.pack("<BxH", _GET_INPUT_FOCUS, 1)])
        self._events.clear()

    async def changed(self) -> tuple[int, int]:
        """Wait for a property to change: its window and which. Raises LineError when the server goes away."""
        while True:
            try:
                packet = self._events.popleft() if self._events else await self._packet()
            except (OSError, EOFError) as error:
                raise LineError("the X server went away") from error
            if packet[0] & 0x7F == PROPERTY_NOTIFY:
                return struct.unpack_from("<II", packet, 4)

    def _send(self, request: bytes) -> int:
        """Returns the request's sequence number, as replies have it."""
        self._writer.write(request)
        self._sent = (self._sent + 1) & 0xFFFF
        return self._sent

    async def _packet(self) -> bytes:
        head = await self._reader.readexactly(32)
        more = 4 * _number(head, 4) if head[0] == _REPLY else 0
        if more > LARGEST_REPLY:
            raise LineError("the X server sends more than was asked for")
        return head + await self._reader.readexactly(more)


async def _connect(number: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    path = f"/tmp/.X11-unix/X{number}"  # noqa: S108  # where every X server has its socket
    with suppress(OSError):
        return await asyncio.open_unix_connection("\0" + path)
    try:
        return await asyncio.open_unix_connection(path)
    except OSError as error:
        raise LineError(f"no X server answers at display :{number}") from error


async def _introduce(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, secret: bytes) -> int:
    """Set the connection up; the first screen's root window."""
    name = COOKIE if secret else b""
    hello = struct.pack("<BxHHHHxx", ord("l"), 11, 0, len(name), len(secret))
    writer.write(hello + _padded(name) + _padded(secret))
    accepted, words = struct.unpack("<B5xH", await reader.readexactly(8))
    setup = await reader.readexactly(4 * words)
    if accepted != 1:
        raise LineError("the X server doesn't let us in")
    vendor_size, formats = struct.unpack_from("<H", setup, 16)[0], setup[21]
    return _number(setup, 32 + len(_padded(b"." * vendor_size)) + 8 * formats)


def _cookie(environment: Mapping[str, str], number: str) -> bytes:
    """The secret that Xauthority has for this display, b"" if none."""
    file = environment.get("XAUTHORITY") or str(Path(environment.get("HOME", "/nonexistent"), ".Xauthority"))
    try:
        rest = Path(file).read_bytes()
    except OSError:
        return b""
    while len(rest) > 2:
        family, rest = struct.unpack(">H", rest[:2])[0], rest[2:]
        fields: list[bytes] = []
        for _ in range(4):  # address, display number, name, secret
            size = struct.unpack(">H", rest[:2])[0]
            fields.append(rest[2 : 2 + size])
            rest = rest[2 + size :]
        _, display, name, secret = fields
        if name == COOKIE and display in (number.encode(), b"") and family in (_LOCAL, 0xFFFF):
            return secret
    return b""


def _content(reply: bytes) -> bytes:
    """Of a GetProperty reply: format at 1 (bits a value), number of values at 16."""
    return reply[32 : 32 + _number(reply, 16) * reply[1] // 8]


def _number(packet: bytes | None, at: int) -> int:
    return 0 if packet is None else int(struct.unpack_from("<I", packet, at)[0])


def _padded(text: bytes) -> bytes:
    return text + bytes(-len(text) % 4)
