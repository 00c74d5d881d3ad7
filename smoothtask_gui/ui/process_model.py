"""The process table's model over the sample's own array.

No object is kept per process: rows are one RATE array in the order shown, and a cell becomes text when a view asks
for it. Short-lived processes that no row shows are one last row, so that the CPU column adds up.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt
from PySide6.QtGui import QColor, QGuiApplication, QPalette

from smoothtask_gui.domain.incident import ProcessIdentity
from smoothtask_gui.domain.sample import RATE, ExitedRate, Sample
from smoothtask_gui.ui import formats, process_columns, process_rows
from smoothtask_gui.ui.process_columns import Column, UserName

Index = QModelIndex | QPersistentModelIndex
_NOWHERE: Final = QModelIndex()
_LEFT: Final = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
_RIGHT: Final = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
_TEXTUAL: Final = (Column.NAME, Column.USER)
_NAMED_IN_TOOLTIP: Final = 8
_MOST_RUNS: Final = 4


class ProcessModel(QAbstractTableModel):
    """Processes of the latest sample, filtered and sorted; `hold` keeps every row in its place."""

    def __init__(self, user_name: UserName, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._user_name = user_name
        self._rows = np.empty(0, RATE)
        self._ended = np.empty(0, bool)
        self._latest = np.empty(0, RATE)
        self._exited: tuple[ExitedRate, ...] = ()
        self._reasons: dict[str, str] = {}
        self._needle = ""
        self._held = False
        self._column, self._descending = Column.CPU, True
        self._cpus = 1
        self._per_core = True
        self._words = process_columns.columns(per_core=True)

    # What the table asks for

    @property
    def per_core(self) -> bool:
        """Whether 100 % CPU is one core (else the whole machine)."""
        return self._per_core

    @property
    def held(self) -> bool:
        """Whether rows keep their places."""
        return self._held

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
        self._latest = sample.processes
        self._reasons = sample.unavailable
        self._cpus = max(1, sample.system.cpus)
        self._refresh()
        self._show_exited(tuple(entry for entry in sample.exited if self._needle.casefold() in entry.comm.casefold()))
        if self.rowCount():
            self.dataChanged.emit(self.index(0, 0), self.index(self.rowCount() - 1, len(self._words) - 1))

    def clear(self) -> None:
        """Show nothing: what was shown is no longer live."""
        self.beginResetModel()
        self._rows, self._ended, self._latest = np.empty(0, RATE), np.empty(0, bool), np.empty(0, RATE)
        self._exited = ()
        self.endResetModel()

    def hold(self, held: bool) -> None:
        """Keep all rows in their places from now on, or sort again."""
        if held != self._held:
            self._held = held
            if not held:
                self._refresh()

    def search(self, needle: str) -> None:
        """Show only processes that `needle` finds; the new rows are sorted at once."""
        self._needle = needle.strip()
        was_held, self._held = self._held, False
        self._refresh()
        self._held = was_held

    def count_per_core(self, per_core: bool) -> None:
        """Choose what 100 % CPU means."""
        self._per_core = per_core
        self._words = process_columns.columns(per_core=per_core)
        self.headerDataChanged.emit(Qt.Orientation.Horizontal, Column.CPU, Column.CPU)
        if self.rowCount():
            self.dataChanged.emit(self.index(0, Column.CPU), self.index(self.rowCount() - 1, Column.CPU))

    # What Qt asks for

    def rowCount(self, parent: Index = _NOWHERE) -> int:
        return 0 if parent.isValid() else len(self._rows) + bool(self._exited)

    def columnCount(self, parent: Index = _NOWHERE) -> int:
        return 0 if parent.isValid() else len(self._words)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if orientation is not Qt.Orientation.Horizontal or not 0 <= section < len(self._words):
            return None
        words = self._words[section]
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return words.title
            case Qt.ItemDataRole.ToolTipRole:
                return words.explanation or None
            case Qt.ItemDataRole.TextAlignmentRole:
                return _LEFT if section in _TEXTUAL else _RIGHT
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return self._text(index.row(), Column(index.column()))
            case Qt.ItemDataRole.TextAlignmentRole:
                return _LEFT if index.column() in _TEXTUAL else _RIGHT
            case Qt.ItemDataRole.ToolTipRole:
                return formats.tooltip(self._tip(index.row(), Column(index.column()))) or None
            case Qt.ItemDataRole.ForegroundRole:
                return self._colour(index.row())
        return None

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """Sort now, even while held: a click on a header is the person's own wish."""
        self._column, self._descending = Column(column), order is Qt.SortOrder.DescendingOrder
        self._sort()

    # How rows come and go

    def _refresh(self) -> None:
        wanted = self._latest[process_columns.matches(self._latest, self._needle, self._user_name)]
        step = process_rows.merge(self._rows, wanted, held=self._held)
        self._rows, self._ended = step.rows, step.ended
        self._remove(step.gone)
        if len(step.added):
            self.beginInsertRows(QModelIndex(), len(self._rows), len(self._rows) + len(step.added) - 1)
            self._rows = np.concatenate((self._rows, step.added))
            self._ended = np.concatenate((self._ended, np.zeros(len(step.added), bool)))
            self.endInsertRows()
        if not self._held:
            self._sort()

    def _remove(self, gone: process_rows.Places) -> None:
        runs = process_rows.runs_from_the_end(gone)
        if len(runs) > _MOST_RUNS:  # each run costs every view a pass over all rows: bring them together first
            self._permute(np.concatenate((np.delete(np.arange(len(self._rows)), gone), gone)))
            runs = [(len(self._rows) - len(gone), len(self._rows) - 1)]
        for first, last in runs:
            self.beginRemoveRows(QModelIndex(), first, last)
            self._rows = np.delete(self._rows, slice(first, last + 1))
            self._ended = np.delete(self._ended, slice(first, last + 1))
            self.endRemoveRows()

    def _sort(self) -> None:
        keys = process_columns.sort_keys(self._rows, self._column, self._user_name)
        places = process_rows.sorted_places(keys, descending=self._descending)
        if not np.array_equal(places, np.arange(len(places))):
            self._permute(places)

    def _permute(self, places: process_rows.Places) -> None:
        self.layoutAboutToBeChanged.emit()
        place_of = np.argsort(places)
        before = [index for index in self.persistentIndexList() if index.row() < len(place_of)]
        after = [self.index(int(place_of[index.row()]), index.column()) for index in before]
        self._rows, self._ended = self._rows[places], self._ended[places]
        self.changePersistentIndexList(before, after)
        self.layoutChanged.emit()

    def _show_exited(self, exited: tuple[ExitedRate, ...]) -> None:
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

    def _text(self, row: int, column: Column) -> str:
        divisor = 1 if self._per_core else self._cpus
        if row < len(self._rows):
            return process_columns.cell(self._rows[row], column, divisor, self._user_name)
        if column is Column.NAME:
            return self.tr("Short-lived: {count}").format(count=sum(entry.count for entry in self._exited))
        if column is Column.CPU:
            return formats.tenths(sum(entry.cpu_ratio for entry in self._exited) / divisor)
        return ""

    def _tip(self, row: int, column: Column) -> str:
        if row >= len(self._rows):
            return self._exited_tip()
        if self._ended[row]:
            return self.tr("This process has ended; the row goes when pointer and selection have left the table.")
        text = self._text(row, column)
        if text == formats.MISSING:
            general = self.tr("The kernel gave no reading for this process.")
            return self._reasons.get(self._words[column].subject, general)
        return text if column in _TEXTUAL else ""

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

    def _colour(self, row: int) -> QColor | None:
        if row < len(self._rows) and not self._ended[row]:
            return None
        return QGuiApplication.palette().color(QPalette.ColorGroup.Disabled, QPalette.ColorRole.Text)
