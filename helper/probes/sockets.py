"""All TCP and UDP sockets of the helper's network namespace, as rows of `struct st_socket`; see bpf/sockets.bpf.c.

Costs per socket, and nothing between snapshots. Viewers other than SEES_ALL get the sockets that they created, and
nobody's remains of closed connections; that is decided in the kernel. Sockets of other network namespaces (containers)
aren't seen. Each row is consistent; the table as a whole is not taken at one instant. `known_sockets.py` says when the
cheaper `read_known` does.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import TYPE_CHECKING, Final

from helper.probes.bound_datagrams import BoundDatagrams
from helper.probes.net_files import OWN_NET
from helper.probes.object_probe import ObjectProbe
from helper.probes.probe import Reading
from helper.probes.rows import read_pass
from helper.probes.socket_table import SOCKET_BYTES

if TYPE_CHECKING:
    from helper.loaders.libbpf import BpfObject, Libbpf
    from helper.probes.socket_memory import SocketMemory
    from helper.probes.visibility import Visibility

SETTINGS: Final = struct.Struct("@IIIIIIIIIIQ")  # struct st_socket_settings, bpf/settings.h
UNOWNED_AT: Final = 12  # its member `unowned`
FOUND: Final = struct.Struct("@IIII")  # its members `known`, `known_udp`, `bound_udp` and `unremembered`
FOUND_AT: Final = 24
MOST_KNOWN: Final = 4096  # ST_KNOWN_SOCKETS
OWN_NET_NAMESPACE: Final = Path("/proc/thread-self/ns/net")


class Sockets(ObjectProbe):
    """The probe `sockets`.

    Its cost is without what is remembered in the sockets themselves: some 200 bytes each, of which the kernel tells
    nothing.
    """

    name = "sockets"

    def __init__(self, door: Libbpf, memory: SocketMemory, net_folder: Path = OWN_NET) -> None:
        """`net_folder`: where the kernel counts UDP sockets."""
        super().__init__(door, memory.maps)
        self._memory = memory
        self._bound = BoundDatagrams(net_folder)
        self.unowned = 0
        """Sockets in the latest reading whose owner is worth looking for (`SocketOwners.find_owners`)."""
        self.unremembered = 0
        """TCP sockets in the latest reading of the tables that `read_known` wouldn't find: they found no memory."""
        self.tcp_byte_count = 0
        """Of the latest reading of the tables: what of it are TCP sockets."""

    def _find_maps(self, bpf_object: BpfObject) -> None:
        self._settings = bpf_object.shared(".data.sockets")
        self._known = None if self.missing_programs else bpf_object.shared("known_sockets", MOST_KNOWN)
        self._memory.keep(bpf_object)
        self._net_namespace = OWN_NET_NAMESPACE.stat().st_ino

    def _let_go(self) -> None:
        self._bound.close()

    def read_into(self, buffer: memoryview, visibility: Visibility) -> Reading:
        """Fills `buffer` (writable, of bytes) with whole rows, TCP first.

        Raises LoaderError (step read) if the kernel ends the pass early.
        """
        bpf_object = self._opened()
        self._begin(visibility)
        tcp = read_pass(bpf_object, "tcp_sockets", buffer, SOCKET_BYTES)
        udp = self._read_udp_table(bpf_object, buffer[tcp.byte_count :])
        *_, self.unremembered = FOUND.unpack_from(self._settings, FOUND_AT)
        self.tcp_byte_count = tcp.byte_count
        self._note_unowned()
        return Reading(tcp.byte_count + udp.byte_count, tcp.truncated or udp.truncated)

    def read_known(self, visibility: Visibility, remains: bytes = b"") -> memoryview | None:
        """The rows of the sockets that are remembered, TCP first, and `remains` after them; valid until the next call.

        None if this kernel can't, or if they are too many. UDP sockets come from their table all the same if the kernel
        counts others than the remembered ones. The numbers of a row may be from slightly different moments.
        """
        bpf_object = self._opened()
        if self._known is None:
            return None
        self._begin(visibility)
        bound = self._bound.count()
        read_pass(bpf_object, "remembered_sockets", memoryview(b""), SOCKET_BYTES)
        tcp, udp, bound_known, _ = FOUND.unpack_from(self._settings, FOUND_AT)
        if tcp + udp > MOST_KNOWN:
            return None
        room, end = memoryview(self._known), tcp * SOCKET_BYTES
        if bound_known == bound == self._bound.count():
            room[end : end + udp * SOCKET_BYTES] = room[(MOST_KNOWN - udp) * SOCKET_BYTES :]
            end += udp * SOCKET_BYTES
        else:
            table = self._read_udp_table(bpf_object, room[end:])
            if table.truncated:
                return None
            end += table.byte_count
        self._note_unowned()
        if end + len(remains) > len(room):
            return memoryview(b"".join((room[:end], remains)))
        room[end : end + len(remains)] = remains
        return room[: end + len(remains)]

    def _begin(self, visibility: Visibility) -> None:
        own, uncounted_ns = self._net_namespace, self._memory.uncounted_ns
        SETTINGS.pack_into(self._settings, 0, visibility.mode, visibility.uid, own, 0, 0, 0, 0, 0, 0, 0, uncounted_ns)

    def _read_udp_table(self, bpf_object: BpfObject, room: memoryview) -> Reading:
        return read_pass(bpf_object, "udp_sockets", room, SOCKET_BYTES)

    def _note_unowned(self) -> None:
        (self.unowned,) = struct.unpack_from("@I", self._settings, UNOWNED_AT)
