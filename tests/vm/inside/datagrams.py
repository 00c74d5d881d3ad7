"""Datagrams and small TCP messages on the guest's kernel; JSON: what was sent, and what the probe counted and cost."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any

from helper.loaders.errors import LoaderError
from helper.loaders.libbpf import Libbpf
from helper.probes import SocketEvents, SocketMemory, Sockets
from helper.probes.socket_events import TRAFFIC
from helper.probes.visibility import Mode, Visibility
from tests.vm.inside.datagram_cases import CASES, V4, run, told_by_child

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MESSAGES = 10_000
FEW_MESSAGES = 200
BRIEF_BYTES = 10
COUNTING = Path("/proc/sys/kernel/bpf_stats_enabled")


def counted(events: SocketEvents, pid: int) -> dict[str, int]:
    """A process's row: datagrams as in Talk, and of TCP what closed."""
    for row in TRAFFIC.iter_unpack(events.read_traffic()):
        if row[0] == pid:
            udp = dict(zip(("sent_bytes", "received_bytes", "sent", "received"), row[9:13], strict=True))
            return udp | {"closed": row[5], "tcp_received_bytes": row[7], "missing": row[13]}
    return {}


def run_case(events: SocketEvents, name: str) -> dict[str, Any]:
    pid, truth = run(name)
    return {"truth": truth, "counted": counted(events, pid)}


@contextlib.contextmanager
def connection() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Client and server."""
    with socket.create_server((V4, 0)) as listener:
        client = socket.create_connection(listener.getsockname())
        server = listener.accept()[0]
    with client, server:
        yield client, server


def exchange(ends: tuple[socket.socket, socket.socket], messages: int) -> None:
    """Each from the client to the server."""
    client, server = ends
    for _ in range(messages):
        client.sendall(b"x" * 64)
        server.recv(64, socket.MSG_WAITALL)


def runs_for(events: SocketEvents, messages: int) -> int | None:
    """How often the probe's programs ran while so many messages went over an open connection."""
    with connection() as ends:
        exchange(ends, 1)
        before = events.cost().runs
        exchange(ends, messages)
        after = events.cost().runs
    return None if before is None or after is None else after - before


def unread(sockets: Sockets) -> dict[str, Any]:
    """The rows while an accepted connection has not been read from, and which it is."""
    with connection() as (client, server):
        client.sendall(bytes(5))
        room = memoryview(bytearray(1 << 20))
        rows = bytes(room[: sockets.read_into(room, Visibility(Mode.SEES_ALL, 0)).byte_count])
        return {"rows": rows.hex(), "inode": os.fstat(server.fileno()).st_ino, "pid": os.getpid()}


def brief(events: SocketEvents, serve: Callable[[socket.socket], int]) -> list[dict[str, int]]:
    """A connection that no tick sees: rows of who accepted it, and of the process that `serve` names then."""
    with socket.create_server((V4, 0)) as listener:
        with socket.create_connection(listener.getsockname()) as client:
            client.sendall(bytes(BRIEF_BYTES))
        pid, other = told_by_child(lambda: serve(listener.accept()[0]))
    return [counted(events, pid), counted(events, other)]


def read_and_close(server: socket.socket) -> int:
    server.recv(BRIEF_BYTES, socket.MSG_WAITALL)
    server.close()
    return os.getpid()


def hand_on(server: socket.socket) -> int:
    """As inetd does, or a server that forks; the child's pid."""
    reading, writing = os.pipe()
    pid = os.fork()
    if not pid:
        os.close(writing)
        os.read(reading, 1)  # ends when the parent has let go of all it had
        read_and_close(server)
        os._exit(0)
    server.close()
    os.close(writing)
    os.waitpid(pid, 0)
    return pid


def the_other_way(door: Libbpf, memory: SocketMemory) -> dict[str, Any]:
    """The same probe after a refusal that a test makes up."""
    door.function_exits.rule_out(LoaderError("fexit", "attach", errno.EBUSY, hint="a test wants it so"))
    events = SocketEvents(door, memory)
    events.open()
    told = {
        "way": events.cost().way,
        "looks": events.look(1000) is not None,
        "missing": sorted(events.missing_programs),
        "v4": run_case(events, "v4"),
        "runs": runs_for(events, FEW_MESSAGES),
    }
    events.close()
    return told


def main() -> None:
    COUNTING.write_text("1", encoding="ascii")
    door, memory = Libbpf(Path("build/bpf")), SocketMemory()
    events, sockets = SocketEvents(door, memory), Sockets(door, memory)
    events.open()
    sockets.open()
    told = {
        "way": events.cost().way,
        "looks": events.look(1000) is not None,
        "missing": sorted(events.missing_programs),
        "cases": {name: run_case(events, name) for name in CASES},
        "runs": runs_for(events, MESSAGES),
        "unread": unread(sockets),
        "accepted": brief(events, read_and_close),
        "handed on": brief(events, hand_on),
    }
    events.close()
    told["the other way"] = the_other_way(door, memory)
    COUNTING.write_text("0", encoding="ascii")
    print(json.dumps(told))


if __name__ == "__main__":
    main()
