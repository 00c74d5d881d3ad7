"""The activity tab: what processes call, do with files, wait for and hold; counted only while this tab is shown.

These counts cost something, most of them every process of the machine, so nothing runs until the person switches a part
on, and it ends when the tab is left or the window closed. What it costs is said under the switches, as the kernel
counts it. Other users' processes and sums over all take an administrator's consent, which is asked for by a click and
forgotten with the tab.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from PySide6.QtWidgets import QCheckBox, QFrame, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget
from shiboken6 import isValid

from smoothtask_gui.domain.activity_reading import ActivityReading, Others
from smoothtask_gui.ui import formats, theme
from smoothtask_gui.ui.activity_tables import ActivityRows
from smoothtask_gui.ui.consent_bar import ConsentBar
from smoothtask_gui.ui.histogram import Histogram
from smoothtask_gui.ui.labels import EmptyState, PlainLabel, Tone
from smoothtask_gui.ui.rows_model import RowsModel
from smoothtask_gui.ui.tables import TableView

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from PySide6.QtGui import QHideEvent, QShowEvent

    from smoothtask_gui.domain.activity_rates import ActivityRates, RunQueueRates
    from smoothtask_gui.domain.own_cost import ProbeUse
    from smoothtask_gui.domain.view import View
    from smoothtask_gui.ui.rows_model import Row

Parts = frozenset[str]
"""Of SYSCALLS, FILES, RUN_QUEUE and UNIX_SOCKETS."""
WatchActivity = Callable[[Parts, Others, Callable[[ActivityReading], None]], None]
"""Counts these from now on and no others; readings come on Qt's thread. Nothing: what was counted is unloaded."""

SYSCALLS: Final = "syscalls"
FILES: Final = "files"
RUN_QUEUE: Final = "run-queue"
UNIX_SOCKETS: Final = "unix-sockets"
_OF_ALL_USERS: Final = frozenset({SYSCALLS, FILES, UNIX_SOCKETS})
"""Parts of which other users' processes take an administrator's consent."""
_REASON_BYTES: Final = 512


def nobody_counts(parts: Parts, others: Others, answer: Callable[[ActivityReading], None]) -> None:
    """A `WatchActivity` that never answers."""
    del parts, others, answer


