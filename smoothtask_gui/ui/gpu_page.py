"""The graphics tab: each card, who uses it, and why a number is missing; or why there is no card to show."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from PySide6.QtWidgets import QStackedLayout, QVBoxLayout, QWidget

from smoothtask_gui.domain.gpu_rates import BY_PROCESSES, TICK_NS
from smoothtask_gui.domain.gpu_reading import GpuState
from smoothtask_gui.domain.naming import process_name
from smoothtask_gui.ui import formats, theme
from smoothtask_gui.ui.labels import EmptyState, PlainLabel, Tone
from smoothtask_gui.ui.rows_model import Row, RowsModel
from smoothtask_gui.ui.tables import TableView

if TYPE_CHECKING:
    from smoothtask_gui.domain.gpu_rates import GpuProcessRate, GpuRates
    from smoothtask_gui.domain.sample import Sample
    from smoothtask_gui.domain.view import View

_NOTE: Final = 6
_MOST_ROWS: Final = 100
_CARDS_SHOWN: Final = 4
"""More scroll, so that the processes keep their place."""
_ENGINES_SHOWN: Final = 4


class GpuPage(QWidget):
    """Two tables: cards above, their processes below, the busiest first."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.cards = RowsModel(self._card_titles(), range(1, _NOTE), self)
        self.processes = RowsModel(self._process_titles(), (1, 2, 5), self)
        self.card_view = TableView(self.tr("Graphics cards"))
        self.card_view.setModel(self.cards)
        self.card_view.size_columns(
            ["M" * 16, "00.0 %", "00.0 of 00.0 GB", "000 W", "0000 MHz", "000 °C", "M" * 10], _NOTE
        )
        self.process_view = TableView(self.tr("Processes that use graphics cards"))
        self.process_view.setModel(self.processes)
        self.process_view.size_columns(["M" * 14, "00.0 %", "000 MB", "M" * 16, "M" * 14, "0000000"], 3)
        self.hint = PlainLabel(tone=Tone.MUTED, wrap=True)
        self.empty = EmptyState()
        self._lay_out()

    def show_view(self, view: View) -> None:
        """Show the cards of the latest sample."""
        sample = view.sample
        gpus = sample.gpus if sample else ()
        if sample is not None and gpus:
            self.cards.show_rows(tuple(self._card(card) for card in gpus))
            self.card_view.fit_rows(_CARDS_SHOWN)
            self.processes.show_rows(self._process_rows(sample))
            self.hint.say(
                self.tr("Nobody whose use can be read uses a card now.")
                if not self.processes.rowCount()
                else self.tr("In percent of the busiest kind of engine.")
            )
        waiting = self.tr("Waiting for the first reading.")
        none = self.tr(
            "No graphics card reports its use here: the kernel shows none (usual in virtual machines and containers)."
        )
        self.empty.say(none if sample else waiting)
        self._stack.setCurrentIndex(1 if gpus else 0)

    def _card(self, card: GpuRates) -> Row:
        name = formats.name(f"{card.name} ({card.driver})" if card.driver else card.name)
        cells = (
            name,
            formats.percent(card.busy_ratio),
            formats.size_of(card.memory_used_bytes, card.memory_total_bytes),
            formats.watts(card.power_w),
            self._megahertz(card.frequency_mhz),
            formats.celsius(card.temperature_c),
            self._note(card),
        )
        return Row(card.key, cells)

    def _megahertz(self, frequency_mhz: float | None) -> str:
        text = formats.digits(frequency_mhz)
        return text if text == formats.MISSING else f"{text}{formats.SPACE}MHz"

    def _note(self, card: GpuRates) -> str:
        states = {
            GpuState.ASLEEP.value: self.tr("Asleep. It isn't asked, since that would wake it."),
            GpuState.RESTING.value: self.tr("Idle. It is left alone so that it can fall asleep."),
        }
        if card.state in states:
            return states[card.state]
        if card.reason:
            return formats.name(card.reason)
        ranked = sorted(card.engines.items(), key=lambda entry: (-entry[1], entry[0]))[:_ENGINES_SHOWN]
        engines = ", ".join(f"{formats.name(engine)} {formats.percent(ratio)}" for engine, ratio in ranked)
        if card.method == BY_PROCESSES:
            return self.tr("Your own processes only: {engines}").format(engines=engines)
        return engines

    def _process_rows(self, sample: Sample) -> tuple[Row, ...]:
        found = [(card, process) for card in sample.gpus for process in card.processes]
        found.sort(key=lambda entry: (-(entry[1].ratio or 0.0), -(entry[1].memory_bytes or 0), entry[1].pid))
        return tuple(self._process(card, process, sample) for card, process in found[:_MOST_ROWS])

    def _process(self, card: GpuRates, process: GpuProcessRate, sample: Sample) -> Row:
        ranked = sorted(process.engines.items(), key=lambda entry: (-entry[1], entry[0]))[:_ENGINES_SHOWN]
        cells = (
            _name(process, sample),
            formats.percent(process.ratio),
            formats.size(process.memory_bytes),
            ", ".join(f"{formats.name(engine)} {formats.percent(ratio)}" for engine, ratio in ranked if ratio),
            formats.name(card.name),
            str(process.pid),
        )
        return Row(f"{card.key} {process.pid} {process.start_ns}", cells)

    def _card_titles(self) -> tuple[str, ...]:
        return (
            self.tr("Card"),
            self.tr("Busy"),
            self.tr("Memory"),
            self.tr("Power"),
            self.tr("Clock"),
            self.tr("Temperature"),
            self.tr("Note"),
        )

    def _process_titles(self) -> tuple[str, ...]:
        return (
            self.tr("Process"),
            self.tr("Use"),
            self.tr("Memory"),
            self.tr("Engines"),
            self.tr("Card"),
            self.tr("PID"),
        )

    def _lay_out(self) -> None:
        body = QWidget()
        column = QVBoxLayout(body)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.GRID_PX)
        column.addWidget(self.card_view)
        column.addWidget(self.hint)
        column.addWidget(self.process_view, 1)
        self._stack = QStackedLayout(self)
        self.setContentsMargins(0, theme.GRID_PX, 0, 0)  # a stacked layout knows no margins
        self._stack.addWidget(self.empty)
        self._stack.addWidget(body)


def _name(process: GpuProcessRate, sample: Sample) -> str:
    """The process's name as the table of processes has it, the dash for one that isn't in the sample."""
    rows = sample.processes
    at = int(np.searchsorted(rows["pid"], process.pid))
    if at == len(rows) or rows["pid"][at] != process.pid:
        return formats.MISSING
    if not 0 <= int(rows["start_ns"][at]) - process.start_ns < TICK_NS:
        return formats.MISSING
    return process_name(bytes(rows["comm"][at]), is_kernel=bool(rows["is_kernel"][at]))
