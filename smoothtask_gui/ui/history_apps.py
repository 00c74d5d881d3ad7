"""The apps of a span of the past, by their share of the CPU time; those that lived only for moments included."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from PySide6.QtWidgets import QStackedLayout, QVBoxLayout, QWidget

from smoothtask_gui.ui import formats, theme
from smoothtask_gui.ui.labels import EmptyState, PlainLabel, Tone
from smoothtask_gui.ui.rows_model import Row, RowsModel
from smoothtask_gui.ui.tables import TableView

if TYPE_CHECKING:
    from PySide6.QtGui import QResizeEvent

    from smoothtask_gui.domain.history.answers import Answer, AppUse

_NUMBERS: Final = range(1, 7)
_LEAST: Final = (2, 6)  # CPU time, graphics
_WIDE_EM: Final = 50


class HistoryApps(QWidget):
    """A table, and below it how its numbers were found."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.model = RowsModel(self._titles(), _NUMBERS, self)
        self.view = TableView(self.tr("Apps of the chosen time"))
        self.view.setModel(self.model)
        counts = self._words_of_counts().format(alive="00", ended="0000")
        self.view.size_columns(["M" * 12, "00.0 %", "00 min 00 s", "000 MB", "000 MB", "000 MB", "00.0 %", counts], 0)
        self.method = PlainLabel(tone=Tone.MUTED, wrap=True)
        self.empty = EmptyState()
        self._lay_out()

    def show_apps(self, answer: Answer) -> None:
        """List them; say it where nothing is known."""
        if not answer.apps:
            self.say(self.tr("Which apps ran in this time isn't known."))
            return
        rows = [self._row(use) for use in answer.apps]
        if answer.rest_share is not None:
            rest = (self.tr("the rest"), formats.percent(answer.rest_share), *[""] * (len(self._titles()) - 2))
            rows.append(Row("\t", rest))
        self.model.show_rows(tuple(rows))
        said = self.tr(
            "Shares are estimated from CPU time. {time} of this were recorded; apps that were never among the largest "
            "are in the rest."
        )
        self.method.say(said.format(time=formats.duration(answer.recorded_s)))
        self._stack.setCurrentIndex(1)

    def say(self, message: str) -> None:
        """Instead of apps: why there are none."""
        self.empty.say(message)
        self._stack.setCurrentIndex(0)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Where it is narrow, names come before what is looked at least."""
        super().resizeEvent(event)
        is_narrow = event.size().width() < self.fontMetrics().height() * _WIDE_EM
        for column in _LEAST:
            self.view.setColumnHidden(column, is_narrow)

    def _row(self, use: AppUse) -> Row:
        cells = (
            formats.name(use.name),
            formats.percent(use.cpu_share),
            formats.duration(use.cpu_s) if use.cpu_s >= 1 else self.tr("below 1 s"),
            formats.size(use.memory_bytes),
            formats.size(_sum(use.read_bytes, use.write_bytes)),
            formats.size(_sum(use.received_bytes, use.sent_bytes)),
            formats.percent(use.gpu_ratio),
            self._counts(use),
        )
        return Row(f"{use.key}\t{use.name}", cells)

    def _counts(self, use: AppUse) -> str:
        if not use.ended:
            return str(use.processes)
        return self._words_of_counts().format(alive=use.processes, ended=use.ended)

    def _words_of_counts(self) -> str:
        return self.tr("{alive} + {ended} ended")

    def _titles(self) -> tuple[str, ...]:
        return (
            self.tr("App"),
            self.tr("CPU"),
            self.tr("CPU time"),
            self.tr("Memory"),
            self.tr("Disk"),
            self.tr("Network"),
            self.tr("Graphics"),
            self.tr("Processes"),
        )

    def _lay_out(self) -> None:
        table = QWidget()
        column = QVBoxLayout(table)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.GRID_PX // 2)
        column.addWidget(self.view, 1)
        column.addWidget(self.method)
        self._stack = QStackedLayout(self)
        self._stack.addWidget(self.empty)
        self._stack.addWidget(table)


def _sum(first: float | None, second: float | None) -> float | None:
    known = [value for value in (first, second) if value is not None]
    return sum(known) if known else None
