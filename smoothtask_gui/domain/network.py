"""What a tick says of the network and of the disks' requests: the rows of bpf/records.h, as they come.

Cumulative and raw, like the rest of a batch; `domain/connections.py` makes rates of them. A field without a reading
has its bit in `missing`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, IntFlag
from typing import Final

import numpy as np
import numpy.typing as npt


class SocketMissing(IntFlag):
    """Fields of a socket's row that hold no reading; the bits of `enum st_missing`."""

    TRAFFIC = 1 << 8
    RTT = 1 << 9
    OWNER = 1 << 10
    START = 1 << 11
    UID = 1 << 12
    RATE = 1 << 13  # of another network namespace: the row is up to ten seconds old


class Protocol(IntEnum):
    """IPPROTO_TCP and IPPROTO_UDP."""

    TCP = 6
    UDP = 17


SOCKET: Final = np.dtype(
    [
        ("cookie", "u8"),
        ("inode", "u8"),
        ("start_ns", "u8"),
        ("pid_start_ns", "u8"),
        ("sent_bytes", "u8"),
        ("received_bytes", "u8"),
        ("local", "V16"),
        ("remote", "V16"),
        ("pid", "u4"),
        ("uid", "u4"),
        ("net_namespace", "u4"),
        ("retransmits", "u4"),
        ("rtt_us", "u4"),
        ("send_queue_bytes", "u4"),
        ("receive_queue_bytes", "u4"),
        ("interface_index", "u4"),
        ("missing", "u4"),
        ("local_port", "u2"),
        ("remote_port", "u2"),
        ("family", "u1"),
        ("protocol", "u1"),
        ("state", "u1"),
        ("is_ipv6_only", "u1"),
        ("pad", "V4"),
    ]
)
"""One socket; `struct st_socket`. `cookie` is its identity until reboot."""

SOCKET_OWNER: Final = np.dtype(
    [
        ("inode", "u8"),
        ("pid_start_ns", "u8"),
        ("pid", "u4"),
        ("uid", "u4"),
        ("fd", "u4"),
        ("net_namespace", "u4"),
    ]
)
"""One descriptor that is a socket; `struct st_socket_owner`."""

TRAFFIC: Final = np.dtype(
    [
        ("pid", "u4"),
        ("uid", "u4"),
        ("start_ns", "u8"),
        ("comm", "S16"),
        ("first_ns", "u8"),
        ("closed_connections", "u8"),
        ("tcp_sent_bytes", "u8"),
        ("tcp_received_bytes", "u8"),
        ("tcp_retransmits", "u8"),
        ("udp_sent_bytes", "u8"),
        ("udp_received_bytes", "u8"),
        ("udp_sent", "u8"),
        ("udp_received", "u8"),
        ("missing", "u4"),
        ("uids_differ", "u4"),
    ]
)
"""Bytes of closed connections and datagrams of a process; `struct st_traffic`. Cumulative since first_ns."""

BLOCK_IO: Final = np.dtype(
    [
        ("major", "u4"),
        ("minor", "u4"),
        ("operation", "u4"),
        ("pad", "u4"),
        ("first_ns", "u8"),
        ("requests", "u8"),
        ("bytes", "u8"),
        ("errors", "u8"),
        ("timed_requests", "u8"),
        ("latency_ns", "u8"),
        ("latencies", "32u8"),
    ]
)
"""Finished requests of a disk and operation; `struct st_block_io`. Cumulative since first_ns."""


@dataclass(frozen=True, slots=True)
class Network:
    """The network part of a batch.

    `own_uid` is the one user whose sockets and traffic are here, None if they are everybody's. A connection that
    `sockets` no longer shows has its last row in `closes` of this batch; one that both show closed after its row was
    read.
    """

    sockets: npt.NDArray[np.void]  # dtype SOCKET, each cookie once; quickest if ordered by cookie
    traffic: npt.NDArray[np.void]  # dtype TRAFFIC
    closes: npt.NDArray[np.void]  # dtype SOCKET: what came since the batch before
    own_uid: int | None
    truncated: bool = False  # there were more sockets than a frame holds
