"""The map in which the three socket programs remember things about sockets; see bpf/socket_memory.bpf.h.

Whichever probe is opened first makes it, and the others use the same. Make one and pass it to the three probes; a
probe that is closed and opened again finds what was remembered. Each probe works without the others, knowing less.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from helper.probes.parts import SOCKET_MEMORIES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from helper.loaders.libbpf import BpfObject

NEVER_COUNTED: Final = 2**64 - 1


class SocketMemory:
    """Keeps the map alive while at least one probe may want it."""

    def __init__(self) -> None:
        self._fd: int | None = None
        self.uncounted_ns = NEVER_COUNTED
        """Set by SocketEvents: boot time until which datagrams may have passed uncounted. UDP bytes of sockets that are
        older are incomplete."""
        self.followed: Callable[[], object] | None = None
        """Set by SocketEvents while it sees to it that each new TCP connection is remembered; what it returns changes
        when one may have been missed."""
        self.closings: Callable[[], int] | None = None
        """Set with `followed`: how many TCP sockets have closed, each of which may have left a row in TIME_WAIT."""

    @property
    def counts_datagrams(self) -> bool:
        """Whether SocketEvents counts UDP bytes per socket, or will again."""
        return self.uncounted_ns != NEVER_COUNTED

    def maps(self) -> Mapping[str, int]:
        """For `load`: the map, if some probe has made it."""
        return {} if self._fd is None else {SOCKET_MEMORIES: self._fd}

    def keep(self, bpf_object: BpfObject) -> None:
        """Takes the map of a loaded object if there is none yet."""
        if self._fd is None:
            self._fd = os.dup(bpf_object.map_fd(SOCKET_MEMORIES))

    def close(self) -> None:
        """Forgets it; probes that are open keep it until they are closed."""
        if self._fd is not None:
            os.close(self._fd)
        self._fd = None
