"""Promises of `sources/focus/x11.py`, on servers made here, good and bad; a real one is in the desktop lane."""

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from smoothtask_gui.domain.focus import Focus, is_full_screen
from smoothtask_gui.sources.focus.x11 import WAYLAND, X11Focus
from smoothtask_gui.sources.focus.x11_line import ANSWER_S

ROOT, WINDOW, OTHER = 0x100, 0x2A, 0x2B
NAMES = [b"_NET_ACTIVE_WINDOW", b"_NET_CLIENT_LIST", b"_NET_WM_STATE", b"_NET_WM_STATE_FULLSCREEN"]
NAMES += [b"_NET_WM_STATE_HIDDEN", b"_NET_WM_PID", b"WM_CLIENT_MACHINE"]
ACTIVE, CLIENTS, STATE, FULL, HIDDEN, PID, MACHINE = range(1, 8)
RESOURCE = 150  # the major opcode of X-Resource here
SETUP = struct.pack("<B5xH", 1, 20) + bytes(16) + struct.pack("<HHBB10x", 7, 0xFFFF, 1, 2) + b"a maker\0" + bytes(16)
SETUP += struct.pack("<I", ROOT) + bytes(20)
HOST = "here"
OURS = {(ROOT, ACTIVE): (WINDOW,), (ROOT, CLIENTS): (WINDOW, OTHER), (WINDOW, STATE): (), (OTHER, STATE): ()}
OWNED = {(WINDOW, PID): (700,), (WINDOW, MACHINE): b"here", (OTHER, PID): (800,), (OTHER, MACHINE): b"here"}


