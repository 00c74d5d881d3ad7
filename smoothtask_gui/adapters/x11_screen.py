"""Whether the active window fills the screen, on X11: asked of the X server itself, over its socket.

Four requests of the X protocol (x.org, X Window System Protocol, chapters 8 and 9) and two window manager hints
(_NET_ACTIVE_WINDOW, _NET_WM_STATE: Extended Window Manager Hints 1.5). A library for it would cost megabytes in a
process that is always there. Where it can't be told (Wayland, no window manager, no access) the answer is None.
"""

from __future__ import annotations

import socket
import struct
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

ANSWER_S: Final = 2.0
COOKIE: Final = b"MIT-MAGIC-COOKIE-1"
LARGEST_REPLY: Final = 1 << 20
_INTERN_ATOM, _GET_PROPERTY = 16, 20
_LOCAL = 256  # Xauthority's family of local displays (Xauth.h, FamilyLocal)
_MOST_STATES: Final = 64


class _ScreenError(Exception):
    """The X server didn't answer as it should."""


def is_full_screen(environment: Mapping[str, str]) -> bool | None:
    """Whether the active window of DISPLAY is full-screen; None where nobody can tell. Blocks for ANSWER_S at most."""
    number = environment.get("DISPLAY", "").rpartition(":")[2].partition(".")[0]
    if not number.isdigit():
        return None
    with suppress(OSError, struct.error, _ScreenError, IndexError), _connect(number) as line:
        root = _introduce(line, _cookie(environment, number))
        window = _property(line, root, _atom(line, b"_NET_ACTIVE_WINDOW"))
        if not window or not window[0]:
            return False
        states = _property(line, window[0], _atom(line, b"_NET_WM_STATE"))
        return _atom(line, b"_NET_WM_STATE_FULLSCREEN") in states
    return None


def _connect(number: str) -> socket.socket:
    path = f"/tmp/.X11-unix/X{number}"  # noqa: S108  # where every X server has its socket
    line = socket.socket(socket.AF_UNIX)
    line.settimeout(ANSWER_S)
    for address in ("\0" + path, path):
        with suppress(OSError):
            line.connect(address)
            return line
    line.close()
    raise _ScreenError(f"no display :{number}")


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


def _introduce(line: socket.socket, secret: bytes) -> int:
    """Set the connection up; the first screen's root window."""
    name = COOKIE if secret else b""
    hello = struct.pack("<BxHHHHxx", ord("l"), 11, 0, len(name), len(secret))
    line.sendall(hello + _padded(name) + _padded(secret))
    accepted, words = struct.unpack("<B5xH", _read(line, 8))
    setup = _read(line, 4 * words)
    if accepted != 1:
        raise _ScreenError("not let in")
    vendor_size, formats = struct.unpack("<H", setup[16:18])[0], setup[21]
    screen = 32 + len(_padded(b"." * vendor_size)) + 8 * formats
    return int(struct.unpack("<I", setup[screen : screen + 4])[0])


def _atom(line: socket.socket, name: bytes) -> int:
    """The number of this name; 0, which nothing has, where nobody has used it yet."""
    padded = _padded(name)
    line.sendall(struct.pack("<BBHHxx", _INTERN_ATOM, 1, 2 + len(padded) // 4, len(name)) + padded)
    return int(struct.unpack("<I", _reply(line)[8:12])[0])


def _property(line: socket.socket, window: int, atom: int) -> tuple[int, ...]:
    """The 32-bit values of a window's property, () if it has none."""
    line.sendall(struct.pack("<BBHIIIII", _GET_PROPERTY, 0, 6, window, atom, 0, 0, _MOST_STATES))
    reply = _reply(line)
    count = struct.unpack("<I", reply[16:20])[0] if reply[1] == 32 else 0
    return struct.unpack(f"<{count}I", reply[32 : 32 + 4 * count])


def _reply(line: socket.socket) -> bytes:
    head = _read(line, 32)
    if head[0] != 1:
        raise _ScreenError("an error instead of a reply")
    return head + _read(line, 4 * struct.unpack("<I", head[4:8])[0])


def _read(line: socket.socket, size: int) -> bytes:
    if size > LARGEST_REPLY:
        raise _ScreenError("more than was asked for")
    content = b""
    while len(content) < size:
        piece = line.recv(size - len(content))
        if not piece:
            raise _ScreenError("the X server went away")
        content += piece
    return content


def _padded(text: bytes) -> bytes:
    return text + bytes(-len(text) % 4)
