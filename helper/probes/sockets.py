"""All TCP and UDP sockets of the helper's network namespace, as rows of `struct st_socket`; see bpf/sockets.bpf.c.

Costs per socket, and nothing between snapshots. Viewers other than SEES_ALL get the sockets that they created, and
nobody's remains of closed connections; that is decided in the kernel. Sockets of other network namespaces (containers)
aren't seen. Each row is consistent; the table as a whole is not taken at one instant.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import TYPE_CHECKING, Final

from helper.loaders.errors import LoaderError
from helper.probes.probe import ProbeCost, Reading
from helper.probes.program import cost_of, load
from helper.probes.rows import read_pass
from helper.probes.socket_table import SOCKET_BYTES

if TYPE_CHECKING:
    from helper.loaders.libbpf import BpfObject, Libbpf
    from helper.probes.socket_memory import SocketMemory
    from helper.probes.visibility import Visibility

SETTINGS: Final = struct.Struct("@IIIIIIII")  # struct st_socket_settings, bpf/settings.h
UNOWNED_AT: Final = 16  # its member `unowned`
OWN_NET_NAMESPACE: Final = Path("/proc/thread-self/ns/net")


class Sockets:
    """The probe `sockets`."""

    name = "sockets"

    def __init__(self, door: Libbpf, memory: SocketMemory) -> None:
        self._door = door
        self._memory = memory
        self._object: BpfObject | None = None
        self.unowned = 0
        """Sockets in the latest reading whose owner is worth looking for (`SocketOwners.find_owners`)."""

    def open(self) -> None:
        bpf_object, _ = load(self._door, self.name, shared_maps=self._memory.maps())
        try:
            self._settings = bpf_object.shared(".data.sockets")
            self._memory.keep(bpf_object)
        except LoaderError:
            bpf_object.close()
            raise
        self._net_namespace = OWN_NET_NAMESPACE.stat().st_ino
        self._object = bpf_object

    def close(self) -> None:
        if self._object is None:
            return
        self._object.close()
        self._object = None

    def cost(self) -> ProbeCost:
        """Without what is remembered in the sockets themselves: some 200 bytes each, which the kernel doesn't tell."""
        return cost_of(self._opened())

    def read_into(self, buffer: memoryview, visibility: Visibility) -> Reading:
        """Fills `buffer` (writable, of bytes) with whole rows, TCP first.

        Raises LoaderError (step read) if the kernel ends the pass early.
        """
        bpf_object = self._opened()
        counts = self._memory.counts_datagrams
        SETTINGS.pack_into(self._settings, 0, visibility.mode, visibility.uid, self._net_namespace, counts, 0, 0, 0, 0)
        tcp = read_pass(bpf_object, "tcp_sockets", buffer, SOCKET_BYTES)
        udp = read_pass(bpf_object, "udp_sockets", buffer[tcp.byte_count :], SOCKET_BYTES)
        (self.unowned,) = struct.unpack_from("@I", self._settings, UNOWNED_AT)
        return Reading(tcp.byte_count + udp.byte_count, tcp.truncated or udp.truncated)

    def _opened(self) -> BpfObject:
        if self._object is None:
            raise LoaderError(self.name, "read", 0, hint="the probe is not open")
        return self._object
