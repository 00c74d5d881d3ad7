"""The columns of the connections table: what each shows and by what it sorts; which rows a filter or a search finds.

Endpoints are made into text for the cells that are painted only: sorting and searching work on the arrays.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QObject

from smoothtask_gui.domain.addresses import LISTEN, endpoint, protocol_name, state_name
from smoothtask_gui.domain.naming import process_name
from smoothtask_gui.domain.network import Protocol
from smoothtask_gui.ui import formats

if TYPE_CHECKING:
    from collections.abc import Callable

Rows = npt.NDArray[np.void]  # dtype CONNECTION


class Column(IntEnum):
    """In the order shown at first."""

    NAME = 0
    PROTOCOL = 1
    REMOTE = 2
    STATE = 3
    RECEIVED_RATE = 4
    SENT_RATE = 5
    RECEIVED = 6
    SENT = 7
    RETRANSMITS = 8
    RTT = 9
    QUEUE = 10
    AGE = 11
    LOCAL = 12
    PID = 13


class Filter(IntEnum):
    """Which connections are listed."""

    ACTIVE = 0
    LISTENING = 1
    ALL = 2


TEXTUAL: Final = (Column.NAME, Column.PROTOCOL, Column.LOCAL, Column.REMOTE, Column.STATE)


@dataclass(frozen=True, slots=True)
class ColumnText:
    """Words of a column; `widest` is a text that its cells rarely exceed, `missing` why a cell may be empty."""

    title: str
    explanation: str
    widest: str
    missing: str = ""


class ConnectionColumns(QObject):
    """Gives the words a translation context."""

    def columns(self) -> tuple[ColumnText, ...]:
        nobody = self.tr("No process is known to hold it: it is closing, or only the kernel does.")
        uncounted = self.tr("The kernel keeps no count for this kind of socket or state.")
        tcp_only = self.tr("Only TCP connections have it, once something was acknowledged.")
        older = self.tr("It is older than the helper, which can't tell how much.")
        over = self.tr("The kernel keeps nothing of what is left of a closed connection.")
        waits = self.tr(
            "Received and not yet read, or sent and not yet acknowledged. Listening: how many connections wait."
        )
        total = self.tr("Payload since the connection was opened, each byte once.")
        return (
            ColumnText(self.tr("Process"), "", "M" * 10, nobody),
            ColumnText(self.tr("Type"), "", "TCP"),
            ColumnText(self.tr("Remote"), "", "000.000.000.000:00000"),
            ColumnText(self.tr("State"), "", self.tr("established")),
            ColumnText(self.tr("Receiving"), self.tr("Received in the last interval."), "00.0 MB/s", uncounted),
            ColumnText(self.tr("Sending"), self.tr("Sent in the last interval."), "00.0 MB/s", uncounted),
            ColumnText(self.tr("Received"), total, "00.0 MB", uncounted),
            ColumnText(self.tr("Sent"), total, "00.0 MB", uncounted),
            ColumnText(self.tr("Resent"), self.tr("Segments that had to be sent again."), "000000", tcp_only),
            ColumnText(self.tr("RTT"), self.tr("Round-trip time, smoothed by the kernel."), "00.0 ms", tcp_only),
            ColumnText(self.tr("Queue"), waits, "000 kB", over),
            ColumnText(self.tr("Age"), "", "00 min 00 s", older),
            ColumnText(self.tr("Local"), "", "000.000.000.000:00000"),
            ColumnText(self.tr("PID"), "", "0000000", nobody),
        )

    def state(self, name: str) -> str:
        """A state in words; those of a connection's end stay as the kernel calls them."""
        words = {
            "ESTABLISHED": self.tr("established"),
            "LISTEN": self.tr("listening"),
            "SYN_SENT": self.tr("connecting"),
            "SYN_RECV": self.tr("connecting"),
            "UNCONNECTED": self.tr("open"),
            "TIME_WAIT": self.tr("time wait"),
            "CLOSE_WAIT": self.tr("close wait"),
            "CLOSED": self.tr("closed"),
        }
        return words.get(name, self.tr("closing"))

    def queues(self, row: np.void) -> str:
        """What waits at a socket, one line a kind; "" for nothing or unknown."""
        parts = (
            (self.tr("Received and not yet read by the process: {}"), formats.size, "receive_queue_bytes"),
            (self.tr("Sent and not yet acknowledged by the other end: {}"), formats.size, "send_queue_bytes"),
            (self.tr("Connections that the process hasn't accepted yet: {}"), _count, "waiting_connections"),
        )
        return "\n".join(words.format(shown(float(row[name]))) for words, shown, name in parts if row[name] > 0)


