"""The page that shows what SmoothTask itself costs: app, helper, eBPF programs, memory, caches.

Numbers are asked for every two seconds while the page can be seen, and not otherwise. What isn't counted is a dash with
its reason; nothing is estimated but the memory of the history, which is counted from its arrays, and what maps were
reckoned to take before they were made, which stands beside what the kernel tells of them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import numpy as np
from PySide6.QtCore import QCoreApplication, QTimer
from PySide6.QtWidgets import QFrame, QScrollArea, QVBoxLayout, QWidget
from shiboken6 import isValid

from smoothtask_gui.domain.own_cost import OwnReading, map_bytes, own_use
from smoothtask_gui.ui import formats, theme
from smoothtask_gui.ui.labels import PlainLabel, Tone
from smoothtask_gui.ui.rows_model import Row, RowsModel
from smoothtask_gui.ui.tables import TableView

if TYPE_CHECKING:
    from PySide6.QtGui import QHideEvent, QShowEvent

    from smoothtask_gui.domain.description import CacheCounts
    from smoothtask_gui.domain.own_cost import OwnUse, ProbeUse
    from smoothtask_gui.domain.sample import Sample
    from smoothtask_gui.domain.view import View

AskCost = Callable[[bool, Callable[[OwnReading], None]], None]
"""Asks for a reading, with the helper's or without; the answer comes later, on Qt's thread."""

PERIOD_MS: Final = 2000
_STATE: Final = 1
_NOTE: Final = 8
"""Columns of the probes; what is between are numbers."""
HELPER_APP: Final = "service:smoothtask-sampler.service"
_REASON_BYTES: Final = 1000
"""As much as `smoothtask probes` shows: how datagrams are counted can be a long story. The tooltip has it whole."""


def nobody_answers(ask_helper: bool, answer: Callable[[OwnReading], None]) -> None:
    """An `AskCost` without an answer: the page waits."""
    del ask_helper, answer


class OwnCostPage(QWidget):
    """`icons` tells what the cache of icons did, which lives in another tab."""

    def __init__(self, ask: AskCost, icons: Callable[[], CacheCounts], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._ask_for, self._icons = ask, icons
        self._view: View | None = None
        self._before: OwnReading | None = None
        self.parts = RowsModel(
            (self.tr("Part"), self.tr("CPU, % of a core"), self.tr("Wake-ups a second"), self.tr("Memory")),
            (1, 2, 3),
            self,
        )
        self.probes = RowsModel(self._probe_titles(), range(_STATE + 1, _NOTE), self)
        self.caches = RowsModel(
            (self.tr("Remembered"), self.tr("Hits"), self.tr("Questions"), self.tr("Entries"), self.tr("Damaged")),
            (1, 2, 3, 4),
            self,
        )
        self.hint = PlainLabel(self.tr("Reading…"), tone=Tone.MUTED, wrap=True)
        self.note = PlainLabel(wrap=True)
        self.note.hide()
        self._timer = QTimer(self, interval=PERIOD_MS)
        self._timer.timeout.connect(self._ask)
        self._lay_out()

    def show_view(self, view: View) -> None:
        """Where the readings come from now, and what the helper's own row says."""
        self._view = view

    def show_reading(self, reading: OwnReading) -> None:
        """Show one reading beside the one before; an answer that comes after the window was closed is late."""
        if not isValid(self):
            return
        use = own_use(self._before, reading)
        self._before = reading
        self.parts.show_rows(self._part_rows(reading, use))
        self.probes.show_rows(tuple(self._probe_row(probe) for probe in use.probes))
        caches = (*reading.caches, ("icons", self._icons()))
        self.caches.show_rows(tuple(self._cache_row(name, counts) for name, counts in caches))
        self.probe_view.setVisible(reading.helper is not None)
        self._say_note()
        for view in (self.part_view, self.probe_view, self.cache_view):
            view.fit_rows()
        self.hint.say(self._hint(reading))

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._before = None
        self._ask()
        self._timer.start()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._timer.stop()

    def _ask(self) -> None:
        self._ask_for(self._view is not None and self._view.source == "helper", self.show_reading)

    def _hint(self, reading: OwnReading) -> str:
        helper = reading.helper
        if helper is None:
            return formats.name(reading.helper_reason, _REASON_BYTES)
        said = [self.tr("The helper has run for {time}.").format(time=formats.duration(helper.uptime_ns / 1e9))]
        if helper.programs_ns is None:
            said.append(self.tr("Run times of eBPF programs aren't counted (sysctl kernel.bpf_stats_enabled)."))
        maps = map_bytes(helper.probes)
        if maps is not None:
            words = self.tr("The maps of its programs take {now} and were reckoned at {range}, empty to full.")
            reckoned = _range((maps.reckoned_empty, maps.reckoned_full))
            said.append(words.format(now=formats.size(maps.now), range=reckoned))
        return " ".join(said)

    def _part_rows(self, reading: OwnReading, use: OwnUse) -> tuple[Row, ...]:
        busy, wakeups = _percent(use.app_busy_ratio), formats.digits(use.app_wakeups_per_s)
        history = self.tr("  of that, history and culprits")
        rows = (
            Row("app", (self.tr("App"), busy, wakeups, formats.size(reading.app_resident_bytes))),
            Row("history", (history, "", "", formats.size(reading.history_bytes))),
        )
        helper = reading.helper
        if helper is None:
            return (*rows, Row("helper", (self.tr("Helper"), *[formats.MISSING] * 3)))
        wakeups = formats.digits(_wakeups_per_s(self._view.sample if self._view else None))
        busy, programs = _percent(use.helper_busy_ratio), _percent(use.programs_busy_ratio)
        return (
            *rows,
            Row("helper", (self.tr("Helper"), busy, wakeups, formats.size(helper.resident_bytes))),
            Row("ebpf", (self.tr("eBPF programs and maps"), programs, "", formats.size(helper.kernel_bytes))),
        )

    def _probe_row(self, use: ProbeUse) -> Row:
        probe = use.probe
        cells = (
            formats.name(probe.name),
            formats.name(probe.state),
            formats.digits(use.events_per_s),
            _percent(use.busy_ratio),
            formats.MISSING if probe.ns_per_event is None else f"{probe.ns_per_event:.0f}",
            formats.size(probe.memory_bytes),
            formats.size(probe.map_bytes),
            _range(probe.reckoned_map_bytes),
            formats.name(probe.why, _REASON_BYTES),
        )
        return Row(probe.name, cells)

    def _say_note(self, *_: object) -> None:
        """The whole note of the current probe, else of the first that failed: in the table it is cut short."""
        row = self.probe_view.currentIndex().row()
        if row < 0:
            states = (self.probes.index(at, _STATE).data() for at in range(self.probes.rowCount()))
            row = next((at for at, state in enumerate(states) if state == "failed"), -1)
        probe, note = (self.probes.index(row, column).data() or "" for column in (0, _NOTE))
        self.note.say(f"{probe}: {note}" if note else "")
        self.note.setVisible(bool(note))

    def _cache_row(self, name: str, counts: CacheCounts) -> Row:
        titles = {
            "processes": self.tr("What processes are"),
            "applications": self.tr("Names of applications"),
            "icons": self.tr("Icons"),
        }
        cells = (
            titles[name],
            formats.percent(counts.hit_ratio),
            str(counts.hits + counts.misses),
            f"{counts.entries} / {counts.capacity}",
            str(counts.dropped),
        )
        return Row(name, cells)

    def _probe_titles(self) -> tuple[str, ...]:
        return (
            self.tr("eBPF probe"),
            self.tr("State"),
            self.tr("Events/s"),
            self.tr("% of a core"),
            self.tr("ns each"),
            self.tr("Memory"),
            self.tr("Maps"),
            self.tr("Maps, reckoned"),
            self.tr("Note"),
        )

    def _lay_out(self) -> None:
        self.part_view = _table(self.tr("Parts"), self.parts, ("M" * 20, "0.00", "00.0", "000 MB"), 0)
        kilobytes = "000 kB"
        counts = ("0000", "0.00", "0000", kilobytes, kilobytes, f"{kilobytes} to {kilobytes}")
        probe_widths = ("memory_reclaim", "unavailable", *counts, "M" * 16)
        self.probe_view = _table(self.tr("eBPF probes"), self.probes, probe_widths, _NOTE)
        self.probe_view.selectionModel().currentRowChanged.connect(self._say_note)
        self.cache_view = _table(self.tr("Caches"), self.caches, ("M" * 20, "000 %", "000000", "0000 / 0000", "0"), 0)
        body = QWidget()
        parts = QVBoxLayout(body)
        parts.setContentsMargins(0, 0, 0, 0)
        parts.setSpacing(theme.GRID_PX)
        for part in (self.hint, self.part_view, self.probe_view, self.note, self.cache_view):
            parts.addWidget(part)
        parts.addStretch(1)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setWidget(body)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, theme.GRID_PX, 0, 0)
        column.addWidget(scroll)


def _table(name: str, model: RowsModel, widest: tuple[str, ...], stretched: int) -> TableView:
    view = TableView(name)
    view.setModel(model)
    view.size_columns(widest, stretched)
    return view


def _percent(ratio: float | None) -> str:
    """In percent of a core, without the sign, with two decimals where it is small."""
    return formats.digits(None if ratio is None else ratio * 100)


def _range(found: tuple[int, int] | None) -> str:
    """From empty maps to full ones."""
    if found is None:
        return formats.MISSING
    least, most = map(formats.size, found)
    words = QCoreApplication.translate("OwnCostPage", "{least} to {most}")
    return least if least == most else words.format(least=least, most=most)


def _wakeups_per_s(sample: Sample | None) -> float | None:
    """Context switches of the helper's own process, as it counts them; None where it isn't a unit of systemd."""
    place = sample.apps.place(HELPER_APP) if sample else None
    if sample is None or place is None:
        return None
    switches = sample.processes["switches_per_s"][sample.apps.members(place)]
    known = switches[np.isfinite(switches)]
    return float(known.sum()) if len(known) else None
