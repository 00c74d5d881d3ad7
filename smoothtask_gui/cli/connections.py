"""`smoothtask connections`: who talks to whom, once, as JSON lines or as a table.

With the helper every field the kernel keeps; without it the connections of one's own processes (psutil reads their
descriptors), whose bytes nobody tells.
"""

from __future__ import annotations

import asyncio
import dataclasses
import math
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from smoothtask_gui.cli.connection_list import own, print_objects, print_table
from smoothtask_gui.cli.failure import Failure
from smoothtask_gui.cli.items import items, tell
from smoothtask_gui.cli.plain import process_name, shown_bytes, shown_name
from smoothtask_gui.cli.unix_connections import unix_connections
from smoothtask_gui.domain.addresses import endpoint, protocol_name, state_name
from smoothtask_gui.domain.batch import Batch
from smoothtask_gui.domain.connections import connection_rates

if TYPE_CHECKING:
    import argparse

    import numpy as np

PERIOD_MS: Final = 200
LOADING_NS: Final = 5_000_000_000
"""Probes load in some 20 ms each; a verifier on a slow machine may need a second."""
OWN_ONLY: Final = (
    "without the helper only connections of processes that you own are shown, and their bytes, retransmits, round-trip "
    "time and age are not known: /proc doesn't tell them"
)
HEADING: Final = f"{'PID':>8} {'PROTO':<5} {'STATE':<11} {'SENT':>9} {'RECEIVED':>9}  LOCAL > REMOTE  NAME"


@dataclass(frozen=True, slots=True)
class Connection:
    """One object of the output; None is "not known"."""

    pid: int | None
    comm: bytes | None
    protocol: str
    local: str
    remote: str
    state: str
    sent_bytes: int | None = None
    received_bytes: int | None = None
    send_queue_bytes: int | None = None
    receive_queue_bytes: int | None = None
    waiting_connections: int | None = None
    retransmits: int | None = None
    rtt_us: int | None = None
    age_s: float | None = None
    net_namespace: int | None = None
    """Inode of another network namespace than the machine's own: a container's, a sandbox's."""


async def connections(arguments: argparse.Namespace) -> int:
    """Print the connections there are now, or at the end of a recording; or the unix sockets."""
    if arguments.unix:
        return await unix_connections(arguments)
    found = await _connections(arguments.source)
    if arguments.json:
        print_objects(map(_to_json, found))
    else:
        print_table(HEADING, map(_to_line, found))
    return 0


async def _connections(source: str) -> list[Connection]:
    """By the helper or a recording, else by psutil. Raises Failure where the source named can't see any."""
    previous: Batch | None = None
    latest: list[Connection] | None = None
    first_ns: int | None = None
    reason = ""
    async with aclosing(items(source, PERIOD_MS)) as batches:
        async for item in batches:
            if not isinstance(item, Batch):
                continue
            first_ns = item.boottime_ns if first_ns is None else first_ns
            reason = item.unavailable.get("network", "")
            if item.network is None:
                if item.source == "procfs" and not source.startswith("recording:"):
                    tell(OWN_ONLY)
                    return await asyncio.to_thread(own, "inet", "/proc/net", _from_psutil)
                if item.boottime_ns - first_ns > LOADING_NS and item.source == "helper":
                    break
                continue
            # the owners of sockets that were never seen are looked for at the first reading: the second has them
            if previous is not None and previous.network is not None:
                latest = _rows(previous, item)
                if not source.startswith("recording:"):
                    break
            previous = item
    if latest is None:
        raise Failure(f"no connections can be shown: {reason or 'the source has no readings of them'}")
    return latest


def _rows(previous: Batch, current: Batch) -> list[Connection]:
    rows = connection_rates(previous, current)
    return [] if rows is None else [_connection(row) for row in rows]


def _connection(row: np.void) -> Connection:
    family, protocol = int(row["family"]), int(row["protocol"])
    only = bool(row["is_ipv6_only"])
    age_s = float(row["age_s"])
    return Connection(
        pid=int(row["pid"]) or None,
        comm=bytes(row["comm"]) if row["pid"] else None,
        protocol=protocol_name(protocol),
        local=endpoint(bytes(row["local"]), int(row["local_port"]), family, is_ipv6_only=only),
        remote=endpoint(bytes(row["remote"]), int(row["remote_port"]), family, is_ipv6_only=only),
        state=state_name(int(row["state"]), protocol),
        sent_bytes=_whole(row["sent_bytes"]),
        received_bytes=_whole(row["received_bytes"]),
        send_queue_bytes=_whole(row["send_queue_bytes"]),
        receive_queue_bytes=_whole(row["receive_queue_bytes"]),
        waiting_connections=_whole(row["waiting_connections"]),
        retransmits=_whole(row["retransmits"]),
        rtt_us=_whole(row["rtt_us"]),
        age_s=None if math.isnan(age_s) else round(age_s, 3),
        net_namespace=int(row["net_namespace"]) or None,
    )


def _from_psutil(found: Any, comm: bytes | None) -> Connection:
    is_udp = found.type == 2  # SOCK_DGRAM
    state = ("ESTABLISHED" if found.raddr else "UNCONNECTED") if is_udp else str(found.status)
    return Connection(
        pid=found.pid,
        comm=comm,
        protocol="udp" if is_udp else "tcp",
        local=_from_pair(found.laddr, found.family),
        remote=_from_pair(found.raddr, found.family),
        state="CLOSED" if state == "CLOSE" else state,
    )


def _from_pair(pair: tuple[str, int] | tuple[()], family: int) -> str:
    if not pair:
        return "0.0.0.0:*" if family == 2 else "*:*"
    host, port = pair
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _whole(value: float) -> int | None:
    return None if math.isnan(value) else int(value)


def _to_json(found: Connection) -> dict[str, object]:
    return dataclasses.asdict(found) | {"comm": None if found.comm is None else process_name(found.comm)}


def _to_line(found: Connection) -> str:
    pid = "?" if found.pid is None else str(found.pid)
    name = "?" if found.comm is None else shown_name(found.comm)
    elsewhere = "" if found.net_namespace is None else f"  net:[{found.net_namespace}]"
    return (
        f"{pid:>8} {found.protocol:<5} {found.state:<11} {shown_bytes(found.sent_bytes):>9} "
        f"{shown_bytes(found.received_bytes):>9}  {found.local} > {found.remote}  {name}{elsewhere}"
    )
