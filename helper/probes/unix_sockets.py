"""Unix sockets and who holds them, as rows of `struct st_unix_socket` and `st_unix_holder`; see bpf/unix_sockets.bpf.c.

The sockets are those of the helper's network namespace and cost some time each; the holders, those of all network
namespaces, cost some for each open file of the machine. So the probe is in the kernel only while a stream asks for it,
and helper/sampler/unix.py says how often it is read. Neither table is taken at one instant, nor both at the same.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from helper.probes.object_probe import ObjectProbe
from helper.probes.probe import Reading
from helper.probes.rows import read_pass
from helper.probes.unix_table import HOLDER_BYTES, SOCKET_BYTES

if TYPE_CHECKING:
    from helper.loaders.libbpf import BpfObject

SETTINGS: Final = struct.Struct("@II")  # struct st_unix_settings, bpf/settings.h
MOST_AT_ONCE: Final = 4096  # ST_UNIX_ROWS


class UnixSockets(ObjectProbe):
    """The probe `unix_sockets`."""

    name = "unix_sockets"

    def _find_maps(self, bpf_object: BpfObject) -> None:
        self._settings = bpf_object.shared(".data.settings")
        self._rows = bpf_object.shared("unix_rows", MOST_AT_ONCE)

    def read_sockets_into(self, buffer: memoryview) -> Reading:
        """Fills `buffer` (writable, of bytes) with whole rows of everybody's sockets.

        A pass yields 4,096. Where there are more, further passes leave out as many as the passes before them had: what
        is closed or opened between two may be missed, or there twice.
        Raises LoaderError (step read) if the kernel ends a pass early.
        """
        bpf_object = self._opened()
        rows, most, first = memoryview(self._rows), len(buffer) // SOCKET_BYTES, 0
        while True:
            SETTINGS.pack_into(self._settings, 0, first, 0)
            read_pass(bpf_object, "unix_sockets", memoryview(b""), SOCKET_BYTES)
            _, count = SETTINGS.unpack_from(self._settings)
            end = max(first, min(count, first + MOST_AT_ONCE, most))
            buffer[first * SOCKET_BYTES : end * SOCKET_BYTES] = rows[: (end - first) * SOCKET_BYTES]
            if end in {count, most} or count < end:
                return Reading(end * SOCKET_BYTES, truncated=count > end)
            first = end

    def read_holders_into(self, buffer: memoryview) -> Reading:
        """Fills `buffer` with whole rows, one for each open file that is a unix socket, of every process.

        Raises LoaderError (step read) if the kernel ends the pass early.
        """
        return read_pass(self._opened(), "unix_holders", buffer, HOLDER_BYTES)
