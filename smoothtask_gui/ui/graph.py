"""The live graph: our own QPainter widget, because it is always there.

pyqtgraph draws the same four curves at 2-3 times the CPU and 50 MiB more. The whole card (title, value, legend,
curves, scale) is painted here, so a new reading lays out nothing. Missing values are gaps, never lines through
them. Nothing is painted while nobody can see it; the next showing paints the latest state. Screen readers get title
and value as accessible name and description.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QCoreApplication, QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFontMetricsF, QPainter, QPaintEvent, QPen, QPolygonF, QShowEvent
from PySide6.QtWidgets import QSizePolicy, QWidget
from shiboken6 import VoidPtr

from smoothtask_gui.ui import formats, theme
from smoothtask_gui.ui.scale import next_top

if TYPE_CHECKING:
    from collections.abc import Callable

    from PySide6.QtGui import QMouseEvent

Floats = npt.NDArray[np.float64]

_PAD: Final = theme.GRID_PX
_SWATCHES_PX: Final = (_PAD * 3, _PAD * 2, _PAD * 1.5)
"""How long the legend's lines are, by the room that there is."""
_MIDDLE_LEFT: Final = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft
_SMOOTH: Final = QPainter.RenderHint.Antialiasing


@dataclass(frozen=True, slots=True)
class Axis:
    """How the values are written and scaled.

    `top` fixes the scale (a ratio's 1.0); None lets it step between `least_top` and `most_top`. Scales begin at
    `floor`.
    """

    write: Callable[[float | None], str]
    top: float | None = None
    least_top: float = 1.0
    most_top: float = math.inf
    floor: float = 0.0


@dataclass(frozen=True, slots=True)
class Picture:
    """What one graph shows. `age_s` counts back from the newest reading; each curve is as long as `age_s`."""

    age_s: Floats
    curves: tuple[Floats, ...]
    value: str
    limit: float | None = None
    limit_label: str = ""
    top: float | None = None  # where the scale ends, if the axis leaves it to the picture
    unavailable: str = ""  # why there is nothing to show, in words
    stale: bool = False


EMPTY: Final = Picture(np.empty(0), (), formats.MISSING)