@dataclass
class Server:
    """One X connection: answers from `properties` and `owners`, or with `instead` of everything after the setup."""

    properties: dict[tuple[int, int], tuple[int, ...] | bytes] = field(default_factory=lambda: OURS | OWNED)
    owners: dict[int, int] | None = None  # None: no X-Resource here
    instead: bytes | None = None
    setup: bytes = SETUP
    secret: bytes = b""
    watched: set[int] = field(default_factory=set)
    asked: set[int] = field(default_factory=set)
    line: socket.socket | None = None
    sent: int = 0

    def serve(self, line: socket.socket) -> None:
        with line, suppress(OSError, struct.error):
            self.line = line
            names = struct.unpack("<BxHHHHxx", line.recv(12))
            padding = -names[3] % 4
            self.secret = line.recv(names[3] + padding + names[4])[names[3] + padding :] if names[3] else b""
            line.sendall(self.setup)
            while head := line.recv(4):
                kind, minor, words = struct.unpack("<BBH", head)
                rest = b""
                while len(rest) < 4 * words - 4:
                    rest += line.recv(4 * words - 4 - len(rest))
                self.sent += 1
                line.sendall(self.instead if self.instead is not None else self.answer(kind, minor, rest))

    def answer(self, kind: int, minor: int, rest: bytes) -> bytes:
        match kind:
            case 2:
                window, _, mask = struct.unpack("<III", rest)
                (self.watched.add if mask else self.watched.discard)(window)
                return b""
            case 16:
                return self.reply(struct.pack("<I20x", NAMES.index(rest[4 : 4 + struct.unpack("<H", rest[:2])[0]]) + 1))
            case 20:
                return self.property(*struct.unpack("<II", rest[:8]))
            case 43:
                return self.reply(bytes(24))
            case 98:
                return self.reply(struct.pack("<BB22x", self.owners is not None, RESOURCE))
        return self.resource(minor, rest)

    def resource(self, minor: int, rest: bytes) -> bytes:
        if minor == 0:
            return self.reply(struct.pack("<HH20x", 1, 2))
        (window,) = struct.unpack("<I", rest[4:8])
        owner = (self.owners or {}).get(window)
        content = b"" if owner is None else struct.pack("<IIII", window, 2, 4, owner)
        return self.reply(struct.pack("<I20x", 1 if content else 0), content)

    def property(self, window: int, name: int) -> bytes:
        self.asked.add(name)
        if window not in {known for known, _ in self.properties}:
            return struct.pack("<BBHI24x", 0, 3, self.sent, window)  # BadWindow
        value = self.properties.get((window, name), b"")
        content = value if isinstance(value, bytes) else struct.pack(f"<{len(value)}I", *value)
        width = 8 if isinstance(value, bytes) else 32
        count = len(content) * 8 // width
        body = struct.pack("<III12x", 1 if count else 0, 0, count)  # type, bytes after, number of values
        return self.reply(body, content + bytes(-len(content) % 4), width if count else 0)

    def reply(self, body: bytes, more: bytes = b"", extra: int = 0) -> bytes:
        return struct.pack("<BBHI", 1, extra, self.sent, len(more) // 4) + body.ljust(24, b"\0")[:24] + more

    def change(self, window: int, name: int, value: tuple[int, ...]) -> None:
        """As the window manager would, with the event that tells of it."""
        self.properties[window, name] = value
        assert self.line is not None
        self.line.sendall(struct.pack("<BxHIII16x", 28, self.sent, window, name, 0))


@contextmanager
def display(server: Server) -> Iterator[dict[str, str]]:
    with socket.socket(socket.AF_UNIX) as listening:
        number = next(number for number in range(7000, 8000) if _bound(listening, number))
        listening.listen()
        thread = threading.Thread(target=lambda: server.serve(listening.accept()[0]), daemon=True)
        thread.start()
        yield {"DISPLAY": f":{number}.0", "HOME": "/nonexistent"}
        thread.join(60)


def _bound(listening: socket.socket, number: int) -> bool:
    try:
        listening.bind(f"\0/tmp/.X11-unix/X{number}")
    except OSError:
        return False
    return True


def looked(server: Server, answer_s: float = ANSWER_S, **more: str) -> X11Focus:
    with display(server) as environment:
        focus = X11Focus(environment | more, HOST, answer_s)
        asyncio.run(focus.look())
    return focus


def test_active_window_and_windows_are_told_by_their_owners() -> None:
    focus = looked(Server())
    assert focus.latest == Focus(True, 700, False, True, (700, 800))
    assert focus.reason == ""


def test_the_x_servers_word_about_an_owner_comes_before_the_programs_own() -> None:
    assert looked(Server(owners={WINDOW: 4242})).latest == Focus(True, 4242, False, True, (800, 4242))


def test_titles_are_never_read() -> None:
    server = Server()
    looked(server)
    assert server.asked == {ACTIVE, CLIENTS, STATE, PID, MACHINE}


@pytest.mark.parametrize(("states", "full"), [((FULL,), True), ((9, FULL), True), ((9,), False), ((), False)])
def test_a_window_that_fills_the_screen_is_told(states: tuple[int, ...], full: bool) -> None:
    assert is_full_screen(looked(Server(OURS | OWNED | {(WINDOW, STATE): states})).latest) is full


def test_a_minimised_window_is_none() -> None:
    focus = looked(Server(OURS | OWNED | {(OTHER, STATE): (HIDDEN,)}))
    assert focus.latest == Focus(True, 700, False, True, (700,))


def test_while_no_window_is_active_none_is_in_focus() -> None:
    focus = looked(Server(OURS | OWNED | {(ROOT, ACTIVE): (0,)}))
    assert focus.latest == Focus(True, None, False, True, (700, 800))


@pytest.mark.parametrize("machine", [b"elsewhere", b""])
def test_an_owner_on_another_machine_or_nowhere_isnt_known(machine: bytes) -> None:
    focus = looked(Server(OURS | OWNED | {(WINDOW, MACHINE): machine}))
    assert focus.latest == Focus(False, None, False, False, (800,))


def test_where_nobody_looks_after_windows_nobody_tells() -> None:
    focus = looked(Server({(ROOT, STATE): ()}))
    assert focus.latest == Focus()
    assert "no window manager" in focus.reason


def test_a_window_that_has_just_gone_is_left_out() -> None:
    found = {key: value for key, value in (OURS | OWNED).items() if key[0] != OTHER}
    assert looked(Server(found)).latest == Focus(True, 700, False, True, (700,))


def test_under_wayland_an_x_window_in_focus_is_known_and_nothing_else() -> None:
    focus = looked(Server(), WAYLAND_DISPLAY="wayland-0")
    assert focus.latest == Focus(True, 700, False, False, (700, 800))
    assert focus.reason == WAYLAND
    asleep = looked(Server(OURS | OWNED | {(ROOT, ACTIVE): (0,)}), WAYLAND_DISPLAY="wayland-0")
    assert asleep.latest == Focus(False, None, False, False, (700, 800))


def test_changes_are_followed_by_events_and_a_server_that_goes_leaves_nothing_known() -> None:
    server = Server()

    async def story(focus: X11Focus) -> None:
        following = asyncio.ensure_future(focus.run())
        await until(lambda: focus.latest == Focus(True, 700, False, True, (700, 800)))
        await until(lambda: server.watched == {ROOT, WINDOW})
        server.change(WINDOW, STATE, (FULL,))
        await until(lambda: is_full_screen(focus.latest) is True)
        server.change(ROOT, ACTIVE, (OTHER,))
        await until(lambda: focus.latest == Focus(True, 800, False, True, (700, 800)))
        await until(lambda: server.watched == {ROOT, OTHER})
        assert server.line is not None
        server.line.shutdown(socket.SHUT_RDWR)
        await until(lambda: focus.latest is None)
        assert focus.reason == "the X server went away"
        following.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await following

    with display(server) as environment:
        asyncio.run(story(X11Focus(environment, HOST)))


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not holds():  # noqa: ASYNC110 - the server lives in a thread
            await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    "instead",
    [b"", b"\0" * 32, struct.pack("<BBHI24x", 1, 32, 1, 2**31), b"\1" * 31, b"\x55" * 64, bytes(range(256))],
    ids=["silence", "error", "huge", "cut", "events", "nonsense"],
)
def test_answers_that_make_no_sense_are_no_answer(instead: bytes) -> None:
    focus = looked(Server(instead=instead), 0.2)
    assert focus.latest is None or not focus.latest.active_known
    assert focus.reason


