"""The apps table's model over the sample's own array; an app is its number."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
from PySide6.QtCore import QObject, Qt

from smoothtask_gui.domain.app import APP, App, AppKind
from smoothtask_gui.domain.app_window import lead_of
from smoothtask_gui.ui import app_columns, formats, process_rows
from smoothtask_gui.ui.app_columns import Column
from smoothtask_gui.ui.app_icons import AppIcons
from smoothtask_gui.ui.held_rows import HeldRowsModel, Index, SortKeys

if TYPE_CHECKING:
    from smoothtask_gui.domain.incident import ProcessIdentity
    from smoothtask_gui.domain.sample import Sample
    from smoothtask_gui.ui.process_columns import UserName
    from smoothtask_gui.ui.process_rows import Rows

_NOT_TO_STOP: Final = (AppKind.KERNEL, AppKind.COOLING, AppKind.SHORT_LIVED)


class AppModel(HeldRowsModel):
    """Apps of the latest sample, filtered and sorted; those that ended stay, greyed, while held."""

    _find = staticmethod(process_rows.find_numbers)
    _textual = app_columns.TEXTUAL

    def __init__(self, user_name: UserName, parent: QObject | None = None) -> None:
        words = app_columns.columns(per_core=True)
        super().__init__(APP, words, Column.CPU, parent)
        self._subjects = [word.subject for word in words]
        self._user_name = user_name
        self._sample: Sample | None = None
        self._apps: dict[int, App] = {}
        self._needle = ""
        self._per_core = True
        self.icons = AppIcons()

    def show_sample(self, sample: Sample) -> None:
        """Take the readings of `sample`; the order changes only when not held."""
        self._sample = sample
        shown = {number: self._apps[number] for number in self._rows["number"].tolist()}
        self._apps = shown | dict(zip(sample.apps.rows["number"].tolist(), sample.apps.apps, strict=True))
        self._show_latest()

    def clear(self) -> None:
        self._sample = None
        super().clear()

    def search(self, needle: str) -> None:
        """Show only apps that `needle` finds in their name or id; the new rows are sorted at once."""
        self._needle = needle.strip().casefold()
        self._list_anew()

    def count_per_core(self, per_core: bool) -> None:
        """Choose what 100 % CPU means."""
        self._per_core = per_core
        self._words = app_columns.columns(per_core=per_core)
        self.headerDataChanged.emit(Qt.Orientation.Horizontal, Column.CPU, Column.CPU)
        self._tell_changed()

    def app(self, index: Index) -> App | None:
        """The app of a row, None for none and for one that ended."""
        if not index.isValid() or self._ended[index.row()]:
            return None
        return self._apps[int(self._rows["number"][index.row()])]

    def lead(self, index: Index) -> ProcessIdentity | None:
        """The process that stands for the app of a row: its oldest; None for none, and where nobody can stop it."""
        app = self.app(index)
        if app is None or self._sample is None or app.kind in _NOT_TO_STOP:
            return None
        return lead_of(self._sample, int(self._rows["number"][index.row()]))

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if role == Qt.ItemDataRole.DecorationRole and index.isValid() and index.column() == Column.NAME:
            return self.icons.icon(self._apps[int(self._rows["number"][index.row()])])
        return super().data(index, role)

    def _wanted(self) -> Rows:
        rows: Rows = self._sample.apps.rows if self._sample else np.empty(0, APP)
        if not self._needle:
            return rows
        names = [self._apps[number] for number in rows["number"].tolist()]
        found: Rows = rows[[self._needle in app.name.casefold() or self._needle in app.id.casefold() for app in names]]
        return found

    def _sort_keys(self, rows: Rows, column: int) -> SortKeys:
        return app_columns.sort_keys(rows, self._apps, Column(column), self._user_name)

    def _text(self, row: int, column: int) -> str:
        if column == Column.NAME:
            return formats.name(self._apps[int(self._rows["number"][row])].name)
        cpus = self._sample.system.cpus if self._sample else 1
        divisor = 1 if self._per_core else max(1, cpus)
        return app_columns.cell(self._rows[row], Column(column), divisor, self._user_name)

    def _tip(self, row: int, column: int) -> str:
        if self._ended[row]:
            return self.tr("This app has ended; the row goes when pointer and selection have left the table.")
        if column == Column.NAME:
            return self._name_tip(row)
        if self._text(row, column) == formats.MISSING and self._sample is not None:
            general = self.tr("None of its processes has a reading.")
            return self._sample.unavailable.get(self._subjects[column], general)
        return ""

    def _name_tip(self, row: int) -> str:
        app = self._apps[int(self._rows["number"][row])]
        kinds = {
            AppKind.APPLICATION: self.tr("Application"),
            AppKind.SERVICE: self.tr("Service"),
            AppKind.CONTAINER: self.tr("Container"),
            AppKind.COMMAND: self.tr("Program without a desktop entry"),
            AppKind.KERNEL: self.tr("Threads of the kernel"),
            AppKind.COOLING: self.tr("The kernel forces CPUs to idle, to cool them"),
            AppKind.SHORT_LIVED: self.tr("Processes of which only the CPU time is known"),
        }
        said = [formats.name(app.name), kinds[app.kind]]
        if self._rows["exited"][row]:
            short = self.tr("Ended since the last reading: {count}, {cpu} of a core")
            cpu = formats.percent(float(self._rows["exited_cpu_ratio"][row]))
            said.append(short.format(count=int(self._rows["exited"][row]), cpu=cpu))
        return "\n".join(said)
