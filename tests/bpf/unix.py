"""What the tests of unix sockets share: rows by socket, sockets of every kind, and the words of ss(8)."""

from __future__ import annotations

import os
import socket
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from helper.probes.unix_table import UnixTables
from smoothtask_gui.domain.activity import UNIX_HOLDER, UNIX_SOCKET
from tests.bpf.machine import EVERYTHING

if TYPE_CHECKING:
    from contextlib import ExitStack
    from pathlib import Path

    from helper.probes.unix_sockets import UnixSockets
    from helper.probes.visibility import Visibility

Rows = npt.NDArray[np.void]
TYPES: Final = {"u_str": 1, "u_dgr": 2, "u_seq": 5}
STATES: Final = {"ESTAB": 1, "UNCONN": 7, "LISTEN": 10}
LISTEN: Final = STATES["LISTEN"]


def take(probe: UnixSockets, visibility: Visibility = EVERYTHING) -> tuple[Rows, Rows]:
    rooms = [memoryview(bytearray(1 << 21)) for _ in range(2)]
    readings = probe.read_sockets_into(rooms[0]), probe.read_holders_into(rooms[1])
    assert not any(reading.truncated for reading in readings)
    filled = [room[: reading.byte_count] for room, reading in zip(rooms, readings, strict=True)]
    seen = UnixTables(*filled).seen_by(visibility)
    return np.frombuffer(bytes(seen.sockets), UNIX_SOCKET), np.frombuffer(bytes(seen.holders), UNIX_HOLDER)


def inode_of(one: socket.socket) -> int:
    return os.fstat(one.fileno()).st_ino


def row_of(rows: Rows, one: socket.socket) -> np.void:
    found = rows[rows["inode"] == inode_of(one)]
    assert len(found) == 1, f"{len(found)} rows"
    row: np.void = found[0]
    return row


def name_of(row: np.void) -> bytes:
    assert bytes(row["name"])[int(row["name_bytes"]) :].strip(b"\0") == b""
    return bytes(row["name"])[: int(row["name_bytes"])]


def holders_of(rows: Rows, one: socket.socket) -> list[tuple[int, int]]:
    """(pid, descriptor) of all who hold it."""
    return sorted((int(row["pid"]), int(row["fd"])) for row in rows[rows["inode"] == inode_of(one)])


def listener(kept: ExitStack, name: str | bytes, kind: int = socket.SOCK_STREAM, backlog: int = 5) -> socket.socket:
    made = kept.enter_context(socket.socket(socket.AF_UNIX, kind))
    made.bind(name)
    made.listen(backlog)
    return made


@dataclass(frozen=True, slots=True, order=True)
class Shown:
    """A line of `ss -xae`, without what it doesn't tell as the kernel has it (names are in another test)."""

    type: int
    state: int
    send_queue: int
    waiting: int
    inode: int
    peer: int


def ss_lines() -> list[str]:
    return subprocess.run(["ss", "-Hxae"], check=True, capture_output=True, text=True).stdout.splitlines()


def shown_by_ss(lines: list[str]) -> list[Shown]:
    """Names may hold blanks; the inodes stand before the peer's name, which is always *, and behind it."""
    found = []
    for line in lines:
        before, _, after = line.rpartition(" * ")
        kind, state, receive_queue, send_queue, *_, inode = before.split()
        peer = after.split()[0]
        waiting = int(receive_queue) if state == "LISTEN" else 0
        found.append(Shown(TYPES[kind], STATES[state], int(send_queue), waiting, int(inode), int(peer)))
    return sorted(found)


def shown_by_us(rows: Rows) -> list[Shown]:
    return sorted(
        Shown(
            int(row["type"]),
            int(row["state"]),
            int(row["send_queue_bytes"]),
            int(row["receive_queue_messages"]) if row["state"] == LISTEN else 0,
            int(row["inode"]),
            int(row["peer_inode"]),
        )
        for row in rows
    )


def many_kinds(kept: ExitStack, folder: Path) -> None:
    """Some hundred sockets in every state that can be held still."""
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_SEQPACKET):
        for _ in range(40):
            for end in socket.socketpair(socket.AF_UNIX, kind):
                kept.enter_context(end)
        kept.enter_context(socket.socket(socket.AF_UNIX, kind))
    for number, kind in enumerate((socket.SOCK_STREAM, socket.SOCK_SEQPACKET)):
        for name in (str(folder / f"listens-{number}"), f"\0listens-{number}"):
            server = listener(kept, name, kind, backlog=7)
            for _ in range(20):
                client = kept.enter_context(socket.socket(socket.AF_UNIX, kind))
                client.connect(name)
                kept.enter_context(server.accept()[0]).sendall(b"unread" * 100)
    datagrams = kept.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
    datagrams.bind(str(folder / "datagrams"))
    for _ in range(5):
        sender = kept.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
        sender.connect(str(folder / "datagrams"))
        sender.send(b"unread")
    left, right = (kept.enter_context(end) for end in socket.socketpair())
    right.close()
    assert left.recv(1) == b""
