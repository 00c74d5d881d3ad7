"""Unix sockets and who holds them, out of the tables of a tick (`domain/activity.py`).

A socket may have several holders, or none: it waits to be accepted, is on its way between two processes, or was closed
while they were read. Of those of other network namespaces (containers) only the holders are known.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from smoothtask_gui.domain.activity import Activity, Rows

LISTENING: Final = 10
_TYPES: Final = {1: "stream", 2: "dgram", 5: "seqpacket"}
_STATES: Final = {1: "ESTABLISHED", 7: "UNCONNECTED", LISTENING: "LISTEN"}
_PLAIN: Final = frozenset(range(0x21, 0x7F)) - set(b"\\@")


@dataclass(frozen=True, slots=True)
class UnixHolding:
    """How many unix sockets a process holds, each once however many descriptors of it there are.

    The last two are of those whose state is known; None where that is none, as in other network namespaces.
    """

    pid: int
    start_ns: int
    comm: str
    sockets: int
    listening: int | None
    unread_messages: int | None  # waiting in these sockets; connections that wait to be accepted are others


@dataclass(frozen=True, slots=True)
class Holder:
    """A process that holds a socket."""

    pid: int
    start_ns: int
    comm: bytes


@dataclass(frozen=True, slots=True)
class UnixSocket:
    """One unix socket; None is "not known", for most of a socket in another network namespace."""

    inode: int  # 0: it waits to be accepted
    holders: tuple[Holder, ...]
    peer_inode: int | None
    peer_holders: tuple[Holder, ...]
    type: str | None
    state: str | None
    name: bytes | None  # as bound: an abstract one begins with NUL
    peer_name: bytes | None
    uid: int | None
    receive_queue_messages: int | None
    send_queue_bytes: int | None
    net_namespace: int
    is_elsewhere: bool


def unix_holdings(activity: Activity) -> tuple[UnixHolding, ...] | None:
    """Of each process that holds any, ordered by pid; None where unix sockets weren't read."""
    holders, sockets = activity.unix_holders, activity.unix_sockets
    if holders is None or sockets is None:
        return None
    if not len(holders):
        return ()
    pids, starts_ns, inodes = (np.ascontiguousarray(holders[name]) for name in ("pid", "pid_start_ns", "inode"))
    order = np.lexsort((inodes, starts_ns, pids))
    pids, starts_ns, inodes = pids[order], starts_ns[order], inodes[order]
    is_other = np.r_[True, (pids[1:] != pids[:-1]) | (starts_ns[1:] != starts_ns[:-1])]
    is_first = is_other | np.r_[True, inodes[1:] != inodes[:-1]]  # of the descriptors of one socket
    starts = np.flatnonzero(is_other)
    counted, known, listening, unread = (
        np.add.reduceat(np.where(is_first, one, 0), starts) for one in (is_first, *_of_inodes(sockets, inodes))
    )
    sums = (counted.tolist(), _where_known(known, listening), _where_known(known, unread))
    names = [comm.decode("utf-8", "replace") for comm in holders["comm"][order][starts].tolist()]
    return tuple(map(UnixHolding, pids[starts].tolist(), starts_ns[starts].tolist(), names, *sums))


def unix_sockets(activity: Activity) -> tuple[UnixSocket, ...] | None:
    """All there are, ordered by the kernel's number of the socket, those of other network namespaces last."""
    holders, sockets = activity.unix_holders, activity.unix_sockets
    if holders is None or sockets is None:
        return None
    held = _holders(holders)
    if len(sockets):  # the kernel's table may show one twice when others come and go meanwhile
        sockets = sockets[np.unique(sockets["cookie"], return_index=True)[1]]
    names = {int(row["inode"]): _name(row) for row in sockets if row["name_bytes"] and not row["is_peers_name"]}
    here = [_socket(row, held, names) for row in sockets]
    known = {one.inode for one in here}
    home = set(sockets["net_namespace"].tolist())
    elsewhere = {int(row["inode"]): int(row["net_namespace"]) for row in holders}
    rest = sorted((inode, space) for inode, space in elsewhere.items() if inode not in known and space not in home)
    return (*here, *(_elsewhere(inode, space, held[inode]) for inode, space in rest))


def name_text(name: bytes) -> str:
    r"""A name as text from which the bytes can be had again: @NAME for an abstract one, \xNN for all that isn't plain.

    A backslash is \x5c, an @ of a name \x40: so only abstract ones begin with @.
    """
    shown, sign = (name[1:], "@") if name.startswith(b"\0") else (name, "")
    return sign + "".join(chr(octet) if octet in _PLAIN else f"\\x{octet:02x}" for octet in shown)


def _where_known(known: np.ndarray, sums: np.ndarray) -> list[int | None]:
    return [value if there else None for there, value in zip(known.tolist(), sums.tolist(), strict=True)]


def _of_inodes(sockets: Rows, inodes: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(whether it is there, whether it listens, how many messages nobody has read), each of shape (len(inodes),)."""
    there, listening, unread = (np.zeros(len(inodes), kind) for kind in (bool, bool, np.uint64))
    if not len(sockets):
        return there, listening, unread
    ordered = sockets[np.argsort(sockets["inode"], kind="stable")]
    at = np.minimum(np.searchsorted(ordered["inode"], inodes), len(ordered) - 1)
    there = ordered["inode"][at] == inodes
    listening = there & (ordered["state"][at] == LISTENING)
    unread[there & ~listening] = ordered["receive_queue_messages"][at][there & ~listening]
    return there, listening, unread


def _holders(rows: Rows) -> dict[int, tuple[Holder, ...]]:
    """By inode, each process once, ordered by pid."""
    found: defaultdict[int, set[Holder]] = defaultdict(set)
    for row in rows:
        found[int(row["inode"])].add(Holder(int(row["pid"]), int(row["pid_start_ns"]), bytes(row["comm"])))
    return {inode: tuple(sorted(who, key=lambda one: (one.pid, one.start_ns))) for inode, who in found.items()}


def _name(row: np.void) -> bytes:
    return bytes(row["name"])[: int(row["name_bytes"])]


def _socket(row: np.void, held: dict[int, tuple[Holder, ...]], names: dict[int, bytes]) -> UnixSocket:
    inode, peer = int(row["inode"]), int(row["peer_inode"])
    has_name = bool(row["name_bytes"])
    return UnixSocket(
        inode=inode,
        holders=held.get(inode, ()) if inode else (),
        peer_inode=peer or None,
        peer_holders=held.get(peer, ()) if peer else (),
        type=_TYPES.get(int(row["type"])),
        state=_STATES.get(int(row["state"])),
        name=_name(row) if has_name and not row["is_peers_name"] else None,
        peer_name=_name(row) if has_name and row["is_peers_name"] else names.get(peer),
        uid=int(row["uid"]),
        receive_queue_messages=int(row["receive_queue_messages"]),
        send_queue_bytes=int(row["send_queue_bytes"]),
        net_namespace=int(row["net_namespace"]),
        is_elsewhere=False,
    )


def _elsewhere(inode: int, net_namespace: int, holders: tuple[Holder, ...]) -> UnixSocket:
    return UnixSocket(
        inode, holders, None, (), None, None, None, None, None, None, None, net_namespace, is_elsewhere=True
    )
