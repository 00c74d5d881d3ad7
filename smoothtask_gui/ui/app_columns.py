"""The columns of the apps table: what each shows, by which number it sorts, and why a cell may be empty."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QObject

from smoothtask_gui.ui import formats
from smoothtask_gui.ui.process_columns import NUMBER_TEXTS, ColumnText, as_shown
from smoothtask_gui.ui.process_columns import Column as Of

if TYPE_CHECKING:
    from collections.abc import Callable

    from smoothtask_gui.domain.app import App
    from smoothtask_gui.ui.process_columns import UserName
    from smoothtask_gui.ui.process_rows import Rows


class Column(IntEnum):
    """In the order shown at first."""

    NAME = 0
    CPU = 1
    MEMORY = 2
    READ = 3
    WRITE = 4
    RECEIVED = 5
    SENT = 6
    GPU = 7
    PROCESSES = 8
    USER = 9


class AppColumns(QObject):
    """Gives the words a translation context."""

    def columns(self, *, per_core: bool) -> tuple[ColumnText, ...]:
        of_a_core = self.tr("CPU time of all its processes, in percent of one core; those that ended count.")
        of_all = self.tr("CPU time of all its processes, in percent of all cores together; those that ended count.")
        resident = self.tr("Resident memory of all its processes; pages that they share count once each.")
        read, write = self.tr("Read from storage, not from cache."), self.tr("Sent towards storage.")
        received = self.tr("Received over the network by its connections, loopback included.")
        sent = self.tr("Sent over the network by its connections, loopback included.")
        gpu = self.tr("Use of the graphics card that each process uses most, added up, in percent.")
        count = self.tr("How many processes it has now.")
        return (
            ColumnText(self.tr("App"), self.tr("What was started, with all of its processes."), "M" * 15),
            ColumnText(self.tr("CPU %"), of_a_core if per_core else of_all, "0000.0"),
            ColumnText(self.tr("Memory"), resident, "000 MB", "rss"),
            ColumnText(self.tr("Disk read"), read, "000 MB/s", "io"),
            ColumnText(self.tr("Disk write"), write, "000 MB/s", "io"),
            ColumnText(self.tr("Received"), received, "000 kB/s", "network"),
            ColumnText(self.tr("Sent"), sent, "000 kB/s", "network"),
            ColumnText(self.tr("GPU %"), gpu, "000.0", "gpu"),
            ColumnText(self.tr("Processes"), count, "0000"),
            ColumnText(self.tr("User"), self.tr("Whose its oldest process is."), "n" * 8),
        )


def columns(*, per_core: bool) -> tuple[ColumnText, ...]:
    """The words of all columns, in the user's language; `per_core` is what 100 % CPU means."""
    return AppColumns().columns(per_core=per_core)


FIELDS: Final[dict[Column, str]] = {
    Column.CPU: "cpu_ratio",
    Column.MEMORY: "rss_bytes",
    Column.READ: "read_bps",
    Column.WRITE: "write_bps",
    Column.RECEIVED: "received_bps",
    Column.SENT: "sent_bps",
    Column.GPU: "gpu_ratio",
    Column.PROCESSES: "processes",
    Column.USER: "uid",
}
TEXTUAL: Final = frozenset({Column.NAME, Column.USER})
"""Left-aligned; a first click sorts them from A."""

_NUMBERS: Final[dict[Column, Callable[[float], str]]] = {
    Column.CPU: NUMBER_TEXTS[Of.CPU],
    Column.MEMORY: NUMBER_TEXTS[Of.MEMORY],
    Column.READ: NUMBER_TEXTS[Of.READ],
    Column.WRITE: NUMBER_TEXTS[Of.WRITE],
    Column.RECEIVED: NUMBER_TEXTS[Of.RECEIVED],
    Column.SENT: NUMBER_TEXTS[Of.SENT],
    Column.GPU: formats.tenths,
    Column.PROCESSES: NUMBER_TEXTS[Of.THREADS],
}


def cell(row: np.void, column: Column, cpu_divisor: int, user_name: UserName) -> str:
    """A cell other than the name; the dash without a reading. `cpu_divisor`: 1 (per core) or the number of CPUs."""
    if column is Column.USER:
        return formats.name(user_name(int(row["uid"]))) if row["processes"] else formats.MISSING
    value = float(row[FIELDS[column]])
    return _NUMBERS[column](value / cpu_divisor if column is Column.CPU else value)


def sort_keys(rows: Rows, apps: dict[int, App], column: Column, user_name: UserName) -> npt.NDArray[np.float64]:
    """One comparable key per row, as fine as what is shown; missing numbers are NaN."""
    if column in (Column.CPU, Column.GPU):
        return as_shown(rows[FIELDS[column]])
    if column not in TEXTUAL:
        return rows[FIELDS[column]].astype(np.float64)
    if column is Column.NAME:
        texts = [apps[number].name.casefold() for number in rows["number"].tolist()]
    else:
        texts = [user_name(uid).casefold() for uid in rows["uid"].tolist()]
    keys = np.unique(np.array(texts, dtype=str), return_inverse=True)[1].astype(np.float64)
    if column is Column.USER:
        keys[rows["processes"] == 0] = np.nan
    return keys
