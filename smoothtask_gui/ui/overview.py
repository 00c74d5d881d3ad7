"""The overview tab: six live graphs, and who used the CPU in the last minute."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QFrame, QGridLayout, QScrollArea, QVBoxLayout, QWidget

from smoothtask_gui.domain.culprit import Method
from smoothtask_gui.ui import cards, formats, theme
from smoothtask_gui.ui.graph import Axis, Graph
from smoothtask_gui.ui.labels import PlainLabel, Tone

if TYPE_CHECKING:
    from PySide6.QtGui import QResizeEvent

    from smoothtask_gui.domain.culprit import Culprits
    from smoothtask_gui.domain.store import Store
    from smoothtask_gui.domain.view import View

_MOST_COLUMNS = 3


class GraphGrid(QWidget):
    """The cards in as many columns as fit."""

    def __init__(self, graphs: list[Graph], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._graphs = graphs
        self._columns = 0
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setSpacing(theme.GRID_PX)
        self._arrange(_MOST_COLUMNS)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        least = self._graphs[0].minimumSizeHint().width() + theme.GRID_PX
        self._arrange(min(_MOST_COLUMNS, max(1, event.size().width() // least)))

    def minimumSizeHint(self) -> QSize:
        least = self._graphs[0].minimumSizeHint()
        rows = -(-len(self._graphs) // max(1, self._columns))
        return QSize(least.width(), rows * (least.height() + theme.GRID_PX))

    def _arrange(self, columns: int) -> None:
        if columns == self._columns:
            return
        self._columns = columns
        for place, graph in enumerate(self._graphs):
            self._grid.addWidget(graph, place // columns, place % columns)
        for column in range(_MOST_COLUMNS):
            self._grid.setColumnStretch(column, 1 if column < columns else 0)
        self.updateGeometry()


class Overview(QWidget):
    """First level: numbers with their units and the names behind them."""

    moment_clicked = Signal(float)  # seconds since 1970

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        ratio = Axis(formats.percent, top=1.0)
        byte_rate = Axis(formats.rate, least_top=1e6)
        self.graphs = {
            "cpu": Graph(self.tr("CPU"), ratio),
            "memory": Graph(self.tr("Memory"), Axis(formats.size, top=1e9)),
            "disk": Graph(self.tr("Disk"), byte_rate, (self.tr("read"), self.tr("write"))),
            "network": Graph(self.tr("Network"), byte_rate, (self.tr("received"), self.tr("sent"))),
            "temperature": Graph(self.tr("CPU temperature"), Axis(formats.celsius, top=100.0, floor=20.0)),
            "pressure": Graph(
                self.tr("Waiting for"),
                Axis(formats.percent, least_top=0.05, most_top=1.0),
                (self.tr("CPU"), self.tr("memory"), self.tr("disk")),
            ),
        }
        self.graphs["pressure"].setToolTip(
            self.tr("Share of the time in which some work had to wait for the CPU, for memory or for a disk.")
        )
        self._newest_s: float | None = None
        for graph in self.graphs.values():
            graph.clicked.connect(self._clicked)
            graph.setCursor(Qt.CursorShape.PointingHandCursor)
        self.who = PlainLabel(wrap=True)
        self.who.setContentsMargins(theme.GRID_PX, 0, theme.GRID_PX, 0)  # in line with the cards' own edge
        self._lay_out()

    def show_view(self, view: View, store: Store) -> None:
        """Draw the latest state."""
        if view.sample is not None:
            self._newest_s = view.sample.realtime_ns / 1e9
        for key, picture in cards.pictures(view, store).items():
            self.graphs[key].show_picture(picture)
        sensor = view.cpu_sensor
        self.graphs["temperature"].setToolTip(
            formats.tooltip(
                f"{formats.name(sensor.driver)} {formats.name(sensor.label)}\n{view.cpu_limit_reason}".strip()
            )
            if sensor
            else ""
        )
        culprits = view.culprits()
        self.who.say(self._who(culprits))
        self.who.setToolTip(self._how(culprits))

    def show_stale(self) -> None:
        """Grey everything out."""
        for graph in self.graphs.values():
            graph.set_stale(True)
        self.who.set_tone(Tone.MUTED)

    def show_live(self) -> None:
        """Back from stale."""
        self.who.set_tone(Tone.NORMAL)

    def set_span(self, span_s: float) -> None:
        """How much time the graphs show."""
        for graph in self.graphs.values():
            graph.span_s = span_s
            graph.update()

    def _clicked(self, ago_s: float) -> None:
        if self._newest_s is not None:
            self.moment_clicked.emit(self._newest_s - ago_s)

    def _who(self, culprits: Culprits) -> str:
        if culprits.rest_ratio is None:
            return self.tr("Who used the CPU: not known yet.")
        minute = self._last(culprits.window_ns / 1e9)
        named = [
            f"{formats.apart(formats.name(share.name, 40))} {formats.percent(share.ratio)}"
            for share in culprits.shares
            if share.ratio > 0
        ]
        if not named:
            return self.tr("Nobody used the CPU noticeably {time}.").format(time=minute)
        rest = self.tr("the rest {ratio}").format(ratio=formats.percent(culprits.rest_ratio))
        return self.tr("Who used the CPU {time}:  {names}").format(time=minute, names="   ".join([*named, rest]))

    def _how(self, culprits: Culprits) -> str:
        """How the shares were found."""
        texts = {
            Method.CPU_TIME: self.tr("Shares of the CPU time used."),
            Method.FREQUENCY: self.tr("Shares of the CPU time used, weighted with the clock it was spent at."),
            Method.MEASURED: self.tr("Shares of the processor's energy ({watts} on average), split by CPU time."),
            Method.MEASURED_CLOCK: self.tr(
                "Shares of the processor's energy ({watts} on average), split by CPU time and clock."
            ),
        }
        return texts[culprits.method].format(watts=formats.watts(culprits.watts))

    def _last(self, seconds: float) -> str:
        if 57 < seconds < 63:
            return self.tr("in the last minute")
        return self.tr("in the last {time}").format(time=formats.duration(seconds))

    def _lay_out(self) -> None:
        grid = GraphGrid(list(self.graphs.values()))
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setWidget(grid)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, theme.GRID_PX, 0, 0)
        column.setSpacing(theme.GRID_PX)
        column.addWidget(scroll, 1)
        column.addWidget(self.who)
