"""Connections and network bytes: what two batches say about the time between them.

A connection is its cookie. The difference of each connection is taken first and then credited to its owner, so that
one that changes hands counts for whom it belongs to now. A connection that closed between two batches counts with the
last row that its close brought; where closes were lost (more than the kernel tells a second), the process's traffic
row knows the sum. What can't be known is NaN.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from smoothtask_gui.domain.addresses import LISTEN
from smoothtask_gui.domain.matching import positions
from smoothtask_gui.domain.network import Network, Protocol, SocketMissing

if TYPE_CHECKING:
    from smoothtask_gui.domain.batch import Batch

Rows = npt.NDArray[np.void]
Floats = npt.NDArray[np.float64]

CONNECTION: Final = np.dtype(
    [
        ("cookie", "u8"),
        ("pid", "u4"),  # 0: nobody is known to hold it
        ("uid", "u4"),
        ("pid_start_ns", "u8"),
        ("comm", "S16"),
        ("local", "V16"),
        ("remote", "V16"),
        ("local_port", "u2"),
        ("remote_port", "u2"),
        ("family", "u1"),
        ("protocol", "u1"),
        ("state", "u1"),
        ("is_ipv6_only", "?"),
        ("sent_bps", "f8"),
        ("received_bps", "f8"),
        ("sent_bytes", "f8"),
        ("received_bytes", "f8"),
        ("send_queue_bytes", "f8"),  # written and not yet acknowledged; NaN for listeners
        ("receive_queue_bytes", "f8"),  # received and not yet read; NaN for listeners
        ("waiting_connections", "f8"),  # to be accepted; NaN but for listeners
        ("retransmits", "f8"),  # segments
        ("rtt_us", "f8"),
        ("age_s", "f8"),  # NaN: older than the probe
        ("net_namespace", "u4"),  # inode of another network namespace (a container's), 0: the helper's own
    ]
)
"""One connection or listening socket; NaN where there is no reading."""

_COPIED: Final = (
    "cookie",
    "uid",
    "local",
    "remote",
    "local_port",
    "remote_port",
    "family",
    "protocol",
    "state",
    "is_ipv6_only",
)
_BYTES: Final = ("sent_bytes", "received_bytes")


def connection_rates(previous: Batch, current: Batch) -> Rows | None:
    """Dtype CONNECTION, in the order of the batch; None where the source can't see connections.

    Rates are NaN for a connection that was there before `previous` but isn't in it, and for those of other network
    namespaces, which are read less often.
    """
    if current.network is None:
        return None
    sockets = current.network.sockets
    rows = np.zeros(len(sockets), CONNECTION)
    for name in _COPIED:
        rows[name] = sockets[name]
    rows["net_namespace"] = np.where(_has(sockets, SocketMissing.RATE), 0, sockets["net_namespace"])
    owned = _has(sockets, SocketMissing.OWNER)
    for name in ("pid", "pid_start_ns"):
        rows[name] = np.where(owned, sockets[name], 0)
    place = positions(current.processes, rows["pid"], rows["pid_start_ns"])
    rows["comm"][place >= 0] = current.processes["comm"][place[place >= 0]]
    counted = _has(sockets, SocketMissing.TRAFFIC)
    for name in (*_BYTES, "retransmits"):
        rows[name] = np.where(counted, sockets[name], np.nan)
    is_tcp = sockets["protocol"] == Protocol.TCP
    rows["retransmits"][~is_tcp] = np.nan
    _fill_queues(rows, sockets, is_tcp & ~counted)
    rows["rtt_us"] = np.where(_has(sockets, SocketMissing.RTT), sockets["rtt_us"], np.nan)
    age_ns = float(current.boottime_ns) - sockets["start_ns"].astype(np.float64)
    rows["age_s"] = np.where(_has(sockets, SocketMissing.START), np.maximum(age_ns, 0.0) / 1e9, np.nan)
    seconds = (current.boottime_ns - previous.boottime_ns) / 1e9
    sent, received = _grown(previous, current.network.sockets)
    rows["sent_bps"], rows["received_bps"] = sent / seconds, received / seconds
    return rows


def _fill_queues(rows: Rows, sockets: Rows, is_over: npt.NDArray[np.bool_]) -> None:
    """What waits at each end; of what is left of a connection (`is_over`) the kernel keeps nothing."""
    listens = (sockets["protocol"] == Protocol.TCP) & (sockets["state"] == LISTEN)
    for name in ("send_queue_bytes", "receive_queue_bytes"):
        rows[name] = np.where(listens | is_over, np.nan, sockets[name])
    rows["waiting_connections"] = np.where(listens, sockets["receive_queue_bytes"], np.nan)


def process_traffic(previous: Batch, current: Batch, processes: Rows) -> tuple[Floats, Floats]:
    """(sent, received) bytes in the interval, shape (len(processes),), `processes` ordered by pid.

    NaN where the source can't see a process's connections: all of them without the helper, other users' without the
    administrator's consent.
    """
    unknown = np.full(len(processes), np.nan)
    before, now = previous.network, current.network
    if before is None or now is None or before.own_uid != now.own_uid:
        return unknown, unknown.copy()
    if _says_the_same(before, now):
        nothing = np.zeros(len(processes))
        if now.own_uid is not None:
            nothing[processes["uid"] != now.own_uid] = np.nan
        return nothing, nothing.copy()
    account = _Account(processes)
    alive = now.sockets[now.sockets["protocol"] == Protocol.TCP]
    grown = _grown(previous, alive)
    told, untold = _closes(before, now)
    ended = _grown(previous, told)
    fresh = _Traffic(previous, now)
    of_alive, of_told, of_untold = (account.owners(rows) for rows in (alive, told, untold))
    of_fresh = account.owners(now.traffic, pid_start="start_ns")
    counted = account.credit(of_told, np.ones(len(told))) + account.credit(of_untold, np.ones(len(untold)))
    lost_some = account.credit(of_fresh, fresh.growth("closed_connections")) > counted
    gone = _gone(before, now) if lost_some.any() else now.sockets[:0]
    totals = []
    for direction, name in enumerate(_BYTES):
        open_bytes = account.credit(of_alive, grown[direction])
        total = open_bytes + account.credit(of_told, ended[direction])
        if lost_some.any():
            summed = open_bytes + account.credit(of_fresh, fresh.growth(f"tcp_{name}"))
            summed -= account.credit(account.owners(gone), gone[name].astype(np.float64))
            total[lost_some] = np.maximum(total, summed)[lost_some]
        totals.append(total + account.credit(of_fresh, fresh.datagrams(f"udp_{name}")))
    if now.own_uid is not None:
        for total in totals:
            total[processes["uid"] != now.own_uid] = np.nan
    return totals[0], totals[1]


def _says_the_same(before: Network, now: Network) -> bool:
    """Whether nothing at all has changed: the usual second of a quiet machine."""
    return (
        not len(before.closes)
        and not len(now.closes)
        and before.sockets.tobytes() == now.sockets.tobytes()
        and before.traffic.tobytes() == now.traffic.tobytes()
    )


class _Account:
    """Sums of values by process."""

    def __init__(self, processes: Rows) -> None:
        self._processes = processes

    def owners(self, rows: Rows, pid_start: str = "pid_start_ns") -> npt.NDArray[np.intp]:
        """The process of each of `rows`, -1 for nobody's."""
        return positions(self._processes, rows["pid"], rows[pid_start])

    def credit(self, owners: npt.NDArray[np.intp], values: Floats) -> Floats:
        """`values` summed by owner, shape (processes,); what is NaN or nobody's is left out."""
        if not len(owners):
            return np.zeros(len(self._processes))
        known = (owners >= 0) & (values != 0) & np.isfinite(values)
        if not known.any():
            return np.zeros(len(self._processes))
        return np.bincount(owners[known], values[known], len(self._processes)).astype(np.float64)


