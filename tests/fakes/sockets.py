"""Stands in for helper.probes.sockets.Sockets: rows that a test decides on, read either way."""

import struct

from helper.probes.probe import Reading
from helper.probes.socket_table import MISSING_AT, MISSING_UID, SOCKET_BYTES
from helper.probes.visibility import Visibility


def socket_row(cookie: int, *, is_remains: bool = False) -> bytes:
    """`struct st_socket` of which the cookie is known, and whether it is what a connection left."""
    row = bytearray(SOCKET_BYTES)
    struct.pack_into("@Q", row, 0, cookie)
    struct.pack_into("@I", row, MISSING_AT, MISSING_UID if is_remains else 0)
    return bytes(row)


class FakeSockets:
    """`table` is what a walk over the kernel's tables finds of TCP, `known` what is remembered; `udp` is in both."""

    def __init__(self) -> None:
        self.table: list[bytes] = []
        self.known: list[bytes] = []
        self.udp: list[bytes] = []
        self.most_known = 4096
        self.unowned = 0
        self.unremembered = 0
        self.tcp_byte_count = 0
        self.walks = 0

    def read_into(self, buffer: memoryview, _visibility: Visibility) -> Reading:
        self.walks += 1
        return self._fill(buffer, self.table)

    def read_known(self, _visibility: Visibility, remains: bytes = b"") -> memoryview | None:
        rows = self.known + self.udp
        return None if len(rows) > self.most_known else memoryview(b"".join([*rows, remains]))

    def _fill(self, buffer: memoryview, tcp: list[bytes]) -> Reading:
        room = len(buffer) // SOCKET_BYTES
        fitting = (tcp + self.udp)[:room]
        self.tcp_byte_count = SOCKET_BYTES * min(len(tcp), room)
        rows = b"".join(fitting)
        buffer[: len(rows)] = rows
        return Reading(len(rows), truncated=len(fitting) < len(tcp) + len(self.udp))
