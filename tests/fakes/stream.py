"""The helper's side of a stream, in the test's own process: frames, packets and a `StreamOpener`."""

from __future__ import annotations

import fcntl
import os
import socket
from typing import TYPE_CHECKING

import numpy as np

from smoothtask_gui.domain.batch import EXITED
from smoothtask_gui.sources import records
from smoothtask_gui.sources.frames import SEALS
from smoothtask_gui.sources.protocol import SourceError

if TYPE_CHECKING:
    from collections.abc import Iterable


def tasks(*rows: dict[str, object]) -> np.ndarray:
    """Task rows; `tgid` is `pid` unless given."""
    made = np.zeros(len(rows), records.TASK)
    for at, row in enumerate(rows):
        for name, value in {"tgid": row.get("pid", 0), "threads": 1, "state": b"S", "comm": b"x", **row}.items():
            made[name][at] = value
    return made


def exited(*rows: dict[str, object]) -> np.ndarray:
    made = np.zeros(len(rows), EXITED)
    for at, row in enumerate(rows):
        for name, value in row.items():
            made[name][at] = value
    return made


def frame(*sections: tuple[int, np.ndarray], boottime_ns: int = 1_000, grown_by: int = 0, truncated: int = 0) -> bytes:
    """A frame of (kind, rows); records are `grown_by` bytes longer than ours, as a newer helper's."""
    head = np.zeros(1, records.FRAME)
    table = np.zeros(len(sections), records.SECTION)
    offset = records.FRAME.itemsize + table.nbytes
    head["magic"], head["version"], head["section_count"] = records.FRAME_MAGIC, 1, len(sections)
    head["header_bytes"], head["period_ms"], head["boottime_ns"] = offset, 1000, boottime_ns
    body = b""
    for at, (kind, rows) in enumerate(sections):
        width = rows.dtype.itemsize + grown_by
        octets = b"".join(row.tobytes() + b"\xee" * grown_by for row in rows)
        table[at] = (kind, width, len(rows), truncated, offset + len(body))
        body += octets
    head["frame_bytes"] = offset + len(body)
    return head.tobytes() + table.tobytes() + body


def packet(kind: int, body: bytes = b"", version: int = records.STREAM_VERSION) -> bytes:
    head = np.zeros(1, records.PACKET)
    head[0] = (records.PACKET_MAGIC, version, kind, records.PACKET.itemsize + len(body), 0)
    return head.tobytes() + body


def struct(dtype: np.dtype, **values: object) -> bytes:
    made = np.zeros(1, dtype)
    for name, value in values.items():
        made[name] = value
    return made.tobytes()


def event(dtype: np.dtype, kind: int, boottime_ns: int = 5, **values: object) -> bytes:
    made = np.zeros(1, dtype)
    made["head"] = (kind, dtype.itemsize, boottime_ns)
    for name, value in values.items():
        made[name] = value
    return packet(records.PacketKind.EVENT, made.tobytes())


def sealed(octets: bytes, seals: int = SEALS) -> int:
    fd = os.memfd_create("frame", os.MFD_ALLOW_SEALING | os.MFD_CLOEXEC)
    os.write(fd, octets)
    fcntl.fcntl(fd, fcntl.F_ADD_SEALS, seals)
    return fd


class FakeHelper:
    """A `StreamOpener` whose helper end the test holds. `refusals` are raised by the first calls."""

    def __init__(self, refusals: Iterable[str] = ()) -> None:
        self._refusals = list(refusals)
        self.opened = 0
        self.closed = 0
        self.asked: list[tuple[int, int]] = []
        self.changed: list[tuple[int, int]] = []
        self.end: socket.socket | None = None
        self.sequence = 0

    async def open_stream(self, period_ms: int, kinds: int, *, interactive: bool = False) -> int:
        self.asked.append((period_ms, kinds))
        if self._refusals:
            raise SourceError(self._refusals.pop(0))
        self.opened += 1
        if self.end is not None:
            self.end.close()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.end = ours
        self.hello(kinds=kinds)
        return theirs.detach()

    async def change_period(self, stream_id: int, period_ms: int) -> None:
        if self._refusals:
            raise SourceError(self._refusals.pop(0))
        self.changed.append((stream_id, period_ms))

    async def close(self) -> None:
        self.closed += 1
        if self.end is not None:
            self.end.close()

    def hello(self, visibility: int = records.Visibility.ALL, kinds: int = 0) -> None:
        body = struct(records.HELLO, stream_id=7, period_ms=1000, kinds=kinds, visibility=visibility, uid=os.getuid())
        self.send(packet(records.PacketKind.HELLO, body))

    def send(self, octets: bytes, fds: Iterable[int] = ()) -> None:
        assert self.end is not None
        held = list(fds)
        socket.send_fds(self.end, [octets], held)
        for fd in held:
            os.close(fd)

    def tick(self, octets: bytes, lost_ticks: int = 0, lost_events: int = 0, seals: int = SEALS) -> None:
        self.sequence += 1
        body = struct(
            records.TICK,
            sequence=self.sequence,
            lost_ticks=lost_ticks,
            lost_events=lost_events,
            frame_bytes=len(octets),
        )
        self.send(packet(records.PacketKind.TICK, body), [sealed(octets, seals)])
