"""The connections table's model over the sample's own array; a connection is its cookie."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from smoothtask_gui.domain.connections import CONNECTION
from smoothtask_gui.ui import connection_columns, formats, process_rows
from smoothtask_gui.ui.connection_columns import TEXTUAL, Column, ConnectionColumns, Filter, Rows
from smoothtask_gui.ui.held_rows import HeldRowsModel, Index, SortKeys

if TYPE_CHECKING:
    from PySide6.QtCore import QObject


class ConnectionModel(HeldRowsModel):
    """Connections of the latest sample, filtered and sorted; closed ones stay, greyed, while held."""

    _find = staticmethod(process_rows.find_cookies)
    _textual = frozenset(TEXTUAL)

    def __init__(self, parent: QObject | None = None) -> None:
        self._names = ConnectionColumns()
        self._texts = self._names.columns()
        super().__init__(CONNECTION, self._texts, Column.RECEIVED_RATE, parent)
        self._latest = np.empty(0, CONNECTION)
        self._needle = ""
        self._filter = Filter.ACTIVE

    def show_connections(self, rows: Rows) -> None:
        """Take new readings; the order changes only when not held."""
        self._latest = rows
        self._show_latest()

    def search(self, needle: str) -> None:
        """List only what `needle` finds; the new rows are sorted at once."""
        self._needle = needle.strip()
        self._list_anew()

    def choose(self, chosen: Filter) -> None:
        """List what the filter lets through."""
        self._filter = chosen
        self._list_anew()

    def end_texts(self, index: Index) -> tuple[str, str]:
        """(local, remote) of a row, to be copied."""
        row = self._rows[index.row()]
        return connection_columns.address(row, "local"), connection_columns.address(row, "remote")

    def _wanted(self) -> Rows:
        found: Rows = self._latest[connection_columns.matches(self._latest, self._filter, self._needle)]
        return found

    def _sort_keys(self, rows: Rows, column: int) -> SortKeys:
        return connection_columns.sort_keys(rows, Column(column))

    def _text(self, row: int, column: int) -> str:
        return connection_columns.cell(self._rows[row], Column(column), self._names)

    def _tip(self, row: int, column: int) -> str:
        if self._ended[row]:
            return self.tr("This connection has closed; the row goes when pointer and selection have left the table.")
        text = self._text(row, column)
        if text == formats.MISSING:
            return self._texts[column].missing
        if column == Column.QUEUE:
            return self._names.queues(self._rows[row])
        return text if column in TEXTUAL else ""
