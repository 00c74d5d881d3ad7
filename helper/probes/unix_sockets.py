"""Unix sockets and who holds them, as rows of `struct st_unix_socket` and `st_unix_holder`; see bpf/unix_sockets.bpf.c.

The sockets are those of the helper's network namespace and cost some time each; the holders, those of all network
namespaces, cost some for each open file of the machine. So the probe is in the kernel only while a stream asks for it,
and helper/sampler/unix.py says how often it is read. Neither table is taken at one instant, nor both at the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from helper.probes.object_probe import ObjectProbe
from helper.probes.rows import read_pass
from helper.probes.unix_table import HOLDER_BYTES, SOCKET_BYTES

if TYPE_CHECKING:
    from helper.loaders.libbpf import BpfObject
    from helper.probes.probe import Reading


class UnixSockets(ObjectProbe):
    """The probe `unix_sockets`; it has no maps."""

    name = "unix_sockets"

    def _find_maps(self, bpf_object: BpfObject) -> None:
        """All that it reads comes from iterators."""

    def read_sockets_into(self, buffer: memoryview) -> Reading:
        """Fills `buffer` (writable, of bytes) with whole rows of everybody's sockets.

        Raises LoaderError (step read) if the kernel ends the pass early.
        """
        return read_pass(self._opened(), "unix_sockets", buffer, SOCKET_BYTES)

    def read_holders_into(self, buffer: memoryview) -> Reading:
        """Fills `buffer` with whole rows, one for each open file that is a unix socket, of every process.

        Raises LoaderError (step read) if the kernel ends the pass early.
        """
        return read_pass(self._opened(), "unix_holders", buffer, HOLDER_BYTES)
