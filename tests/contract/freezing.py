"""Keeps a real stream for later versions to read: run by ./dev freeze as an ordinary user beside a real sampler.

Argument: the folder. `stream.bin` holds packets as they came, each as its length (u32), its bytes, the length of its
frame (u32, 0 without one) and the frame. `told.json` is what the app of this version makes of the last frame.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import struct
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from smoothtask_gui.adapters.sampler_client import SamplerClient
from smoothtask_gui.domain.activity import TABLES
from smoothtask_gui.sources.activity_kinds import ActivityKinds
from smoothtask_gui.sources.frames import Frame, decode_frame, read_sealed
from smoothtask_gui.sources.helper_stream import KINDS
from smoothtask_gui.sources.packets import Tick, decode_packet

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np

TICKS: Final = 8
PATIENCE_S: Final = 60.0
LENGTH: Final = struct.Struct("=I")
TABLES_OF_A_FRAME: Final = ("processes", "exited", "sockets", "traffic", "block_io")


def kept(folder: Path) -> Iterator[tuple[bytes, bytes | None]]:
    """Packets and frames of a kept stream."""
    octets = (folder / "stream.bin").read_bytes()
    at = 0
    while at < len(octets):
        pieces = []
        for _ in range(2):
            (length,) = LENGTH.unpack_from(octets, at)
            at += LENGTH.size + length
            pieces.append(octets[at - length : at])
        yield pieces[0], pieces[1] or None


def told(frame: Frame) -> dict[str, dict[str, list[Any]] | None]:
    """Every table of a frame, by column; text and other octets in hexadecimal."""
    tables: dict[str, np.ndarray | None] = {name: getattr(frame, name) for name in TABLES_OF_A_FRAME}
    tables |= {name: getattr(frame.activity, name) for name, _ in TABLES}
    return {
        name: None if rows is None else {column: _plain(rows[column].tolist()) for column in rows.dtype.names or ()}
        for name, rows in tables.items()
    }


def _plain(values: list[Any]) -> list[Any]:
    return [value.hex() if isinstance(value, bytes) else value for value in values]


async def keep(folder: Path) -> None:
    client = SamplerClient()
    fd = await client.open_stream(200, KINDS | sum(ActivityKinds))
    buffer, ticks, last = bytearray(), 0, b""
    with socket.socket(fileno=fd) as stream, (folder / "stream.bin").open("wb") as file:
        stream.settimeout(PATIENCE_S)
        with socket.create_server(("127.0.0.1", 0)) as server:
            while ticks < TICKS:
                packet, fds, _, _ = socket.recv_fds(stream, 65536, 1)
                frame, item = b"", decode_packet(packet)
                if isinstance(item, Tick):
                    frame = last = bytes(read_sealed(fds[0], item.frame_bytes, buffer))
                    os.close(fds[0])
                    ticks += 1
                    _live(server, ticks)
                for piece in (packet, frame):
                    file.write(LENGTH.pack(len(piece)) + piece)
    await client.close()
    tables = (f"{json.dumps(name)}: {json.dumps(table)}" for name, table in told(decode_frame(last)).items())
    (folder / "told.json").write_text("{\n" + ",\n".join(tables) + "\n}\n")


def _live(server: socket.socket, tick: int) -> None:
    """Processes that end, one of them seen by a tick, and a connection that closes: for events and rows of the dead."""
    subprocess.run(["/bin/true"], check=True)
    if tick % 2:
        subprocess.Popen(["/bin/sleep", "0.3"])  # longer than a period
    with socket.create_connection(server.getsockname()) as near, server.accept()[0] as far:
        near.sendall(b"kept")
        far.recv(4)


if __name__ == "__main__":
    asyncio.run(keep(Path(sys.argv[1])))
