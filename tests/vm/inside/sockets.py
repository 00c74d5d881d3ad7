"""Sockets of every common kind; JSON: the words of ss, the rows of the probe, who holds them, bytes that were sent."""

import json
import os
import socket
import subprocess
from pathlib import Path

from helper.loaders.libbpf import Libbpf
from helper.probes import SocketEvents, SocketMemory, SocketOwners, Sockets
from helper.probes.visibility import Mode, Visibility

V4, V6 = (socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")
SENT_BYTES = 123_457
DATAGRAM_BYTES = 777
EVERYTHING = Visibility(Mode.SEES_ALL, 0)


def pair(family: int, host: str) -> list[socket.socket]:
    """Client and server of a connection; the server's is older than the listener's end."""
    with socket.create_server((host, 0), family=family) as listener:
        client = socket.create_connection(listener.getsockname()[:2])
        return [client, listener.accept()[0]]


def exchange(client: socket.socket, server: socket.socket) -> None:
    """SENT_BYTES from one to the other, all read."""
    client.sendall(bytes(SENT_BYTES))
    left = SENT_BYTES
    while left:
        left -= len(server.recv(left))


def table(sockets: Sockets) -> bytes:
    """All rows."""
    room = memoryview(bytearray(1 << 20))
    return bytes(room[: sockets.read_into(room, EVERYTHING).byte_count])


def remembered(sockets: Sockets) -> bytes:
    """All rows, without the walk over the kernel's tables."""
    rows = sockets.read_known(EVERYTHING)
    assert rows is not None
    return bytes(rows)


def main() -> None:
    door, memory = Libbpf(Path("build/bpf")), SocketMemory()
    old = pair(*V4)
    events, sockets, owners = SocketEvents(door, memory), Sockets(door, memory), SocketOwners(door, memory)
    for probe in (events, sockets, owners):
        probe.open()
    kept = [*old, *pair(*V4), *pair(*V6), socket.create_server(("127.0.0.1", 0), backlog=7)]
    dual = socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True)
    kept += [dual, socket.create_connection(("127.0.0.1", dual.getsockname()[1])), dual.accept()[0]]
    for family, host in (V4, V6):
        datagrams = socket.socket(family, socket.SOCK_DGRAM)
        datagrams.bind((host, 0))
        datagrams.sendto(bytes(DATAGRAM_BYTES), datagrams.getsockname())
        kept.append(datagrams)
    exchange(kept[2], kept[3])
    brief = pair(*V4)
    exchange(*brief)
    for end in reversed(brief):
        end.close()
    table(sockets)
    owners.find_owners()
    said = subprocess.run(["ss", "-HtunapeiO"], check=True, capture_output=True, text=True).stdout.splitlines()
    inodes = [os.fstat(one.fileno()).st_ino for one in kept]
    traffic = events.read_traffic().hex()
    rows, known = table(sockets).hex(), remembered(sockets).hex()
    print(
        json.dumps({"ss": said, "rows": rows, "known": known, "own": os.getpid(), "inodes": inodes, "traffic": traffic})
    )


if __name__ == "__main__":
    main()
