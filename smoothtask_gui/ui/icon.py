"""The tray icon: a ring that fills in eight steps, and a dot while an incident is open.

A tray can't be asked for its background and some shells leak memory at each new icon (KDE bug 470840 and kin), so the
icon is redrawn only when its `TrayLook` changes, and each look is drawn once. Shape before colour: a hollow dot is a
warning, a filled one critical, a dashed ring means that there are no readings.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QIcon, QPainter, QPainterPath, QPalette, QPen, QPixmap

from smoothtask_gui.domain.incident import Severity
from smoothtask_gui.ui import theme

FILL_STEPS: Final = 8
SIZES_PX: Final = (16, 22, 24, 32, 44, 64)
_CACHED_LOOKS: Final = 32


@dataclass(frozen=True, slots=True)
class TrayLook:
    """All that the icon shows; equal looks are equal pictures."""

    fill_step: int | None  # 0..8 eighths of the ring, None without readings
    severity: Severity | None  # of the worst open incident
    foreground: int  # QRgb


def tray_look(fill_ratio: float | None, severity: Severity | None, palette: QPalette) -> TrayLook:
    """The look for `fill_ratio` (0..1; None or NaN without readings) in the palette's foreground."""
    return TrayLook(fill_step(fill_ratio), severity, palette.color(QPalette.ColorRole.WindowText).rgb())


def fill_step(fill_ratio: float | None) -> int | None:
    """How many eighths of the ring are filled; None without readings."""
    if fill_ratio is None or not math.isfinite(fill_ratio):
        return None
    return round(min(1.0, max(0.0, fill_ratio)) * FILL_STEPS)


class TrayIcons:
    """Draws each look once; `drawn` counts the drawings."""

    def __init__(self) -> None:
        self._icons: dict[TrayLook, QIcon] = {}
        self.drawn = 0

    def icon(self, look: TrayLook) -> QIcon:
        """The icon for `look`, in all of SIZES_PX."""
        if look not in self._icons:
            if len(self._icons) >= _CACHED_LOOKS:
                self._icons.clear()
            self._icons[look] = draw_icon(look)
            self.drawn += 1
        return self._icons[look]


def draw_icon(look: TrayLook) -> QIcon:
    """`look` as an icon with a crisp pixmap in each of SIZES_PX."""
    icon = QIcon()
    for size_px in SIZES_PX:
        icon.addPixmap(draw_pixmap(look, size_px))
    return icon


def draw_pixmap(look: TrayLook, size_px: int) -> QPixmap:
    """`look` in one size, on a transparent ground."""
    pixmap = QPixmap(size_px, size_px)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    _paint_ring(painter, look, size_px)
    if look.severity is not None:
        _paint_dot(painter, look, size_px)
    painter.end()
    return pixmap


def _paint_ring(painter: QPainter, look: TrayLook, size_px: int) -> None:
    weight = max(3.0, round(size_px * 0.17))
    inset = weight / 2 + max(1.0, size_px / 22)
    circle = QRectF(inset, inset, size_px - 2 * inset, size_px - 2 * inset)
    foreground = QColor.fromRgb(look.foreground)
    track = QColor(foreground)
    track.setAlphaF(0.35)
    pen = QPen(track, weight, Qt.PenStyle.SolidLine, Qt.PenCapStyle.FlatCap)
    if look.fill_step is None:
        pen.setDashPattern([0.9, 0.9])
    painter.setPen(pen)
    painter.drawEllipse(circle)
    if look.fill_step:
        pen.setColor(foreground)
        painter.setPen(pen)
        painter.drawArc(circle, 90 * 16, -round(360 * 16 * look.fill_step / FILL_STEPS))


def _paint_dot(painter: QPainter, look: TrayLook, size_px: int) -> None:
    diameter = max(7.0, size_px * 0.45)
    dot = QRectF(size_px - diameter, size_px - diameter, diameter, diameter)
    gap = max(1.0, size_px / 22)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_Clear)
    painter.setBrush(Qt.GlobalColor.black)
    painter.drawEllipse(dot.adjusted(-gap, -gap, gap, gap))
    painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_SourceOver)
    painter.setBrush(_dot_colour(look))
    shape = QPainterPath()
    shape.addEllipse(dot)
    if look.severity is Severity.WARNING:
        weight = max(2.0, diameter * 0.24)
        shape.addEllipse(dot.adjusted(weight, weight, -weight, -weight))  # odd-even filling leaves it hollow
    painter.drawPath(shape)


def _dot_colour(look: TrayLook) -> QColor:
    foreground = QColor.fromRgb(look.foreground)
    if look.severity is Severity.WARNING:
        return foreground
    panel = QColor(Qt.GlobalColor.black if theme.luminance(foreground) > 0.18 else Qt.GlobalColor.white)
    return theme.legible(QColor("#D55E00"), panel, theme.GRAPHIC_CONTRAST)
