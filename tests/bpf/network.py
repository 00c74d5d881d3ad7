"""What the socket tests share: a network namespace of one's own, socket rows by name, and the words of ss(8)."""

from __future__ import annotations

import ctypes
import os
import re
import socket
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from helper.probes.socket_events import traffic_seen_by
from smoothtask_gui.sources.records import SOCKET, TRAFFIC
from smoothtask_gui.sources.records import SOCKET_OWNER as OWNER
from tests.bpf.machine import EVERYTHING, LAYOUTS
from tests.contract.layout import read_constants

if TYPE_CHECKING:
    from collections.abc import Iterator

    from helper.probes.socket_events import SocketEvents
    from helper.probes.socket_owners import SocketOwners
    from helper.probes.sockets import Sockets
    from helper.probes.visibility import Visibility

CLONE_NEWNET: Final = 0x40000000
CONSTANTS: Final = read_constants()
HEAD_BYTES: Final = LAYOUTS["st_event"].size
STATES: Final = (
    "",
    "ESTAB",
    "SYN-SENT",
    "SYN-RECV",
    "FIN-WAIT-1",
    "FIN-WAIT-2",
    "TIME-WAIT",
    "UNCONN",
    "CLOSE-WAIT",
    "LAST-ACK",
    "LISTEN",
    "CLOSING",
)
Rows = npt.NDArray[np.void]


@contextmanager
def private_network() -> Iterator[None]:
    """A network namespace with a loopback and nothing else, for this thread; children inherit it."""
    libc = ctypes.CDLL(None, use_errno=True)
    before = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        assert libc.unshare(CLONE_NEWNET) == 0, os.strerror(ctypes.get_errno())
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        yield
    finally:
        assert libc.setns(before, CLONE_NEWNET) == 0, os.strerror(ctypes.get_errno())
        os.close(before)


def take_sockets(sockets: Sockets, visibility: Visibility = EVERYTHING) -> Rows:
    buffer = memoryview(bytearray(1 << 21))
    reading = sockets.read_into(buffer, visibility)
    assert not reading.truncated
    return np.frombuffer(bytes(buffer[: reading.byte_count]), SOCKET)


def take_owners(owners: SocketOwners, visibility: Visibility = EVERYTHING) -> Rows:
    buffer = memoryview(bytearray(1 << 21))
    reading = owners.read_into(buffer, visibility)
    assert not reading.truncated
    return np.frombuffer(bytes(buffer[: reading.byte_count]), OWNER)


def traffic_of(events: SocketEvents, pid: int, visibility: Visibility = EVERYTHING) -> np.void:
    """The one row of a process; a row of zeros if it has none."""
    rows = np.frombuffer(traffic_seen_by(visibility, events.read_traffic()), TRAFFIC)
    found = rows[rows["pid"] == pid]
    assert len(found) <= 1
    row: np.void = found[0] if len(found) else np.zeros(1, TRAFFIC)[0]
    return row


def row_of(rows: Rows, one: socket.socket) -> np.void:
    """The row of a socket of this process."""
    found = rows[rows["inode"] == os.fstat(one.fileno()).st_ino]
    assert len(found) == 1, f"{len(found)} rows"
    row: np.void = found[0]
    return row


def pair(host: str = "127.0.0.1", family: int = socket.AF_INET) -> tuple[socket.socket, socket.socket]:
    """(client, server) of one TCP connection."""
    with socket.create_server((host, 0), family=family) as listener:
        client = socket.create_connection(listener.getsockname()[:2])
        return client, listener.accept()[0]


@dataclass(frozen=True, slots=True, order=True)
class Shown:
    """A line of ss, without what differs from one moment to the next."""

    protocol: str
    state: str
    receive_queue: int
    send_queue: int
    local: str
    remote: str
    cookie: int
    inode: int


def shown_by_ss(line: str) -> Shown:
    protocol, state, receive_queue, send_queue, local, remote, *_ = line.split()
    cookie, inode = re.search(r" sk:([0-9a-f]+)", line), re.search(r" ino:(\d+)", line)
    assert cookie, line
    number = int(inode[1]) if inode else 0
    return Shown(protocol, state, int(receive_queue), int(send_queue), local, remote, int(cookie[1], 16), number)


def shown_by_us(row: np.void) -> Shown:
    return Shown(
        {6: "tcp", 17: "udp"}[int(row["protocol"])],
        STATES[row["state"]],
        int(row["receive_queue_bytes"]),
        int(row["send_queue_bytes"]),
        endpoint(row, "local"),
        endpoint(row, "remote"),
        int(row["cookie"]),
        int(row["inode"]),
    )


def endpoint(row: np.void, side: str) -> str:
    """As ss writes it: * for any IPv6 address of a socket that takes IPv4 too."""
    address, family = bytes(row[side]), int(row["family"])
    if family == socket.AF_INET:
        assert address[4:] == bytes(12)
        host = socket.inet_ntop(family, address[:4])
    elif address == bytes(16) and not row["is_ipv6_only"]:
        host = "*"
    else:
        host = f"[{socket.inet_ntop(family, address)}]"
    port = int(row[f"{side}_port"])
    return f"{host}:{port or '*'}"


def ss_lines() -> list[str]:
    result = subprocess.run(["ss", "-HtunapeiO"], check=True, capture_output=True, text=True)
    return result.stdout.splitlines()
