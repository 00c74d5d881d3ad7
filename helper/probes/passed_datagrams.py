"""How many datagrams passed, as the kernel counts them for a network namespace in /proc/net/snmp and snmp6.

InDatagrams is counted when recvmsg(2) takes a datagram (udp_recvmsg(), udpv6_recvmsg(); a look, MSG_PEEK, isn't), or
when a tunnel in the kernel does (udp_queue_rcv_one_skb()), OutDatagrams when one was handed to IP (udp_send_skb(),
udp_v6_send_skb(); net/ipv4/udp.c, net/ipv6/udp.c). One that an IPv6 socket exchanges with an IPv4 address is in IPv4's
alone. One that UDP_SEGMENT cuts up counts once, as its call does.
"""

from __future__ import annotations

import contextlib
import struct
from typing import TYPE_CHECKING, Final

from helper.probes.net_files import OWN_NET, NetFiles

if TYPE_CHECKING:
    from pathlib import Path

IPV4: Final = b"\nUdp: "
COLUMNS: Final = (b"InDatagrams", b"OutDatagrams")
IPV6: Final = tuple(b"\nUdp6" + column for column in COLUMNS)
WRAP: Final = 1 << 8 * struct.calcsize("@L")
"""The counters are unsigned longs."""


class PassedDatagrams:
    """Of the namespace in which the thread was that asked first, until `close`."""

    def __init__(self, folder: Path = OWN_NET) -> None:
        self._files = NetFiles(folder)
        self._before: int | None = None

    def begin(self) -> None:
        """From now on."""
        self._before = self._count()

    def since(self) -> int | None:
        """How many were sent and received since the last call of `begin` or of this; None if it can't be told."""
        before, self._before = self._before, self._count()
        return None if before is None or self._before is None else (self._before - before) % WRAP

    def close(self) -> None:
        self._files.close()
        self._before = None

    def _count(self) -> int | None:
        """Both directions and families. Without IPv6 in the kernel there is no snmp6."""
        try:
            found = _of_ipv4(self._files.read("snmp"))
            with contextlib.suppress(FileNotFoundError):
                found += _of_ipv6(self._files.read("snmp6"))
        except (OSError, ValueError):
            return None
        return found


def _of_ipv4(text: bytes) -> int:
    """Two lines: names, then numbers."""
    names_at = text.index(IPV4) + 1
    names, numbers, *_ = (line.split() for line in text[names_at:].split(b"\n", 2))
    return sum(int(numbers[names.index(column)]) for column in COLUMNS)


def _of_ipv6(text: bytes) -> int:
    """A line for each: its name, its number."""
    starts = (text.index(name) + len(name) for name in IPV6)
    return sum(int(text[at:].split(None, 1)[0]) for at in starts)
