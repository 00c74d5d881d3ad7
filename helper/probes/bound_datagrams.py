"""How many UDP sockets of a network namespace have a port, as the kernel counts them in /proc/net/sockstat.

A socket is counted where it enters the table that `iter/udp` walks (udp_lib_get_port(), net/ipv4/udp.c), and taken off
where it leaves it (udp_lib_unhash()): as many as this were bound, whichever they are.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Final

from helper.probes.net_files import OWN_NET, NetFiles

if TYPE_CHECKING:
    from pathlib import Path

COUNTS: Final = (("sockstat", b"UDP: inuse "), ("sockstat6", b"UDP6: inuse "))


class BoundDatagrams:
    """Reads the counts of the namespace in which the thread was that asked first; they stay open until `close`."""

    def __init__(self, folder: Path = OWN_NET) -> None:
        self._files = NetFiles(folder)

    def count(self) -> int | None:
        """IPv4 and IPv6 together; None if it can't be told. Without IPv6 in the kernel there is no sockstat6."""
        try:
            found = self._read(*COUNTS[0])
            with contextlib.suppress(FileNotFoundError):
                found += self._read(*COUNTS[1])
        except (OSError, ValueError, IndexError):
            return None
        return found

    def close(self) -> None:
        self._files.close()

    def _read(self, name: str, before: bytes) -> int:
        text = self._files.read(name)
        return int(text[text.index(before) + len(before) :].split(None, 1)[0])