def _has(sockets: Rows, missing: SocketMissing) -> npt.NDArray[np.bool_]:
    present: npt.NDArray[np.bool_] = (sockets["missing"] & missing) == 0
    return present


def _places(rows: Rows, cookies: npt.NDArray[np.uint64]) -> npt.NDArray[np.intp]:
    """Where each cookie stands in `rows`, -1 where it doesn't."""
    if not len(rows) or not len(cookies):
        return np.full(len(cookies), -1, np.intp)
    known = np.ascontiguousarray(rows["cookie"])
    if (known[1:] > known[:-1]).all():
        at = np.minimum(np.searchsorted(known, cookies), len(rows) - 1)
    else:
        order = np.argsort(known, kind="stable")
        at = order[np.minimum(np.searchsorted(known, cookies, sorter=order), len(rows) - 1)]
    return np.where(known[at] == cookies, at, -1)


def _grown(previous: Batch, sockets: Rows) -> tuple[Floats, Floats]:
    """(sent, received) bytes of each socket since `previous`; NaN where unknown or backwards.

    One born after `previous` counts from zero.
    """
    if not len(sockets):
        return np.zeros(0), np.zeros(0)
    before = previous.network.sockets if previous.network else sockets[:0]
    place = _places(before, sockets["cookie"])
    seen = place >= 0
    started = sockets["start_ns"] >= max(0, previous.boottime_ns)
    known = _has(sockets, SocketMissing.TRAFFIC | SocketMissing.RATE)
    known &= seen | (started & _has(sockets, SocketMissing.START))
    if previous.network is None:
        known[:] = False
    known[seen] &= _has(before[place[seen]], SocketMissing.TRAFFIC)
    grown = []
    for name in _BYTES:
        base = np.zeros(len(sockets), np.uint64)
        base[seen] = before[name][place[seen]]
        grown.append(np.where(known & (sockets[name] >= base), sockets[name] - base, np.nan))
    return grown[0], grown[1]