class ActivityPage(QWidget):
    """Four switches, and a section for each that is on."""

    def __init__(self, watch: WatchActivity, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._watch, self._rows = watch, ActivityRows()
        self._counts: Parts = frozenset()
        self._others = Others.UNSEEN
        self._has_helper = False
        self.switches = {
            SYSCALLS: QCheckBox(self.tr("S&ystem calls")),
            FILES: QCheckBox(self.tr("Fi&les")),
            RUN_QUEUE: QCheckBox(self.tr("&Waits for a CPU")),
            UNIX_SOCKETS: QCheckBox(self.tr("Unix soc&kets")),
        }
        self.cost = PlainLabel(tone=Tone.MUTED, wrap=True)
        self.consent = ConsentBar()
        self.consent.wanted.connect(self._ask_consent)
        self.empty = EmptyState()
        self.waits = PlainLabel(wrap=True)
        self.histogram = Histogram(self.tr("How long tasks waited for a CPU"))
        nothing = self.tr("Nothing now.")
        self.nothing = {name: PlainLabel(nothing, tone=Tone.MUTED) for name in (SYSCALLS, FILES, UNIX_SOCKETS)}
        self._make_tables()
        self._make_unix_table()
        self._lay_out()
        for switch in self.switches.values():
            switch.toggled.connect(self._switched)
        self._say_state()

    def show_view(self, view: View) -> None:
        """Whether there is a helper to ask."""
        has_helper = view.source == "helper"
        if has_helper is not self._has_helper:
            self._has_helper = has_helper
            for switch in self.switches.values():
                switch.setEnabled(has_helper)
            self._switched()

    def show_reading(self, reading: ActivityReading) -> None:
        """Show what happened in the last second; late answers are passed over."""
        if not isValid(self) or not self._counts:
            return
        if reading.refusal:
            self._others = Others.UNSEEN
            self.consent.show_refusal(reading.refusal)
            return
        self._show_sections(frozenset() if reading.reason else self._counts)
        if reading.reason:
            self.consent.forget()
            reason = formats.name(reading.reason, _REASON_BYTES)
            self.empty.say(self.tr("{reason}\nSmoothTask tries again.").format(reason=reason))
            self.cost.say("")
            return
        self._show_rates(reading.rates)
        if self._counts & _OF_ALL_USERS:
            self.consent.show_withheld(withheld=not reading.sees_all)
        self.cost.say(self._cost(reading.costs))

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._switched()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._count(frozenset())

    def _switched(self, *_: object) -> None:
        wanted = {name for name, switch in self.switches.items() if switch.isChecked()}
        self._count(frozenset(wanted if self._has_helper and self.isVisible() else ()))

    def _ask_consent(self) -> None:
        self._watch(self._counts, Others.ASKED_FOR, self.show_reading)
        self._others = Others.AGREED  # unless a refusal comes

    def _count(self, parts: Parts) -> None:
        changed = parts != self._counts
        self._counts = parts
        if not parts & _OF_ALL_USERS:
            self._others = Others.UNSEEN
            self.consent.forget()
        if changed or not parts:
            self._say_state()
        if changed:
            self._watch(parts, self._others, self.show_reading)

    def _say_state(self) -> None:
        if not self._has_helper:
            self.empty.say(self.tr("This needs the helper, which counts in the kernel."))
        elif not self._counts:
            self.empty.say(
                self.tr(
                    "Nothing is counted now.\nSwitched on, a part costs every program something at each system call or "
                    "switch of tasks; unix sockets cost some time for each open file. It ends when you leave this tab."
                )
            )
        self.cost.say(self.tr("Loading…") if self._counts else "")
        self._show_sections(self._counts)

    def _show_sections(self, shown: Parts) -> None:
        """Those parts, or what `empty` says; what isn't shown is forgotten, as it won't be true when it is again."""
        for name, section in self.sections.items():
            section.setVisible(name in shown)
            if name not in shown:
                for part in self._contents[name]:
                    part.hide()
        self.sheet.setVisible(bool(shown))
        self.empty.setVisible(not shown)

    def _show_rates(self, rates: ActivityRates) -> None:
        rows = self._rows
        self._fill(self.caller_view, self.callers, rows.callers(rates.callers or ()))
        self._fill(self.syscall_view, self.syscalls, rows.syscalls(rates.syscalls or ()))
        self._fill(self.file_view, self.file_users, rows.file_users(rates.file_users or ()))
        self._fill(self.system_view, self.file_systems, rows.file_systems(rates.file_systems or ()))
        self._fill(self.unix_view, self.unix_holders, rows.unix_holders(rates.unix_holders or ()))
        lists = {
            SYSCALLS: (rates.callers, rates.syscalls),
            FILES: (rates.file_users, rates.file_systems),
            UNIX_SOCKETS: (rates.unix_holders,),
        }
        for name, found in lists.items():
            is_known = any(one is not None for one in found)
            self.nothing[name].setVisible(is_known and not any(found))
        if rates.run_queue is not None:
            self.waits.say(self._waits(rates.run_queue))
            self.histogram.show_slots(rates.run_queue.slots_per_s)
            for part in self._contents[RUN_QUEUE]:
                part.show()

    def _fill(self, view: TableView, model: RowsModel, rows: tuple[Row, ...]) -> None:
        model.show_rows(rows)
        view.setVisible(bool(rows))
        if rows:
            view.fit_rows()

    def _waits(self, found: RunQueueRates) -> str:
        at_most = self.tr("{count} waits a second; mean {mean}, half at most {half}, 99 of 100 at most {most}")
        return at_most.format(
            count=formats.digits(found.waits_per_s),
            mean=_brief_us(found.mean_us),
            half=_brief_us(found.p50_us),
            most=_brief_us(found.p99_us),
        )

    def _cost(self, costs: Sequence[ProbeUse]) -> str:
        said = []
        titles = {
            "syscalls": self.tr("System calls"),
            "file_activity": self.tr("Files"),
            "run_queue": self.tr("Waits for a CPU"),
            "unix_sockets": self.tr("Unix sockets"),
        }
        found = {use.probe.name: use for use in costs}
        for name, part in titles.items():
            use = found.get(name)
            if use is None:
                continue
            if use.probe.state != "running":
                said.append(f"{part}: {formats.name(use.probe.reason or use.probe.state, _REASON_BYTES)}")
                continue
            words = self.tr("{part}: {memory} in the kernel").format(
                part=part, memory=formats.size(use.probe.memory_bytes)
            )
            if use.busy_ratio is not None:
                words += self.tr(", {share} of a core in its programs").format(share=formats.percent(use.busy_ratio))
            said.append(words)
        if costs and all(use.probe.runs is None for use in costs):
            said.append(self.tr("run time isn't counted (sysctl kernel.bpf_stats_enabled)"))
        return " · ".join(said)

    def _make_tables(self) -> None:
        process, pid, failed = self.tr("Process"), self.tr("PID"), self.tr("Failed/s")
        opens, syncs, read, write = self.tr("Opens/s"), self.tr("Syncs/s"), self.tr("Read"), self.tr("Written")
        calls, half, most = self.tr("Calls/s"), self.tr("Half"), self.tr("99 of 100")
        name, rate, time = "M" * 16, "000 MB/s", "≤ 000 ms"
        threads, sync = self.tr("Threads in calls"), self.tr("Time a sync")
        said = {
            failed: self.tr("Calls that returned an error; programs that look for files have many."),
            threads: self.tr("How many of its threads were inside a call on average, waiting ones included."),
            sync: self.tr("How long a sync took on average."),
            half: self.tr("Half of them took at most this long."),
            most: self.tr("99 of 100 took at most this long; the hundredth took longer."),
        }
        self.callers, self.caller_view = _table(
            self.tr("System calls of processes"),
            (process, calls, failed, threads, pid),
            (name, "000,000", "00,000", "00.0", "0000000"),
            said,
        )
        self.syscalls, self.syscall_view = _table(
            self.tr("System calls of all processes"),
            (self.tr("System call"), calls, failed, half, most),
            (name, "000,000", "00,000", time, time),
            said,
        )
        self.file_users, self.file_view = _table(
            self.tr("What processes do with files"),
            (process, opens, read, write, syncs, sync, pid),
            (name, "00,000", rate, rate, "0000", time, "0000000"),
            said,
        )
        self.file_systems, self.system_view = _table(
            self.tr("File systems"),
            (self.tr("File system"), opens, read, write, syncs, half, most),
            (name, "00,000", rate, rate, "0000", time, time),
            said,
        )

    def _make_unix_table(self) -> None:
        listening, unread = self.tr("Listening"), self.tr("Unread")
        elsewhere = self.tr("Not known in other networks, as of containers.")
        waiting = self.tr("Messages that others sent it and that it hasn't read yet.")
        self.unix_holders, self.unix_view = _table(
            self.tr("Unix sockets of processes"),
            (self.tr("Process"), self.tr("Sockets"), listening, unread, self.tr("PID")),
            ("M" * 16, "00,000", "0,000", "00,000", "0000000"),
            {listening: elsewhere, unread: f"{waiting} {elsewhere}"},
        )

    def _lay_out(self) -> None:
        bar = QHBoxLayout()
        bar.setSpacing(theme.GRID_PX * 3)
        for switch in self.switches.values():
            switch.setMinimumHeight(theme.TARGET_PX)
            switch.setEnabled(False)
            bar.addWidget(switch)
        bar.addStretch(1)
        self._contents: dict[str, tuple[QWidget, ...]] = {
            SYSCALLS: (self.caller_view, self.syscall_view, self.nothing[SYSCALLS]),
            FILES: (self.file_view, self.system_view, self.nothing[FILES]),
            RUN_QUEUE: (self.waits, self.histogram),
            UNIX_SOCKETS: (self.unix_view, self.nothing[UNIX_SOCKETS]),
        }
        self.sections = {
            SYSCALLS: _section(self.tr("System calls"), *self._contents[SYSCALLS]),
            FILES: _section(self.tr("Files"), *self._contents[FILES]),
            RUN_QUEUE: _section(self.tr("Waits for a CPU"), *self._contents[RUN_QUEUE]),
            UNIX_SOCKETS: _section(self.tr("Unix sockets"), *self._contents[UNIX_SOCKETS]),
        }
        body = QWidget()
        parts = QVBoxLayout(body)
        parts.setContentsMargins(0, 0, 0, 0)
        parts.setSpacing(theme.GRID_PX * 2)
        for section in self.sections.values():
            parts.addWidget(section)
        parts.addStretch(1)
        self.sheet = QScrollArea()
        self.sheet.setWidgetResizable(True)
        self.sheet.setFrameShape(QFrame.Shape.NoFrame)
        self.sheet.setWidget(body)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, theme.GRID_PX, 0, 0)
        column.setSpacing(theme.GRID_PX)
        column.addLayout(bar)
        column.addWidget(self.cost)
        column.addWidget(self.consent)
        column.addWidget(self.sheet, 1)
        column.addWidget(self.empty, 1)


def _table(
    name: str, titles: tuple[str, ...], widest: tuple[str, ...], explanations: Mapping[str, str]
) -> tuple[RowsModel, TableView]:
    view = TableView(name)
    model = RowsModel(titles, range(1, len(titles)), view, explanations=explanations)
    view.setModel(model)
    view.size_columns(widest)
    return model, view


def _section(title: str, *parts: QWidget) -> QWidget:
    section = QWidget()
    column = QVBoxLayout(section)
    column.setContentsMargins(0, 0, 0, 0)
    column.setSpacing(theme.GRID_PX)
    column.addWidget(PlainLabel(title, bold=True))
    for part in parts:
        column.addWidget(part)
    return section


def _brief_us(duration_us: float | None) -> str:
    return formats.brief(None if duration_us is None else duration_us / 1e6)