@pytest.mark.parametrize(
    "setup", [b"", SETUP[:8], struct.pack("<B5xH", 0, 2) + bytes(8), struct.pack("<B5xH", 1, 1) + bytes(4)]
)
def test_a_server_that_lets_nobody_in_is_no_answer(setup: bytes) -> None:
    focus = looked(Server(setup=setup), 0.2)
    assert focus.latest is None
    assert "X server" in focus.reason


@pytest.mark.parametrize("where", ["", ":", ":x", "wayland-0", ":6999"])
def test_without_an_x_server_nobody_can_tell(where: str) -> None:
    focus = X11Focus({"DISPLAY": where}, HOST)
    asyncio.run(focus.look())
    assert focus.latest is None
    assert "X " in focus.reason


def test_the_displays_secret_is_handed_over(tmp_path: Path) -> None:
    server = Server()
    with display(server) as environment:
        number = environment["DISPLAY"].strip(":").partition(".")[0].encode()
        other = _entry(b"1", b"other-secret-00!")
        (tmp_path / "auth").write_bytes(other + _entry(number, b"sixteen-bytes-ok"))
        focus = X11Focus(environment | {"XAUTHORITY": str(tmp_path / "auth")}, HOST)
        asyncio.run(focus.look())
        assert focus.latest is not None
    assert server.secret == b"sixteen-bytes-ok"


def _entry(display: bytes, secret: bytes) -> bytes:
    fields = (b"host", display, b"MIT-MAGIC-COOKIE-1", secret)
    return struct.pack(">H", 256) + b"".join(struct.pack(">H", len(part)) + part for part in fields)
