"""Colours taken from the desktop's palette, light or dark, and corrected until they can be read.

There is no home-made theme: background and text are the palette's own. Series are Okabe and Ito's colour-blind-safe
set (jfly.uni-koeln.de/color), each moved towards black or white only as far as its contrast needs (WCAG 2.2: 4.5:1
for text, 3:1 for graphics). Colour never speaks alone: every series also has its own dash and weight.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QFont, QPalette

TEXT_CONTRAST: Final = 4.5
GRAPHIC_CONTRAST: Final = 3.0
GRID_PX: Final = 8
TARGET_PX: Final = 28

_BLUE, _ORANGE, _GREEN, _PURPLE = "#0072B2", "#E69F00", "#009E73", "#CC79A7"
_SKY, _VERMILLION, _YELLOW = "#56B4E9", "#D55E00", "#F0E442"

_LIGHT_SERIES: Final = (_BLUE, _VERMILLION, _GREEN, _PURPLE)
_DARK_SERIES: Final = (_SKY, _ORANGE, _GREEN, _PURPLE)

SERIES_STYLES: Final = (
    (Qt.PenStyle.SolidLine, 1.75),
    (Qt.PenStyle.DashLine, 1.75),
    (Qt.PenStyle.DotLine, 2.25),
    (Qt.PenStyle.DashDotLine, 1.5),
)
"""Dash and weight in pixels of the first, second, … series."""


@dataclass(frozen=True, slots=True)
class Colours:
    """Everything our own painting needs; texts reach 4.5:1 on `background`, graphics 3:1 (`grid` is decoration)."""

    background: QColor
    text: QColor
    muted: QColor
    grid: QColor
    warning: QColor
    critical: QColor
    calm: QColor
    series: tuple[QColor, ...]
    dark: bool


def colours(palette: QPalette, role: QPalette.ColorRole = QPalette.ColorRole.Window) -> Colours:
    """The colours to paint with on the palette's `role` background."""
    background = palette.color(role)
    on = QPalette.ColorRole.Text if role is QPalette.ColorRole.Base else QPalette.ColorRole.WindowText
    text = legible(palette.color(on), background)
    dark = luminance(background) < 0.18
    series = tuple(legible(QColor(c), background, GRAPHIC_CONTRAST) for c in (_DARK_SERIES if dark else _LIGHT_SERIES))
    return Colours(
        background=background,
        text=text,
        muted=legible(blend(text, background, 0.38), background),
        grid=blend(text, background, 0.86),
        warning=legible(QColor(_ORANGE), background),
        critical=legible(QColor(_VERMILLION), background),
        calm=legible(QColor(_GREEN), background),
        series=series,
        dark=dark,
    )


def luminance(colour: QColor) -> float:
    """Relative luminance, 0..1 (WCAG 2.2)."""

    def linear(channel: float) -> float:
        return channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4

    return 0.2126 * linear(colour.redF()) + 0.7152 * linear(colour.greenF()) + 0.0722 * linear(colour.blueF())


def contrast(one: QColor, other: QColor) -> float:
    """Contrast ratio of two opaque colours, 1..21 (WCAG 2.2)."""
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def legible(colour: QColor, background: QColor, ratio: float = TEXT_CONTRAST) -> QColor:
    """`colour`, moved towards black or white by the least step that reaches `ratio` on `background`."""
    end = QColor(Qt.GlobalColor.black if luminance(background) > 0.18 else Qt.GlobalColor.white)
    for step in range(21):
        candidate = blend(colour, end, step / 20)
        if contrast(candidate, background) >= ratio:
            return candidate
    return end


def readable_selection(palette: QPalette) -> QPalette:
    """What is to be changed of `palette` so that selected text can be read; nothing where it can.

    Some desktops' own can't: white on Breeze's highlight is 2.4:1. The ground gives way, so that text stays white.
    """
    changed = QPalette()
    for group in (QPalette.ColorGroup.Active, QPalette.ColorGroup.Inactive):
        ground = palette.color(group, QPalette.ColorRole.Highlight)
        readable = legible(ground, palette.color(group, QPalette.ColorRole.HighlightedText))
        if readable != ground:
            changed.setColor(group, QPalette.ColorRole.Highlight, readable)
    return changed


def blend(colour: QColor, other: QColor, ratio: float) -> QColor:
    """`colour` with `ratio` (0..1) of `other` mixed in, opaque."""
    mixed = (a + (b - a) * ratio for a, b in zip(colour.getRgbF()[:3], other.getRgbF()[:3], strict=True))  # type: ignore[index]
    return QColor.fromRgbF(*mixed)


def font(base: QFont, *, scale: float = 1.0, bold: bool = False) -> QFont:
    """The system font in one of our three sizes (0.85, 1, 1.5), with figures of equal width where it has them."""
    sized = QFont(base)
    if base.pointSizeF() > 0:
        sized.setPointSizeF(base.pointSizeF() * scale)
    else:
        sized.setPixelSize(round(base.pixelSize() * scale))
    sized.setBold(bold)
    if hasattr(sized, "setFeature"):  # Qt 6.7
        sized.setFeature(QFont.Tag("tnum"), 1)
    return sized
