"""The columns of the process table: what each shows, by which number it sorts, and why a cell may be empty.

One row of the table `columns()` per column; model and view know no column by name.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QObject

from smoothtask_gui.domain.naming import process_name
from smoothtask_gui.ui import formats

Rows = npt.NDArray[np.void]  # dtype RATE
UserName = Callable[[int], str]


class Column(IntEnum):
    """In the order shown at first."""

    NAME = 0
    CPU = 1
    MEMORY = 2
    READ = 3
    WRITE = 4
    RECEIVED = 5
    SENT = 6
    WAITING = 7
    THREADS = 8
    USER = 9
    PID = 10


@dataclass(frozen=True, slots=True)
class ColumnText:
    """Words of a column; `widest` is a text that its cells rarely exceed."""

    title: str
    explanation: str
    widest: str
    subject: str = ""  # the key of `Sample.unavailable` that explains an empty cell


class ProcessColumns(QObject):
    """Gives the words a translation context."""

    def columns(self, *, per_core: bool) -> tuple[ColumnText, ...]:
        of_a_core = self.tr("CPU time used, in percent of one core: two busy cores are 200 %.")
        of_all = self.tr("CPU time used, in percent of all cores together: 100 % is the whole machine.")
        resident = self.tr("Resident memory, shared pages included.")
        waiting = self.tr("Time its threads were ready to run but had to wait for a CPU, in percent of the time.")
        read, write = self.tr("Read from storage, not from cache."), self.tr("Sent towards storage.")
        received = self.tr("Received over the network by its connections, loopback included.")
        sent = self.tr("Sent over the network by its connections, loopback included.")
        return (
            ColumnText(self.tr("Name"), self.tr("The name the process gave itself."), "M" * 13),
            ColumnText(self.tr("CPU %"), of_a_core if per_core else of_all, "0000.0"),
            ColumnText(self.tr("Memory"), resident, "000 MB", "rss"),
            ColumnText(self.tr("Disk read"), read, "000 MB/s", "io"),
            ColumnText(self.tr("Disk write"), write, "000 MB/s", "io"),
            ColumnText(self.tr("Received"), received, "000 kB/s", "network"),
            ColumnText(self.tr("Sent"), sent, "000 kB/s", "network"),
            ColumnText(self.tr("Waiting %"), waiting, "000.0", "run_delay"),
            ColumnText(self.tr("Threads"), "", "0000"),
            ColumnText(self.tr("User"), "", "n" * 8),
            ColumnText(self.tr("PID"), self.tr("The number of the process."), "0000000"),
        )


def columns(*, per_core: bool) -> tuple[ColumnText, ...]:
    """The words of all columns, in the user's language; `per_core` is what 100 % CPU means."""
    return ProcessColumns().columns(per_core=per_core)


FIELDS: Final[dict[Column, str]] = {
    Column.NAME: "comm",
    Column.CPU: "cpu_ratio",
    Column.MEMORY: "rss_bytes",
    Column.READ: "read_bps",
    Column.WRITE: "write_bps",
    Column.RECEIVED: "received_bps",
    Column.SENT: "sent_bps",
    Column.WAITING: "run_delay_ratio",
    Column.THREADS: "threads",
    Column.USER: "uid",
    Column.PID: "pid",
}


RATIOS: Final = frozenset({Column.CPU, Column.WAITING})

ASCENDING: Final = frozenset({Column.NAME, Column.USER, Column.PID})
"""Names and numbers of identity: a first click sorts them from the smallest."""


def cell(row: np.void, column: Column, cpu_divisor: int, user_name: UserName) -> str:
    """One cell as text; the dash where there is no reading. `cpu_divisor` is 1 (per core) or the number of CPUs."""
    if column is Column.NAME:
        return process_name(bytes(row["comm"]), is_kernel=bool(row["is_kernel"]))
    if column is Column.USER:
        return formats.name(user_name(int(row["uid"])))
    value = float(row[FIELDS[column]])
    return NUMBER_TEXTS[column](value / cpu_divisor if column is Column.CPU else value)


def _rate(bytes_per_s: float) -> str:
    return formats.rate(bytes_per_s) if bytes_per_s else "0"


NUMBER_TEXTS: Final[dict[Column, Callable[[float], str]]] = {
    Column.CPU: formats.tenths,
    Column.MEMORY: formats.size,
    Column.READ: _rate,
    Column.WRITE: _rate,
    Column.RECEIVED: _rate,
    Column.SENT: _rate,
    Column.WAITING: formats.tenths,
    Column.THREADS: "{:.0f}".format,
    Column.PID: "{:.0f}".format,
}
"""How each number is written; the dash for a missing one."""


def sort_keys(rows: Rows, column: Column, user_name: UserName) -> npt.NDArray[np.bytes_] | npt.NDArray[np.float64]:
    """One comparable key per row, as fine as what is shown: rows that look the same don't change places each second.

    Missing numbers are NaN.
    """
    values = rows[FIELDS[column]]
    if column is Column.NAME:
        return np.char.lower(values)
    if column is Column.USER:
        users, inverse = np.unique(values, return_inverse=True)
        ranks = np.argsort(np.argsort(np.array([user_name(int(uid)).casefold() for uid in users], dtype=str)))
        return ranks[inverse].astype(np.float64)
    return as_shown(values) if column in RATIOS else values.astype(np.float64)


def as_shown(ratios: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """Ratios to the tenth of a percent that cells show."""
    rounded: npt.NDArray[np.float64] = ratios.astype(np.float64).round(3)
    return rounded


def matches(rows: Rows, needle: str, user_name: UserName) -> npt.NDArray[np.bool_]:
    """Which rows a search for `needle` finds: in the name, in the user's name, or as the exact PID."""
    if not needle:
        return np.ones(len(rows), bool)
    folded = needle.casefold()
    names = np.char.lower(np.char.decode(rows["comm"], "utf-8", "replace"))
    found = np.char.find(names, folded) >= 0
    users = [uid for uid in np.unique(rows["uid"]) if folded in user_name(int(uid)).casefold()]
    found |= np.isin(rows["uid"], users)
    if needle.isascii() and needle.isdigit() and int(needle) < 1 << 32:
        found |= rows["pid"] == int(needle)
    return found
