"""Datagrams of every kind, each case in a process of its own; JSON: its pid, and what its calls returned."""

from __future__ import annotations

import contextlib
import json
import os
import select
import socket
import struct
import tempfile
import traceback
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

V4, V6 = "127.0.0.1", "::1"
MAPPED = "::ffff:127.0.0.1"
SIZES = (0, 1, 2, 100, 1472, 9000)
UDP_CORK, UDP_SEGMENT = 1, 103  # include/uapi/linux/udp.h
IP_RECVERR, MSG_ERRQUEUE = 11, 0x2000  # include/uapi/linux/in.h, include/linux/socket.h
PATIENCE_S = 60.0


@dataclass
class Talk:
    """What send(2) and recv(2) returned to one process; failed calls and looks ahead aren't in it."""

    sent: int = 0
    sent_bytes: int = 0
    received: int = 0
    received_bytes: int = 0

    def send(self, one: socket.socket, size: int, to: Any = None, flags: int = 0) -> None:
        done = one.send(bytes(size), flags) if to is None else one.sendto(bytes(size), flags, to)
        self.sent += 1
        self.sent_bytes += done

    def take(self, one: socket.socket, room: int = 65536, flags: int = 0) -> None:
        done = one.recv_into(bytearray(room), room, flags)
        self.received += 1
        self.received_bytes += done


def bound(host: str) -> socket.socket:
    """A UDP socket with a port of its own, one of IPv6 that takes IPv4 too where the host is any."""
    one = socket.socket(socket.AF_INET if "." in host and ":" not in host else socket.AF_INET6, socket.SOCK_DGRAM)
    if host == "::":
        one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    one.bind((host, 0))
    one.settimeout(PATIENCE_S)
    return one


def to_and_fro(talk: Talk, near: socket.socket, far: socket.socket, host: str, back: str) -> None:
    """Unconnected, then connected, all sizes both ways; `host` is how the near end calls the far one."""
    there, here = (host, far.getsockname()[1]), (back, near.getsockname()[1])
    for size in SIZES:
        talk.send(near, size, there)
        talk.take(far)
        talk.send(far, size, here)
        talk.take(near)
    near.connect(there)
    far.connect(here)
    for size in SIZES:
        talk.send(near, size)
        talk.take(far)
        talk.send(far, size)
        talk.take(near)


def plain(host: str) -> Callable[[Talk], None]:
    def case(talk: Talk) -> None:
        with bound(host) as near, bound(host) as far:
            to_and_fro(talk, near, far, host, host)

    return case


def mapped(talk: Talk) -> None:
    """An IPv6 socket that speaks IPv4 with one that knows nothing else, and with its like."""
    with bound("::") as near, bound(V4) as far:
        to_and_fro(talk, near, far, MAPPED, V4)
    with bound("::") as near, bound("::") as far:
        to_and_fro(talk, near, far, MAPPED, MAPPED)


def looked_at(talk: Talk) -> None:
    for host in (V4, V6):
        with bound(host) as one:
            talk.send(one, 300, one.getsockname())
            for _ in range(3):
                assert len(one.recv(1000, socket.MSG_PEEK)) == 300
            talk.take(one)


def cut_short(talk: Talk) -> None:
    """10 bytes of 100 count as 10, unless the caller asks for the datagram's size: as recv(2) returns it."""
    for host in (V4, V6):
        with bound(host) as one:
            for flags in (0, socket.MSG_TRUNC):
                talk.send(one, 100, one.getsockname())
                talk.take(one, 10, flags)
    assert talk.received_bytes == 220


def corked(talk: Talk) -> None:
    """Three calls, one datagram."""
    for host in (V4, V6):
        with bound(host) as one:
            one.connect(one.getsockname())
            for size, flags in ((10, socket.MSG_MORE), (20, socket.MSG_MORE), (30, 0)):
                talk.send(one, size, flags=flags)
            talk.take(one)
            one.setsockopt(socket.IPPROTO_UDP, UDP_CORK, 1)
            talk.send(one, 40)
            one.setsockopt(socket.IPPROTO_UDP, UDP_CORK, 0)
            talk.take(one)
    assert (talk.sent, talk.received) == (8, 4)


def segmented(talk: Talk) -> None:
    """One call, ten datagrams."""
    for host in (V4, V6):
        with bound(host) as one:
            one.connect(one.getsockname())
            one.setsockopt(socket.IPPROTO_UDP, UDP_SEGMENT, 100)
            talk.send(one, 1000)
            for _ in range(10):
                talk.take(one)
    assert (talk.sent, talk.received) == (2, 20)


def failed(talk: Talk) -> None:
    """Nothing there to receive; a port where nobody listens; and the error queue, which is nobody's datagram."""
    with bound(V4) as one, bound(V4) as gone:
        one.setsockopt(socket.IPPROTO_IP, IP_RECVERR, 1)
        one.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            talk.take(one)
        one.connect(gone.getsockname())
        gone.close()
        talk.send(one, 50)
        refusals = select.poll()
        refusals.register(one, 0)
        assert refusals.poll(PATIENCE_S * 1000), "no refusal arrived"
        with contextlib.suppress(ConnectionRefusedError):
            talk.send(one, 60)
        assert one.recv(100, MSG_ERRQUEUE) == bytes(50)
    assert (talk.sent, talk.received) == (1, 0)


def from_a_file(talk: Talk) -> None:
    with tempfile.TemporaryFile() as file:
        file.write(bytes(1000))
        file.flush()
        for host in (V4, V6):
            with bound(host) as one:
                one.connect(one.getsockname())
                talk.sent_bytes += os.sendfile(one.fileno(), file.fileno(), 0, 1000)
                talk.sent += 1
                talk.take(one)
    assert talk.sent_bytes == 2000


def raw(talk: Talk) -> None:
    """Whoever writes the headers too sends no datagram through UDP; who takes it there does receive one."""
    with bound(V4) as one, socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP) as other:
        port = one.getsockname()[1]
        other.sendto(struct.pack("!HHHH", 9, port, 8 + 5, 0) + bytes(5), (V4, 0))
        talk.take(one)
    assert (talk.sent, talk.received_bytes) == (0, 5)


CASES: dict[str, Callable[[Talk], None]] = {
    "v4": plain(V4),
    "v6": plain(V6),
    "v4-mapped": mapped,
    "looked at": looked_at,
    "cut short": cut_short,
    "corked": corked,
    "segmented": segmented,
    "failed": failed,
    "from a file": from_a_file,
    "raw": raw,
}


def told_by_child(work: Callable[[], Any]) -> tuple[int, Any]:
    """Forks; the child's pid, and what `work` gave there, None if it raised (stderr says what)."""
    reading, writing = os.pipe()
    pid = os.fork()
    if not pid:
        try:
            os.write(writing, json.dumps(work()).encode())
        except Exception:  # noqa: BLE001 - whatever it is, the parent must not go on twice
            traceback.print_exc()
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        said = pipe.read()
    os.waitpid(pid, 0)
    return pid, json.loads(said) if said else None


def run(name: str) -> tuple[int, dict[str, int] | None]:
    """Of one case, its pid and its Talk; None if it failed, with its words on stderr."""

    def work() -> dict[str, int]:
        talk = Talk()
        CASES[name](talk)
        return asdict(talk)

    return told_by_child(work)


if __name__ == "__main__":
    print(json.dumps({name: run(name) for name in CASES}))
