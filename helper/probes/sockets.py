"""All TCP and UDP sockets of the helper's network namespace, as rows of `struct st_socket`; see bpf/sockets.bpf.c.

Costs per socket, and nothing between snapshots. Viewers other than SEES_ALL get the sockets that they created, and
nobody's remains of closed connections; that is decided in the kernel. Sockets of other network namespaces (containers)
aren't seen. Each row is consistent; the table as a whole is not taken at one instant. `known_sockets.py` says when the
cheaper `read_known_into` does.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import TYPE_CHECKING, Final

from helper.probes.object_probe import ObjectProbe
from helper.probes.probe import Reading
from helper.probes.rows import read_pass
from helper.probes.socket_table import SOCKET_BYTES

if TYPE_CHECKING:
    from helper.loaders.libbpf import BpfObject, Libbpf
    from helper.probes.socket_memory import SocketMemory
    from helper.probes.visibility import Visibility

SETTINGS: Final = struct.Struct("@IIIIIIIIII")  # struct st_socket_settings, bpf/settings.h
UNOWNED_AT: Final = 16  # its member `unowned`
KNOWN_AT: Final = 28  # its members `known` and `unremembered`
MOST_KNOWN: Final = 4096  # ST_KNOWN_SOCKETS
OWN_NET_NAMESPACE: Final = Path("/proc/thread-self/ns/net")


class Sockets(ObjectProbe):
    """The probe `sockets`.

    Its cost is without what is remembered in the sockets themselves: some 200 bytes each, of which the kernel tells
    nothing.
    """

    name = "sockets"

    def __init__(self, door: Libbpf, memory: SocketMemory) -> None:
        super().__init__(door, memory.maps)
        self._memory = memory
        self.unowned = 0
        """Sockets in the latest reading whose owner is worth looking for (`SocketOwners.find_owners`)."""
        self.unremembered = 0
        """TCP sockets in the latest reading that `read_known_into` wouldn't find: no room was left for their memory."""
        self.tcp_byte_count = 0
        """Of the latest reading: what of it are TCP sockets."""

    def _find_maps(self, bpf_object: BpfObject) -> None:
        self._settings = bpf_object.shared(".data.sockets")
        self._known = None if self.missing_programs else bpf_object.shared("known_sockets", MOST_KNOWN)
        self._memory.keep(bpf_object)
        self._net_namespace = OWN_NET_NAMESPACE.stat().st_ino

    def read_into(self, buffer: memoryview, visibility: Visibility) -> Reading:
        """Fills `buffer` (writable, of bytes) with whole rows, TCP first.

        Raises LoaderError (step read) if the kernel ends the pass early.
        """
        bpf_object = self._opened()
        self._begin(visibility)
        tcp = read_pass(bpf_object, "tcp_sockets", buffer, SOCKET_BYTES)
        return self._with_udp(bpf_object, buffer, tcp)

    def read_known_into(self, buffer: memoryview, visibility: Visibility) -> Reading | None:
        """As `read_into`, but of the TCP sockets those that are remembered; None if this kernel can't, or are too many.

        The numbers of a row may be from slightly different moments.
        """
        bpf_object = self._opened()
        if self._known is None:
            return None
        self._begin(visibility)
        read_pass(bpf_object, "known_tcp_sockets", buffer[:0], SOCKET_BYTES)
        (known,) = struct.unpack_from("@I", self._settings, KNOWN_AT)
        if known > MOST_KNOWN:
            return None
        byte_count = min(known * SOCKET_BYTES, len(buffer) // SOCKET_BYTES * SOCKET_BYTES)
        buffer[:byte_count] = memoryview(self._known)[:byte_count]
        return self._with_udp(bpf_object, buffer, Reading(byte_count, byte_count < known * SOCKET_BYTES))

    def _begin(self, visibility: Visibility) -> None:
        own, counts = self._net_namespace, self._memory.counts_datagrams
        SETTINGS.pack_into(self._settings, 0, visibility.mode, visibility.uid, own, counts, 0, 0, 0, 0, 0, 0)

    def _with_udp(self, bpf_object: BpfObject, buffer: memoryview, tcp: Reading) -> Reading:
        udp = read_pass(bpf_object, "udp_sockets", buffer[tcp.byte_count :], SOCKET_BYTES)
        (self.unowned,) = struct.unpack_from("@I", self._settings, UNOWNED_AT)
        _, self.unremembered = struct.unpack_from("@II", self._settings, KNOWN_AT)
        self.tcp_byte_count = tcp.byte_count
        return Reading(tcp.byte_count + udp.byte_count, tcp.truncated or udp.truncated)
