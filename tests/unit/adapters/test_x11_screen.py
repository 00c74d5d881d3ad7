"""Promises of `adapters/x11_screen.py` towards servers that misbehave; a real one is in the desktop lane."""

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from smoothtask_gui.adapters.x11_screen import is_full_screen

ROOT, WINDOW = 0x100, 0x2A
ATOMS = {b"_NET_ACTIVE_WINDOW": 1, b"_NET_WM_STATE": 2, b"_NET_WM_STATE_FULLSCREEN": 3}
SETUP = struct.pack("<B5xH", 1, 20) + bytes(16) + struct.pack("<HHBB10x", 7, 0xFFFF, 1, 2) + b"a maker\0" + bytes(16)
SETUP += struct.pack("<I", ROOT) + bytes(20)


def reply(count: int = 0, values: bytes = b"", kind: int = 32) -> bytes:
    return struct.pack("<BBHIII", 1, kind, 0, len(values) // 4, 32, 0) + struct.pack("<I12x", count) + values


class Server:
    """One X connection: answers by the window's states, or with `instead` of everything after the setup."""

    def __init__(self, states: tuple[int, ...], instead: bytes | None, setup: bytes) -> None:
        self.states, self.instead, self.setup = states, instead, setup
        self.secret = b""

    def serve(self, line: socket.socket) -> None:
        with line, suppress(OSError, struct.error):
            names = struct.unpack("<BxHHHHxx", line.recv(12))
            self.secret = (
                line.recv(names[3] + -names[3] % 4 + names[4])[names[3] + -names[3] % 4 :] if names[3] else b""
            )
            line.sendall(self.setup)
            while head := line.recv(4):
                kind, _, words = struct.unpack("<BBH", head)
                rest = line.recv(4 * words - 4)
                line.sendall(self.instead if self.instead is not None else self.answer(kind, rest))

    def answer(self, kind: int, rest: bytes) -> bytes:
        if kind == 16:
            return struct.pack("<BBHIII16x", 1, 0, 0, 0, ATOMS[rest[4 : 4 + struct.unpack("<H", rest[:2])[0]]], 0)
        window, atom = struct.unpack("<II", rest[:8])
        values = {(ROOT, 1): (WINDOW,), (WINDOW, 2): self.states}[window, atom]
        return reply(len(values), struct.pack(f"<{len(values)}I", *values))


@contextmanager
def display(
    states: tuple[int, ...] = (), instead: bytes | None = None, setup: bytes = SETUP
) -> Iterator[tuple[dict[str, str], Server]]:
    with socket.socket(socket.AF_UNIX) as listening:
        number = next(number for number in range(7000, 8000) if _bound(listening, number))
        listening.listen()
        server = Server(states, instead, setup)
        thread = threading.Thread(target=lambda: server.serve(listening.accept()[0]), daemon=True)
        thread.start()
        yield {"DISPLAY": f":{number}.0", "HOME": "/nonexistent"}, server
        thread.join(60)


def _bound(listening: socket.socket, number: int) -> bool:
    try:
        listening.bind(f"\0/tmp/.X11-unix/X{number}")
    except OSError:
        return False
    return True


@pytest.mark.parametrize(("states", "full"), [((3,), True), ((9, 3), True), ((9,), False), ((), False)])
def test_the_active_windows_state_is_told(states: tuple[int, ...], full: bool) -> None:
    with display(states) as (environment, _):
        assert is_full_screen(environment) is full


@pytest.mark.parametrize(
    "instead",
    [b"", b"\0" * 32, struct.pack("<BBHI24x", 1, 32, 0, 2**31), b"\1" * 31, reply(2**31 - 1)],
    ids=["silence", "error", "huge", "cut", "count"],
)
def test_answers_that_make_no_sense_are_no_answer(instead: bytes) -> None:
    with display((3,), instead) as (environment, _):
        assert is_full_screen(environment) is not True


@pytest.mark.parametrize(
    "setup", [b"", SETUP[:8], struct.pack("<B5xH", 0, 2) + bytes(8), struct.pack("<B5xH", 1, 1) + bytes(4)]
)
def test_a_server_that_lets_nobody_in_is_no_answer(setup: bytes) -> None:
    with display((3,), setup=setup) as (environment, _):
        assert is_full_screen(environment) is None


@pytest.mark.parametrize("where", ["", ":", ":x", "wayland-0", ":6999"])
def test_without_an_x_server_nobody_can_tell(where: str) -> None:
    assert is_full_screen({"DISPLAY": where}) is None


def test_the_displays_secret_is_handed_over(tmp_path: Path) -> None:
    with display((3,)) as (environment, server):
        number = environment["DISPLAY"].strip(":").partition(".")[0].encode()
        other = _entry(b"1", b"other-secret-00!")
        (tmp_path / "auth").write_bytes(other + _entry(number, b"sixteen-bytes-ok"))
        assert is_full_screen(environment | {"XAUTHORITY": str(tmp_path / "auth")}) is True
    assert server.secret == b"sixteen-bytes-ok"


def _entry(display: bytes, secret: bytes) -> bytes:
    fields = (b"host", display, b"MIT-MAGIC-COOKIE-1", secret)
    return struct.pack(">H", 256) + b"".join(struct.pack(">H", len(field)) + field for field in fields)
