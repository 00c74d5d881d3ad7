"""Endpoints and states of sockets as people and ss(8) write them."""

from __future__ import annotations

import ipaddress
from typing import Final

from smoothtask_gui.domain.network import Protocol

AF_INET: Final = 2
LISTEN: Final = 10

_STATES: Final = (
    "UNKNOWN",
    "ESTABLISHED",
    "SYN_SENT",
    "SYN_RECV",
    "FIN_WAIT1",
    "FIN_WAIT2",
    "TIME_WAIT",
    "CLOSED",
    "CLOSE_WAIT",
    "LAST_ACK",
    "LISTEN",
    "CLOSING",
    "SYN_RECV",  # TCP_NEW_SYN_RECV
)
"""By number: include/net/tcp_states.h."""


def endpoint(address: bytes, port: int, family: int, *, is_ipv6_only: bool = False) -> str:
    """1.2.3.4:80, [::1]:80, *:80 for any address of a socket that takes both families; port 0 is *.

    `address` is 16 bytes in network order, IPv4 in the first four (`struct st_socket`).
    """
    shown_port = str(port) if port else "*"
    if family == AF_INET:
        return f"{ipaddress.IPv4Address(address[:4])}:{shown_port}"
    octets = address.ljust(16, b"\0")
    found = ipaddress.IPv6Address(octets)
    if octets == bytes(16) and not is_ipv6_only:
        return f"*:{shown_port}"
    mapped = found.ipv4_mapped
    return f"[::ffff:{mapped}]:{shown_port}" if mapped else f"[{found}]:{shown_port}"


def state_name(state: int, protocol: int) -> str:
    """The state as netstat(8) calls it; a datagram socket is ESTABLISHED or UNCONNECTED."""
    if protocol == Protocol.UDP:
        return "ESTABLISHED" if state == 1 else "UNCONNECTED"
    return _STATES[state] if 0 <= state < len(_STATES) else _STATES[0]


def protocol_name(protocol: int) -> str:
    """Tcp or udp."""
    return "udp" if protocol == Protocol.UDP else "tcp"
