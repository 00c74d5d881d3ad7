"""Unix sockets in a network namespace of their own; JSON: the words of ss, the rows of the probe, who holds them."""

import ctypes
import json
import os
import socket
import subprocess
from pathlib import Path

from helper.loaders.libbpf import Libbpf
from helper.probes import UnixSockets

CLONE_NEWNET = 0x40000000  # include/uapi/linux/sched.h
PAIRS = 300
NAME = b"\0two\0parts \xff"


def main() -> None:
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "unshare(CLONE_NEWNET)")
    kept = [end for _ in range(PAIRS) for end in socket.socketpair()]
    listener, client, waiting, datagrams = (
        socket.socket(socket.AF_UNIX, kind) for kind in (*[socket.SOCK_SEQPACKET] * 3, socket.SOCK_DGRAM)
    )
    listener.bind(NAME)
    listener.listen(3)
    client.connect(NAME)
    accepted = listener.accept()[0]
    waiting.connect(NAME)
    datagrams.bind("")  # a name of the kernel's choice
    kept[0].send(b"unread")
    kept += [listener, client, accepted, waiting, datagrams]
    probe = UnixSockets(Libbpf(Path("build/bpf")))
    probe.open()
    said = subprocess.run(["ss", "-Hxae"], check=True, capture_output=True, text=True, errors="replace").stdout
    rooms = [memoryview(bytearray(1 << 20)) for _ in range(2)]
    readings = (probe.read_sockets_into(rooms[0]), probe.read_holders_into(rooms[1]))
    rows, holders = (bytes(room[: found.byte_count]).hex() for room, found in zip(rooms, readings, strict=True))
    probe.close()
    inodes = [os.fstat(one.fileno()).st_ino for one in kept]
    print(json.dumps({"ss": said.splitlines(), "rows": rows, "holders": holders, "inodes": inodes, "own": os.getpid()}))


if __name__ == "__main__":
    main()