FIELDS: Final[dict[Column, str]] = {
    Column.NAME: "comm",
    Column.PROTOCOL: "protocol",
    Column.STATE: "state",
    Column.RECEIVED_RATE: "received_bps",
    Column.SENT_RATE: "sent_bps",
    Column.RECEIVED: "received_bytes",
    Column.SENT: "sent_bytes",
    Column.RETRANSMITS: "retransmits",
    Column.RTT: "rtt_us",
    Column.AGE: "age_s",
    Column.PID: "pid",
}


def cell(row: np.void, column: Column, words: ConnectionColumns) -> str:
    """One cell as text; the dash where there is no reading."""
    match column:
        case Column.NAME:
            return process_name(bytes(row["comm"]), is_kernel=False) if row["comm"] else formats.MISSING
        case Column.PROTOCOL:
            return protocol_name(int(row["protocol"])).upper()
        case Column.LOCAL | Column.REMOTE:
            return address(row, "local" if column is Column.LOCAL else "remote")
        case Column.STATE:
            return words.state(state_name(int(row["state"]), int(row["protocol"])))
        case Column.PID:
            return str(row["pid"]) if row["pid"] else formats.MISSING
    return _number(row, column)


def _number(row: np.void, column: Column) -> str:
    if column is not Column.QUEUE:
        return _NUMBERS[column](float(row[FIELDS[column]]))
    shown = _size if np.isnan(row["waiting_connections"]) else _count
    return shown(float(queued(row)))


def queued(rows: Rows | np.void) -> npt.NDArray[np.float64]:
    """What waits at each socket, bytes of both directions or, of a listener, connections; NaN where unknown."""
    both: npt.NDArray[np.float64] = rows["receive_queue_bytes"] + rows["send_queue_bytes"]
    return np.where(np.isnan(both), rows["waiting_connections"], both)


def address(row: np.void, side: str) -> str:
    """One end as text; the far end of a socket without one is empty."""
    port = int(row[f"{side}_port"])
    if side == "remote" and not port:
        return ""
    only = bool(row["is_ipv6_only"])
    return endpoint(bytes(row[side]), port, int(row["family"]), is_ipv6_only=only)


def _rate(bytes_per_s: float) -> str:
    return formats.rate(bytes_per_s) if bytes_per_s else "0"


def _size(size_bytes: float) -> str:
    return formats.size(size_bytes) if size_bytes else "0"


def _count(value: float) -> str:
    return formats.MISSING if np.isnan(value) else f"{value:.0f}"


def _round_trip(microseconds: float) -> str:
    return formats.brief(microseconds / 1e6)


_NUMBERS: Final[dict[Column, Callable[[float], str]]] = {
    Column.RECEIVED_RATE: _rate,
    Column.SENT_RATE: _rate,
    Column.RECEIVED: _size,
    Column.SENT: _size,
    Column.RETRANSMITS: _count,
    Column.RTT: _round_trip,
    Column.AGE: formats.duration,
}


def sort_keys(rows: Rows, column: Column) -> npt.NDArray[np.bytes_] | npt.NDArray[np.float64]:
    """One comparable key per row; missing numbers are NaN, ends sort by address, then port."""
    if column in {Column.LOCAL, Column.REMOTE}:
        side = "local" if column is Column.LOCAL else "remote"
        octets = np.zeros((len(rows), 19), np.uint8)
        octets[:, 0] = rows["family"]
        octets[:, 1:17] = np.ascontiguousarray(rows[side]).view(np.uint8).reshape(len(rows), 16)
        octets[:, 17:] = rows[f"{side}_port"].astype(">u2").view(np.uint8).reshape(len(rows), 2)
        order = np.lexsort(octets.T[::-1])
        ranks = np.empty(len(rows))
        same = np.concatenate(([False], (octets[order][1:] == octets[order][:-1]).all(axis=1)))
        ranks[order] = np.cumsum(~same[: len(rows)])
        return ranks
    if column is Column.NAME:
        return np.char.lower(rows["comm"])
    if column is Column.QUEUE:
        return queued(rows)
    return rows[FIELDS[column]].astype(np.float64)


def matches(rows: Rows, chosen: Filter, needle: str) -> npt.NDArray[np.bool_]:
    """Which rows the filter lists and a search for `needle` finds: in the process's name, an address, or as PID."""
    listens = (rows["protocol"] == Protocol.TCP) & (rows["state"] == LISTEN)
    listens |= (rows["protocol"] == Protocol.UDP) & (rows["remote_port"] == 0)
    everything = np.ones(len(rows), bool)
    found: npt.NDArray[np.bool_] = {Filter.ACTIVE: ~listens, Filter.LISTENING: listens}.get(chosen, everything)
    if not needle:
        return found
    folded = needle.casefold()
    hit = np.char.find(np.char.lower(np.char.decode(rows["comm"], "utf-8", "replace")), folded) >= 0
    for at in np.flatnonzero(found & ~hit):
        hit[at] = str(rows["pid"][at]) == needle or any(
            folded in address(rows[at], side) for side in ("local", "remote")
        )
    return found & hit
