"""`smoothtask connections --unix`: unix sockets and who holds them, once, as JSON lines or as a table.

With the helper what the kernel knows of them, for which its probe is loaded meanwhile; without it the paths of those
that one's own processes hold (psutil reads their descriptors).
"""

from __future__ import annotations

import asyncio
import dataclasses
import os
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from smoothtask_gui.cli.connection_list import own, print_objects, print_table
from smoothtask_gui.cli.failure import Failure
from smoothtask_gui.cli.items import items, tell
from smoothtask_gui.cli.plain import process_name, shown_bytes, shown_name
from smoothtask_gui.domain.batch import Batch
from smoothtask_gui.domain.text import safe_text
from smoothtask_gui.domain.unix_sockets import Holder, UnixSocket, name_text, unix_sockets
from smoothtask_gui.sources.activity_kinds import ActivityKinds

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

PERIOD_MS: Final = 200
LOADING_NS: Final = 15_000_000_000
"""The probe loads in some 20 ms; where a reading takes long, the next one may have to wait twenty times as long."""
OWN_ONLY: Final = (
    "without the helper only unix sockets of processes that you own are shown, and only their paths are known, "
    "unless these hold a space"
)
_TYPES: Final = {1: "stream", 2: "dgram", 5: "seqpacket"}
HEADING: Final = f"{'PID':>8} {'TYPE':<9} {'STATE':<11} {'UNREAD':>6} {'UNSENT':>9} {'INODE':>9}  LOCAL > REMOTE  NAME"


@dataclass(frozen=True, slots=True)
class UnixConnection:
    """One object of the output: a socket and one of its holders. None is "not known", or "there is none"."""

    pid: int | None
    comm: bytes | None
    protocol: str
    type: str | None
    state: str | None
    local: str | None
    remote: str | None
    inode: int | None
    peer_inode: int | None
    peer_pid: int | None
    peer_comm: bytes | None
    uid: int | None
    receive_queue_messages: int | None
    send_queue_bytes: int | None
    net_namespace: int | None
    """Inode of another network namespace than the machine's own: a container's, a sandbox's."""
    reading_age_s: float | None
    """The helper doesn't read them at each tick."""


async def unix_connections(arguments: argparse.Namespace) -> int:
    """Print the unix sockets there are now, or at the end of a recording. Raises Failure."""
    found = await _found(arguments.source)
    if arguments.json:
        print_objects(map(_to_json, found))
    else:
        print_table(HEADING, map(_to_line, found))
    return 0


async def _found(source: str) -> list[UnixConnection]:
    latest: Batch | None = None
    first_ns: int | None = None
    reason = ""
    async with aclosing(items(source, PERIOD_MS, ActivityKinds.UNIX_SOCKETS)) as batches:
        async for item in batches:
            if not isinstance(item, Batch):
                continue
            first_ns = item.boottime_ns if first_ns is None else first_ns
            is_recorded = source.startswith("recording:")
            reason = item.unavailable.get("kinds", "")
            if item.activity.unix_sockets is not None:
                latest = item
                if not is_recorded:
                    break
            elif item.source == "procfs" and not is_recorded:
                tell(OWN_ONLY)
                return await asyncio.to_thread(own, "unix", "/proc/net/unix", _from_psutil)
            elif not is_recorded and (reason or item.boottime_ns - first_ns > LOADING_NS):
                reason = reason or "the helper's probe unix_sockets isn't running (smoothtask probes says why)"
                break
    if latest is None:
        raise Failure(f"no unix sockets can be shown: {reason or 'the source has no readings of them'}")
    return list(_connections(latest))


def _connections(batch: Batch) -> Iterator[UnixConnection]:
    reading = batch.activity.unix_reading
    age_s = None
    if reading is not None and len(reading):
        age_s = round(max(0, batch.boottime_ns - int(reading["read_ns"][0])) / 1e9, 3)
        if reading["truncated"][0]:
            tell("some unix sockets are left out: there are more than a frame holds")
    for socket in unix_sockets(batch.activity) or ():
        for holder in socket.holders or (None,):
            yield _connection(socket, holder, age_s)


def _connection(socket: UnixSocket, holder: Holder | None, age_s: float | None) -> UnixConnection:
    others = [one for one in socket.peer_holders if one != holder] or list(socket.peer_holders)
    peer = others[0] if others else None
    return UnixConnection(
        pid=None if holder is None else holder.pid,
        comm=None if holder is None else holder.comm,
        protocol="unix",
        type=socket.type,
        state=socket.state,
        local=None if socket.name is None else name_text(socket.name),
        remote=None if socket.peer_name is None else name_text(socket.peer_name),
        inode=socket.inode or None,
        peer_inode=socket.peer_inode,
        peer_pid=None if peer is None else peer.pid,
        peer_comm=None if peer is None else peer.comm,
        uid=socket.uid,
        receive_queue_messages=socket.receive_queue_messages,
        send_queue_bytes=socket.send_queue_bytes,
        net_namespace=socket.net_namespace if socket.is_elsewhere else None,
        reading_age_s=age_s,
    )


def _from_psutil(found: Any, comm: bytes | None) -> UnixConnection:
    """/proc/net/unix writes an @ for each NUL; what begins with one is taken for an abstract name."""
    name = os.fsencode(found.laddr)
    name = b"\0" + name[1:] if name.startswith(b"@") else name
    nothing = dict.fromkeys(field.name for field in dataclasses.fields(UnixConnection))
    known = {"pid": found.pid, "comm": comm, "protocol": "unix", "type": _TYPES.get(int(found.type))}
    return UnixConnection(**{**nothing, **known, "local": name_text(name) if name else None})


def _to_json(found: UnixConnection) -> dict[str, object]:
    names = {
        field: None if value is None else process_name(value)
        for field, value in (("comm", found.comm), ("peer_comm", found.peer_comm))
    }
    return dataclasses.asdict(found) | names


def _to_line(found: UnixConnection) -> str:
    def shown(value: object) -> str:
        return "?" if value is None else str(value)

    name = "?" if found.comm is None else shown_name(found.comm)
    peer = "" if found.peer_pid is None else f" ({shown_name(found.peer_comm or b'')} {found.peer_pid})"
    elsewhere = "" if found.net_namespace is None else f"  net:[{found.net_namespace}]"
    local, remote = (safe_text(each or "*") for each in (found.local, found.remote))
    return (
        f"{shown(found.pid):>8} {shown(found.type):<9} {shown(found.state):<11} "
        f"{shown(found.receive_queue_messages):>6} {shown_bytes(found.send_queue_bytes):>9} {shown(found.inode):>9}  "
        f"{local} > {remote}{peer}  {name}{elsewhere}"
    )
