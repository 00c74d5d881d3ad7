"""The process table's model over the sample's own array.

Short-lived processes that no row shows are one last row, so that the CPU column adds up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from PySide6.QtCore import QModelIndex, QObject, Qt

from smoothtask_gui.domain.incident import ProcessIdentity
from smoothtask_gui.domain.sample import RATE, ExitedRate, Sample
from smoothtask_gui.ui import formats, process_columns
from smoothtask_gui.ui.held_rows import NOWHERE, HeldRowsModel, Index, SortKeys
from smoothtask_gui.ui.process_columns import Column, UserName

if TYPE_CHECKING:
    from smoothtask_gui.ui.process_rows import Rows

_NAMED_IN_TOOLTIP: Final = 8


class ProcessModel(HeldRowsModel):
    """Processes of the latest sample, filtered and sorted."""

    _textual = frozenset({Column.NAME, Column.USER})

    def __init__(self, user_name: UserName, parent: QObject | None = None) -> None:
        words = process_columns.columns(per_core=True)
        super().__init__(RATE, words, Column.CPU, parent)
        self._subjects = [word.subject for word in words]
        self._user_name = user_name
        self._latest = np.empty(0, RATE)
        self._exited: tuple[ExitedRate, ...] = ()
        self._all_exited: tuple[ExitedRate, ...] = ()  # before the search
        self._reasons: dict[str, str] = {}
        self._needle = ""
        self._app_id = ""
        self._cpus = 1
        self._per_core = True

    @property
    def per_core(self) -> bool:
        """Whether 100 % CPU is one core (else the whole machine)."""
        return self._per_core

    def identity(self, index: Index) -> ProcessIdentity | None:
        """The process of a row; None for the short-lived group and for one that ended."""
        row = index.row()
        if not index.isValid() or row >= len(self._rows) or self._ended[row]:
            return None
        it = self._rows[row]
        return ProcessIdentity(int(it["pid"]), int(it["start_ns"]), int(it["uid"]), formats.name(bytes(it["comm"])))

    def reading(self, index: Index) -> np.void | None:
        """The row's latest reading, of dtype RATE; None for the short-lived group and for one that ended."""
        return None if self.identity(index) is None else self._rows[index.row()]

    def is_kernel(self, index: Index) -> bool:
        """Whether the row is a kernel thread, which nobody can stop."""
        return index.isValid() and index.row() < len(self._rows) and bool(self._rows[index.row()]["is_kernel"])

    def show_sample(self, sample: Sample) -> None:
        """Take the readings of `sample`; the order changes only when not held."""
        place = sample.apps.place(self._app_id) if self._app_id else None
        self._latest = sample.processes
        exited = sample.exited
        if self._app_id:
            self._latest = sample.processes[sample.apps.app_of == place] if place is not None else self._latest[:0]
            exited = tuple(row for row, at in zip(exited, sample.apps.exited_of, strict=True) if at == place)
        self._reasons = sample.unavailable
        self._cpus = max(1, sample.system.cpus)
        self._all_exited = exited
        self._refresh()
        self._show_exited()
        self._tell_changed()

    def clear(self) -> None:
        self._latest = self._latest[:0]
        self._exited = self._all_exited = ()
        super().clear()

    def only(self, app_id: str) -> None:
        """Show only the processes of this app from the next sample on, "" for all."""
        self._app_id = app_id

    def search(self, needle: str) -> None:
        """Show only processes that `needle` finds; the new rows are sorted at once."""
        self._needle = needle.strip()
        self._list_anew()
        self._show_exited()

    def count_per_core(self, per_core: bool) -> None:
        """Choose what 100 % CPU means."""
        self._per_core = per_core
        self._words = process_columns.columns(per_core=per_core)
        self.headerDataChanged.emit(Qt.Orientation.Horizontal, Column.CPU, Column.CPU)
        if self.rowCount():
            self.dataChanged.emit(self.index(0, Column.CPU), self.index(self.rowCount() - 1, Column.CPU))

    def rowCount(self, parent: Index = NOWHERE) -> int:
        return 0 if parent.isValid() else len(self._rows) + bool(self._exited)

    def _wanted(self) -> Rows:
        found: Rows = self._latest[process_columns.matches(self._latest, self._needle, self._user_name)]
        return found

    def _sort_keys(self, rows: Rows, column: int) -> SortKeys:
        return process_columns.sort_keys(rows, Column(column), self._user_name)

    def _is_grey(self, row: int) -> bool:
        return row >= len(self._rows) or bool(self._ended[row])

    def _show_exited(self) -> None:
        needle = self._needle.casefold()
        exited = tuple(entry for entry in self._all_exited if needle in entry.comm.casefold())
        if exited and not self._exited:
            self.beginInsertRows(QModelIndex(), len(self._rows), len(self._rows))
            self._exited = exited
            self.endInsertRows()
        elif self._exited and not exited:
            self.beginRemoveRows(QModelIndex(), len(self._rows), len(self._rows))
            self._exited = exited
            self.endRemoveRows()
        self._exited = exited

    # What a cell says

    def _text(self, row: int, column: int) -> str:
        divisor = 1 if self._per_core else self._cpus
        if row < len(self._rows):
            return process_columns.cell(self._rows[row], Column(column), divisor, self._user_name)
        if column == Column.NAME:
            return self.tr("Short-lived: {count}").format(count=sum(entry.count for entry in self._exited))
        if column == Column.CPU:
            return formats.tenths(sum(entry.cpu_ratio for entry in self._exited) / divisor)
        return ""

    def _tip(self, row: int, column: int) -> str:
        if row >= len(self._rows):
            return self._exited_tip()
        if self._ended[row]:
            return self.tr("This process has ended; the row goes when pointer and selection have left the table.")
        text = self._text(row, column)
        if text == formats.MISSING:
            general = self.tr("The kernel gave no reading for this process.")
            return self._reasons.get(self._subjects[column], general)
        return text if column in self._textual else ""

    def _exited_tip(self) -> str:
        said = [self.tr("Processes that started and ended between two readings:")]
        ranked = sorted(self._exited, key=lambda entry: -entry.cpu_ratio)
        said.extend(
            f"{formats.name(entry.comm)} ({entry.count}): {formats.percent(entry.cpu_ratio)}"
            for entry in ranked[:_NAMED_IN_TOOLTIP]
        )
        if len(ranked) > _NAMED_IN_TOOLTIP:
            said.append("…")
        return "\n".join(said)