def _shown(network: Network, closes: Rows) -> npt.NDArray[np.bool_]:
    """Which closed connections still have a row with bytes: they closed after it was read."""
    counted = network.sockets[_has(network.sockets, SocketMissing.TRAFFIC)]
    return _places(counted, closes["cookie"]) >= 0


def _closes(before: Network, now: Network) -> tuple[Rows, Rows]:
    """(closes whose bytes belong to this interval, those that the next interval counts), each cookie once."""
    if not len(before.closes) and not len(now.closes):
        return now.closes, now.closes
    shown = _shown(now, now.closes)
    waiting = before.closes[_shown(before, before.closes)]
    told = np.concatenate((waiting, now.closes[~shown]))
    told = told[np.unique(told["cookie"], return_index=True)[1]]
    return told, now.closes[shown]


def _gone(before: Network, now: Network) -> Rows:
    """TCP rows of `before` whose bytes no row of `now` has: the traffic rows have them."""
    counted = before.sockets[_has(before.sockets, SocketMissing.TRAFFIC | SocketMissing.RATE)]
    counted = counted[counted["protocol"] == Protocol.TCP]
    gone: Rows = counted[~_shown(now, counted)]
    return gone


class _Traffic:
    """What the traffic rows of `now` grew by since `previous`, shape (len(now.traffic),); NaN where unknown."""

    def __init__(self, previous: Batch, now: Network) -> None:
        self._rows = now.traffic
        self._before = previous.network.traffic if previous.network else self._rows[:0]
        self._place = positions(self._before, self._rows["pid"], self._rows["start_ns"])
        seen = self._place >= 0
        seen[seen] &= self._before["first_ns"][self._place[seen]] == self._rows["first_ns"][seen]
        self._seen = seen
        self._known = seen | (self._rows["first_ns"] >= max(0, previous.boottime_ns))

    def growth(self, name: str) -> Floats:
        base = np.zeros(len(self._rows), np.uint64)
        base[self._seen] = self._before[name][self._place[self._seen]]
        return np.where(self._known & (self._rows[name] >= base), self._rows[name] - base, np.nan)

    def datagrams(self, name: str) -> Floats:
        """The same of UDP, which not every kernel lets be counted."""
        return np.where(_has(self._rows, SocketMissing.TRAFFIC), self.growth(name), np.nan)