class Graph(QWidget):
    """A card with a title, the value now, and its curves over the last `span_s` seconds."""

    clicked = Signal(float)  # how many seconds ago the place is that was clicked

    def __init__(self, title: str, axis: Axis, labels: tuple[str, ...] = ("",), parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.span_s = 60.0
        self.paints = 0
        self.title = title
        self._axis = axis
        self._labels = labels
        self._picture = EMPTY
        self._top = axis.top or axis.least_top
        self._colours = theme.colours(self.palette())
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleName(title)

    def sizeHint(self) -> QSize:
        em = self.fontMetrics().height()
        return QSize(em * 17, em * 11)

    def minimumSizeHint(self) -> QSize:
        em = self.fontMetrics().height()
        return QSize(em * 15, em * 8)

    @property
    def top(self) -> float:
        """The value at the graph's upper edge."""
        return self._top

    def show_picture(self, picture: Picture) -> None:
        """Show new readings; while hidden or minimised they are kept and nothing is painted."""
        self._picture = picture
        if picture.top is not None:
            self._top = picture.top
        elif self._axis.top is None:
            limit = [picture.limit] if picture.limit is not None else []
            seen = [part[picture.age_s <= self.span_s] for part in picture.curves]
            peaks = [*limit, *(float(np.nanmax(part)) for part in seen if np.isfinite(part).any())]
            self._top = next_top(self._top, max(peaks, default=float("nan")), self._axis.least_top, self._axis.most_top)
        if self._seen():
            self._tell()
            self.update()

    def set_stale(self, stale: bool) -> None:
        """Grey the graph out: its source has gone silent."""
        if stale != self._picture.stale:
            self.show_picture(replace(self._picture, stale=stale))

    def retitle(self, title: str) -> None:
        """Name another thing (another sensor took over)."""
        if title != self.title:
            self.title = title
            self.setAccessibleName(title)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        part = (self.width() - _PAD - event.position().x()) / max(1, self.width() - 2 * _PAD)
        if event.button() is Qt.MouseButton.LeftButton and 0 <= part <= 1 and len(self._picture.age_s):
            self.clicked.emit(part * self.span_s)
        super().mouseReleaseEvent(event)

    def showEvent(self, event: QShowEvent) -> None:
        self._tell()
        super().showEvent(event)

    def changeEvent(self, event: QEvent) -> None:
        if event.type() == QEvent.Type.PaletteChange:
            self._colours = theme.colours(self.palette())
        super().changeEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: ARG002 - Qt's signature
        self.paints += 1
        painter = QPainter(self)
        plot = self._paint_head(painter)
        if self._picture.unavailable:
            self._paint_reason(painter, plot)
        else:
            self._paint_plot(painter, plot)
        painter.end()

    def _seen(self) -> bool:
        return self.isVisible() and not self.window().isMinimized()

    def _tell(self) -> None:
        said = self._picture.unavailable or self._picture.value
        extremes = self._extremes()
        said = f"{said}; {extremes}" if extremes else said
        if said != self.accessibleDescription():
            self.setAccessibleDescription(said)

    def _extremes(self) -> str:
        """Of all curves together: they share the scale."""
        picture = self._picture
        seen = [part[picture.age_s <= self.span_s] for part in picture.curves]
        known = [part[np.isfinite(part)] for part in seen]
        if not any(map(len, known)):
            return ""
        least, most = (self._axis.write(float(bound(np.concatenate(known)))) for bound in (np.min, np.max))
        return QCoreApplication.translate("Graph", "min {least} · max {most}").format(least=least, most=most)

    def _paint_head(self, painter: QPainter) -> QRectF:
        """Title, value and legend; returns the place left for the plot."""
        area = QRectF(self.rect()).adjusted(_PAD, _PAD, -_PAD, -_PAD)
        small, large = theme.font(self.font(), scale=0.85), theme.font(self.font(), scale=1.5, bold=True)
        stale = self._picture.stale
        line = QRectF(area.left(), area.top(), area.width(), QFontMetricsF(self.font()).height())
        painter.setPen(self._colours.muted)
        painter.setFont(theme.font(self.font()))
        title = painter.fontMetrics().elidedText(self.title, Qt.TextElideMode.ElideMiddle, int(line.width()))
        painter.drawText(line, Qt.AlignmentFlag.AlignLeft, title)
        below = QRectF(area.left(), line.bottom(), area.width(), QFontMetricsF(large).height())
        painter.setFont(large)
        painter.setPen(self._colours.muted if stale else self._colours.text)
        value = painter.fontMetrics().elidedText(self._picture.value, Qt.TextElideMode.ElideRight, int(below.width()))
        painter.drawText(below, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, value)
        painter.setFont(small)
        top = below.bottom() + _PAD / 2
        if len(self._labels) > 1:
            top = self._paint_legend(painter, line, top)
        return QRectF(area.left(), top, area.width(), area.bottom() - top)

    def _paint_legend(self, painter: QPainter, line: QRectF, top: float) -> float:
        """Right of the title, or on a line of its own from `top` on where that is too narrow; where the plot begins."""
        metrics = QFontMetricsF(painter.font())
        words = sum(metrics.horizontalAdvance(label) + _PAD * 1.5 for label in self._labels)
        room = line.width() - QFontMetricsF(self.font()).horizontalAdvance(self.title)
        fitting = (wide for wide in _SWATCHES_PX if words + len(self._labels) * wide <= room)
        swatch = next(fitting, _SWATCHES_PX[0])
        width = words + len(self._labels) * swatch
        if width > room:
            line = QRectF(line.left(), top, line.width(), line.height())
            top = line.bottom() + _PAD / 2
        x = line.right() - width + _PAD
        for index, label in enumerate(self._labels):
            middle = line.center().y()
            self._stroke(painter, index, [polygon(np.array([[x, middle], [x + swatch, middle]]))])
            x += swatch + _PAD / 2
            painter.setPen(self._colours.muted)
            painter.drawText(QRectF(x, line.top(), line.right() - x, line.height()), _MIDDLE_LEFT, label)
            x += metrics.horizontalAdvance(label) + _PAD
        return top

    def _paint_reason(self, painter: QPainter, plot: QRectF) -> None:
        painter.setPen(self._colours.muted)
        wrap = Qt.TextFlag.TextWordWrap | Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop
        painter.drawText(plot, wrap, self._picture.unavailable)

    def _paint_plot(self, painter: QPainter, plot: QRectF) -> None:
        metrics = QFontMetricsF(painter.font())
        plot = plot.adjusted(0, 0, 0, -metrics.height())
        self._paint_grid(painter, plot)
        painter.setClipRect(plot.adjusted(0, -2, 0, 2))
        painter.setRenderHint(_SMOOTH)
        for index in reversed(range(len(self._picture.curves))):
            self._paint_curve(painter, plot, index)
        painter.setRenderHint(_SMOOTH, on=False)
        painter.setClipping(False)
        if self._picture.limit is not None:
            self._paint_limit(painter, plot, self._picture.limit)
        self._paint_scale(painter, plot)

    def _paint_grid(self, painter: QPainter, plot: QRectF) -> None:
        painter.setPen(self._colours.grid)
        for quarter in range(5):
            y = round(plot.top() + plot.height() * quarter / 4)
            painter.drawLine(QPointF(plot.left(), y), QPointF(plot.right(), y))

    def _paint_limit(self, painter: QPainter, plot: QRectF, limit: float) -> None:
        y = round(float(self._heights(plot, np.array([limit]))[0]))
        colour = self._colours.muted if self._picture.stale else self._colours.critical
        painter.setPen(QPen(colour, 1.5, Qt.PenStyle.DashLine))
        painter.drawLine(QPointF(plot.left(), y), QPointF(plot.right(), y))
        metrics = QFontMetricsF(painter.font())
        above = y - metrics.height() if y - metrics.height() > plot.top() else y + 1
        width = metrics.horizontalAdvance(self._picture.limit_label)
        place = QRectF(plot.right() - width, above, width, metrics.height())
        painter.fillRect(place.adjusted(-2, 0, 0, -1), self._colours.background)  # else the curve strikes it out
        painter.drawText(place, Qt.AlignmentFlag.AlignRight, self._picture.limit_label)

    def _paint_scale(self, painter: QPainter, plot: QRectF) -> None:
        extremes = self._extremes()
        painter.setPen(self._colours.muted)
        metrics = QFontMetricsF(painter.font())
        line = QRectF(plot.left(), plot.bottom(), plot.width(), metrics.height())
        now = QCoreApplication.translate("Graph", "now")
        span = formats.duration(self.span_s)
        painter.drawText(line, Qt.AlignmentFlag.AlignLeft, span)
        painter.drawText(line, Qt.AlignmentFlag.AlignRight, now)
        if not extremes:
            between = plot.adjusted(0, plot.height() / 4, 0, -plot.height() / 2)  # two lines of the grid
            painter.drawText(
                between, Qt.AlignmentFlag.AlignCenter, QCoreApplication.translate("Graph", "No reading yet")
            )
            return
        if (
            metrics.horizontalAdvance(extremes) + 2 * metrics.horizontalAdvance(max(span, now, key=len))
            < plot.width() - _PAD
        ):
            painter.drawText(line, Qt.AlignmentFlag.AlignHCenter, extremes)
        limit = self._picture.limit
        if limit is None or (self._top - limit) / (self._top - self._axis.floor) * plot.height() > metrics.height():
            painter.drawText(QPointF(plot.left(), plot.top() + metrics.ascent() + 1), self._axis.write(self._top))

    def _paint_curve(self, painter: QPainter, plot: QRectF, index: int) -> None:
        wanted = self._picture.age_s <= self.span_s * 1.05
        ages, values = self._picture.age_s[wanted], self._picture.curves[index][wanted]
        points = np.empty((len(values), 2))
        points[:, 0] = plot.right() - ages / self.span_s * plot.width()
        points[:, 1] = self._heights(plot, values)
        self._stroke(painter, index, [polygon(points[run]) for run in runs(ages, values)])

    def _stroke(self, painter: QPainter, index: int, shapes: list[QPolygonF]) -> None:
        """Draw in the dash and weight of curve `index`.

        Qt's hairlines are ten times cheaper than its stroker (0.7 against 10 ms for 4 x 300 points), so weight is made
        of hairlines half a device pixel apart.
        """
        dots_per_px = self.devicePixelRatioF()
        weight_px = theme.SERIES_STYLES[index % len(theme.SERIES_STYLES)][1]
        passes = max(1, round(weight_px * dots_per_px * 1.4 - 0.4))
        painter.setPen(self._pen(index))
        for shift in range(passes):
            offset = (shift - (passes - 1) / 2) * 0.55 / dots_per_px
            painter.translate(offset, offset)
            for shape in shapes:
                painter.drawPolyline(shape)
            painter.translate(-offset, -offset)

    def _heights(self, plot: QRectF, values: Floats) -> Floats:
        floor = self._axis.floor
        heights: Floats = plot.bottom() - (values - floor) / (self._top - floor) * plot.height()
        return heights

    def _pen(self, index: int) -> QPen:
        style, _ = theme.SERIES_STYLES[index % len(theme.SERIES_STYLES)]
        series = self._colours.series
        colour = self._colours.muted if self._picture.stale else series[index % len(series)]
        return QPen(colour, 0, style, Qt.PenCapStyle.FlatCap, Qt.PenJoinStyle.BevelJoin)


def runs(ages: Floats, values: Floats) -> list[slice]:
    """The stretches without a gap: values present, and no step in time above three times the usual one."""
    present = np.isfinite(values)
    if not present.any():
        return []
    steps = np.abs(np.diff(ages))
    usual = float(np.median(steps)) if len(steps) else 0.0
    joined = present[1:] & present[:-1] & (steps <= usual * 3)
    starts = np.flatnonzero(present & np.concatenate(([True], ~joined)))
    ends = np.flatnonzero(present & np.concatenate((~joined, [True])))
    return [slice(int(start), int(end) + 1) for start, end in zip(starts, ends, strict=True)]


def polygon(points: Floats) -> QPolygonF:
    """Points of shape (n, 2), copied in one piece instead of as n objects (QPointF is two doubles)."""
    if len(points) == 1:  # a lone reading between two gaps is a dot
        points = points + np.array([[-0.75, 0.0], [0.75, 0.0]])
    shape = QPolygonF()
    shape.resize(len(points))
    memory: Any = VoidPtr(shape.data(), len(points) * 16, True)  # type: ignore[call-arg, arg-type]  # stubs lag behind
    np.frombuffer(memory, np.float64).reshape(-1, 2)[:] = points
    return shape
