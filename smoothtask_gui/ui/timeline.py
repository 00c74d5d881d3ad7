"""The time line of the history: temperature, CPU and memory as thin graphs, incidents as marks, gaps as gaps.

Our own widget, like the live graphs. It holds a selection: dragged with the mouse, or made with Shift and the arrow
keys; a click or the up and down keys choose an incident. Where nothing was recorded the ground is hatched; where one
value is missing its line is broken. Screen readers hear the span and what is at the cursor.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, QSizeF, Qt, Signal
from PySide6.QtGui import QBrush, QFontMetricsF, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget

from smoothtask_gui.domain.history.answers import NOTHING
from smoothtask_gui.domain.incident import Severity
from smoothtask_gui.ui import formats, lanes, theme
from smoothtask_gui.ui.graph import Floats, polygon
from smoothtask_gui.ui.ticks import ticks

if TYPE_CHECKING:
    from PySide6.QtGui import QColor, QFocusEvent, QKeyEvent, QMouseEvent

    from smoothtask_gui.domain.history.answers import Line
    from smoothtask_gui.domain.incident import Incident
    from smoothtask_gui.ui.lanes import Lane

_PAD: Final = theme.GRID_PX
_NS: Final = 1_000_000_000
_DRAG_PX: Final = 4
_KEY_STEPS: Final = 120


class Timeline(QWidget):
    """Shows a span of time, in seconds since 1970."""

    chosen = Signal(object)  # (since_s, until_s), None for nothing
    incident_chosen = Signal(object)  # Incident
    pointed = Signal(object)  # the time under the cursor in seconds, None for nowhere
    moved = Signal(int)  # the person wants to see earlier (-1) or later (1)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.since_s, self.until_s = 0.0, 1.0
        self.line: Line = NOTHING.line
        self.incidents: tuple[Incident, ...] = ()
        self.selection: tuple[float, float] | None = None
        self.cursor_s: float | None = None
        self.message = ""
        self._anchor_s: float | None = None
        self._pressed_px: float | None = None
        self._colours = theme.colours(self.palette())
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleName(self.tr("Time line"))

    def sizeHint(self) -> QSize:
        em = self.fontMetrics().height()
        return QSize(em * 48, em * 14)

    def minimumSizeHint(self) -> QSize:
        em = self.fontMetrics().height()
        return QSize(em * 20, em * 9)

    @property
    def is_dragging(self) -> bool:
        return self._pressed_px is not None

    def show_line(self, since_s: float, until_s: float, line: Line, incidents: tuple[Incident, ...]) -> None:
        """Draw another span, or the same anew."""
        self.since_s, self.until_s = since_s, max(until_s, since_s + 1)
        self.line, self.incidents = line, incidents
        self.message = ""
        self.update()

    def say(self, message: str) -> None:
        """Instead of the graphs: why there is nothing to draw."""
        self.line, self.message = NOTHING.line, message
        self.setAccessibleDescription(message)
        self.update()

    def select(self, selection: tuple[float, float] | None) -> None:
        """Mark a span, without a word to anyone."""
        self.selection = selection
        self.update()

    def at_px(self, x: float) -> float:
        """The moment at this place of the widget."""
        plot = self._plot()
        part = min(1.0, max(0.0, (x - plot.left()) / max(1.0, plot.width())))
        return self.since_s + part * (self.until_s - self.since_s)

    def px_of(self, at_s: float) -> float:
        """The place of this moment."""
        plot = self._plot()
        return plot.left() + (at_s - self.since_s) / (self.until_s - self.since_s) * plot.width()

    def point_at(self, at_s: float) -> int | None:
        """The point of the line that holds this moment, None in a gap."""
        place = int(np.searchsorted(self.line.start_s, at_s, side="right")) - 1
        if place < 0 or at_s >= self.line.start_s[place] + self.line.length_s[place]:
            return None
        return place

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() is Qt.MouseButton.LeftButton:
            self._pressed_px = event.position().x()
            self._anchor_s = self.at_px(self._pressed_px)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        x = event.position().x()
        self._point(self.at_px(x))
        if self._pressed_px is not None and abs(x - self._pressed_px) >= _DRAG_PX:
            self._select_to(self.at_px(x))
        self.setToolTip(self._incident_words(self._incident_at(event.position())))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self._pressed_px is None or event.button() is not Qt.MouseButton.LeftButton:
            return
        was_dragged = abs(event.position().x() - self._pressed_px) >= _DRAG_PX
        self._pressed_px = self._anchor_s = None
        incident = None if was_dragged else self._incident_at(event.position())
        if incident is not None:
            self.incident_chosen.emit(incident)
            return
        if not was_dragged:
            self.selection = None
            self.update()
        self.chosen.emit(self.selection)

    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        if not self.hasFocus():
            self._point(None)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self._point(None)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        step_s = (self.until_s - self.since_s) / _KEY_STEPS
        key, shift = event.key(), bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        moves = {
            Qt.Key.Key_Left: -step_s,
            Qt.Key.Key_Right: step_s,
            Qt.Key.Key_Home: self.since_s - self.until_s,
            Qt.Key.Key_End: self.until_s - self.since_s,
        }
        if key in moves:
            self._move_cursor(moves[Qt.Key(key)], extend=shift)
        elif key in (Qt.Key.Key_Up, Qt.Key.Key_Down):
            self._next_incident(1 if key == Qt.Key.Key_Down else -1)
        elif key in (Qt.Key.Key_PageUp, Qt.Key.Key_PageDown):
            self.moved.emit(-1 if key == Qt.Key.Key_PageUp else 1)
        elif key == Qt.Key.Key_Escape and self.selection is not None:
            self.select(None)
            self.chosen.emit(None)
        else:
            super().keyPressEvent(event)

    def changeEvent(self, event: QEvent) -> None:
        if event.type() == QEvent.Type.PaletteChange:
            self._colours = theme.colours(self.palette())
        super().changeEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: ARG002 - Qt's signature
        painter = QPainter(self)
        painter.setFont(theme.font(self.font(), scale=0.85))
        if self.message:
            painter.setPen(self._colours.muted)
            wrap = Qt.TextFlag.TextWordWrap | Qt.AlignmentFlag.AlignCenter
            painter.drawText(QRectF(self.rect()).adjusted(_PAD * 4, _PAD, -_PAD * 4, -_PAD), wrap, self.message)
        else:
            self._paint_span(painter)
        if self.hasFocus():
            painter.setPen(QPen(self.palette().highlight().color(), 1))
            painter.drawRect(QRectF(self.rect()).adjusted(0.5, 0.5, -1, -1))
        painter.end()

    def _plot(self) -> QRectF:
        metrics = QFontMetricsF(theme.font(self.font(), scale=0.85))
        area = QRectF(self.rect()).adjusted(_PAD, _PAD / 2, -_PAD, -_PAD / 2)
        return area.adjusted(0, self._marks_height(), 0, -metrics.height() - 2)

    def _marks_height(self) -> float:
        return float(theme.TARGET_PX)

    def _paint_span(self, painter: QPainter) -> None:
        plot = self._plot()
        for since_s, until_s in lanes.gaps(self.line, self.since_s, self.until_s):
            here = QRectF(QPointF(self.px_of(since_s), plot.top()), QPointF(self.px_of(until_s), plot.bottom()))
            painter.fillRect(here & plot, QBrush(self._colours.grid, Qt.BrushStyle.BDiagPattern))
        self._paint_axis(painter, plot)
        found = lanes.lanes(self.line)
        height = plot.height() / len(found)
        for place, lane in enumerate(found):
            area = QRectF(plot.left(), plot.top() + place * height, plot.width(), height)
            self._paint_lane(painter, area, lane, self._colours.series[place])
        self._paint_selection(painter, plot)
        for incident in self.incidents:
            self._paint_mark(painter, plot, incident)

    def _paint_lane(self, painter: QPainter, area: QRectF, lane: Lane, colour: QColor) -> None:
        metrics = QFontMetricsF(painter.font())
        painter.setPen(self._colours.grid)
        painter.drawLine(area.bottomLeft(), area.bottomRight())
        graph = area.adjusted(0, metrics.height(), 0, -2)
        values, peaks = self.line.means[:, lane.series], self.line.peaks[:, lane.series]
        middles = self.line.start_s + self.line.length_s / 2
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setClipRect(area)
        for run in lanes.runs(self.line, values):
            points = self._points(graph, lane, middles[run], values[run])
            above = self._points(graph, lane, middles[run], np.fmax(peaks[run], values[run]))
            faint = theme.blend(colour, self._colours.background, 0.65)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(faint)
            painter.drawPolygon(_band(points, above))
            painter.setPen(QPen(colour, 1.25))
            painter.drawPolyline(polygon(points))
        painter.setClipping(False)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, on=False)
        painter.setPen(self._colours.muted)
        head = QRectF(area.left() + 2, area.top(), area.width() - 4, metrics.height())
        ground = QRectF(head.topLeft(), QSizeF(metrics.horizontalAdvance(lane.title), head.height() - 1))
        painter.fillRect(ground.adjusted(-1, 2, 2, 0), self._colours.background)  # no line of the grid through words
        painter.drawText(head, Qt.AlignmentFlag.AlignLeft, lane.title)
        if np.isfinite(values).any():
            painter.drawText(head, Qt.AlignmentFlag.AlignRight, lane.top_text)
        elif len(values):
            painter.drawText(graph, Qt.AlignmentFlag.AlignCenter, lane.missing)

    def _points(self, area: QRectF, lane: Lane, times_s: Floats, values: Floats) -> Floats:
        points = np.empty((len(values), 2))
        per_s = area.width() / (self.until_s - self.since_s)
        points[:, 0] = area.left() + (times_s - self.since_s) * per_s
        part = np.clip((values - lane.floor) / max(1e-9, lane.top - lane.floor), 0.0, 1.0)
        points[:, 1] = area.bottom() - part * area.height()
        return points

    def _paint_axis(self, painter: QPainter, plot: QRectF) -> None:
        metrics = QFontMetricsF(painter.font())
        width = metrics.horizontalAdvance("00 MMM 00")
        below = QRectF(plot.left(), plot.bottom() + 2, plot.width(), metrics.height())
        for tick in ticks(self.since_s, self.until_s, int(plot.width() // (width + _PAD))):
            x = round(self.px_of(tick.at_s))
            painter.setPen(self._colours.grid)
            painter.drawLine(QPointF(x, plot.top()), QPointF(x, plot.bottom()))
            painter.setPen(self._colours.muted)
            half = metrics.horizontalAdvance(tick.text) / 2 + 1
            left = min(max(x - half, plot.left()), plot.right() - 2 * half)
            place = QRectF(left, below.top(), 2 * half, below.height())
            painter.drawText(place, Qt.AlignmentFlag.AlignCenter, tick.text)

    def _paint_selection(self, painter: QPainter, plot: QRectF) -> None:
        colour = self.palette().highlight().color()
        if self.selection is not None:
            left, right = (self.px_of(at_s) for at_s in self.selection)
            band = QRectF(QPointF(left, plot.top()), QPointF(right, plot.bottom())) & plot.adjusted(-1, 0, 1, 0)
            faint = theme.blend(colour, self._colours.background, 0.0)
            faint.setAlphaF(0.25)
            painter.fillRect(band, faint)
            painter.setPen(QPen(colour, 1))
            painter.drawLine(band.topLeft(), band.bottomLeft())
            painter.drawLine(band.topRight(), band.bottomRight())
        if self.cursor_s is not None:
            x = self.px_of(self.cursor_s)
            painter.setPen(QPen(self._colours.text, 1, Qt.PenStyle.DotLine))
            painter.drawLine(QPointF(x, plot.top()), QPointF(x, plot.bottom()))

    def _paint_mark(self, painter: QPainter, plot: QRectF, incident: Incident) -> None:
        """A triangle for a warning, a square for what is critical; a bar as long as it lasted."""
        is_critical = incident.severity is Severity.CRITICAL
        colour = self._colours.critical if is_critical else self._colours.warning
        x, half = self._mark_px(incident), _PAD * 0.75
        top = plot.top() - self._marks_height() / 2 - half
        end = min(self.px_of(lanes.end_s(incident, self.until_s)), plot.right())
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour)
        painter.drawRect(QRectF(x, top + 2 * half + 2, max(2.0, end - x), 3))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if is_critical:
            painter.drawRect(QRectF(x - half, top, 2 * half, 2 * half))
        else:
            corners = [QPointF(x, top), QPointF(x + half, top + 2 * half), QPointF(x - half, top + 2 * half)]
            painter.drawPolygon(QPolygonF(corners))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, on=False)

    def _mark_px(self, incident: Incident) -> float:
        plot = self._plot()
        x = self.px_of(incident.started_realtime_ns / _NS)
        return min(max(x, plot.left() + _PAD * 0.75), plot.right() - _PAD * 0.75)

    def _incident_at(self, place: QPointF) -> Incident | None:
        if place.y() > self._plot().top():
            return None
        near = [(abs(self._mark_px(incident) - place.x()), incident.id, incident) for incident in self.incidents]
        distance, _, incident = min(near, default=(theme.TARGET_PX, 0, None))
        return incident if distance <= theme.TARGET_PX / 2 else None

    def _incident_words(self, incident: Incident | None) -> str:
        return formats.tooltip(formats.name(incident.title)) if incident else ""

    def _next_incident(self, way: int) -> None:
        here = self.cursor_s if self.cursor_s is not None else (self.since_s if way > 0 else self.until_s)
        times = [(incident.started_realtime_ns / _NS, place) for place, incident in enumerate(self.incidents)]
        beyond = [entry for entry in times if (entry[0] - here) * way > 0]
        if beyond:
            at_s, place = min(beyond, key=lambda entry: abs(entry[0] - here))
            self._point(at_s)
            self.incident_chosen.emit(self.incidents[place])

    def _move_cursor(self, step_s: float, *, extend: bool) -> None:
        here = self.cursor_s if self.cursor_s is not None else self.until_s
        if not extend:
            self._anchor_s = None
        elif self._anchor_s is None:
            self._anchor_s = here
        self._point(min(self.until_s, max(self.since_s, here + step_s)))
        if extend and self.cursor_s is not None:
            self._select_to(self.cursor_s)
            self.chosen.emit(self.selection)

    def _select_to(self, at_s: float) -> None:
        anchor_s = self._anchor_s if self._anchor_s is not None else at_s
        self.select((min(anchor_s, at_s), max(anchor_s, at_s)))

    def _point(self, at_s: float | None) -> None:
        if at_s != self.cursor_s:
            self.cursor_s = at_s
            self.pointed.emit(at_s)
            self.update()


def _band(below: Floats, above: Floats) -> QPolygonF:
    return polygon(np.concatenate((below, above[::-1])))
