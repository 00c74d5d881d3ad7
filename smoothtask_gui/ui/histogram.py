"""How many waits were how long: bars over a scale on which each step is twice as long as the one before."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from smoothtask_gui.ui import formats, theme

FIRST_SLOT: Final = 9  # 512 ns: what is quicker is drawn here
LAST_SLOT: Final = 30  # 1.07 s and longer
_MARKS: Final = ((10, 1e-6), (20, 1e-3), (30, 1.0))  # 2^10 ns is about a microsecond
_LINES: Final = 7


class Histogram(QWidget):
    """`show_slots` takes one number a slot; slot n is of [2^n, 2^(n+1)) ns."""

    def __init__(self, accessible_name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(accessible_name)
        self.setFont(theme.font(self.font(), scale=0.85))
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.bars: tuple[float, ...] = (0.0,) * (LAST_SLOT - FIRST_SLOT + 1)

    def show_slots(self, slots: tuple[float, ...]) -> None:
        first, last = sum(slots[: FIRST_SLOT + 1]), sum(slots[LAST_SLOT:])
        self.bars = (first, *slots[FIRST_SLOT + 1 : LAST_SLOT], last)
        self.update()

    def sizeHint(self) -> QSize:
        line = self.fontMetrics().height()
        return QSize(line * 24, line * _LINES)

    def minimumSizeHint(self) -> QSize:
        return QSize(self.fontMetrics().height() * 12, self.sizeHint().height())

    def paintEvent(self, event: QPaintEvent) -> None:
        del event
        colours = theme.colours(self.palette())
        painter = QPainter(self)
        line = self.fontMetrics().height()
        room = QRectF(self.rect()).adjusted(0, line, 0, -line - theme.GRID_PX / 2)
        step = room.width() / len(self.bars)
        highest = max(self.bars)
        painter.setPen(colours.grid)
        painter.drawLine(room.bottomLeft(), room.bottomRight())
        if highest > 0:
            for place, value in enumerate(self.bars):
                height = room.height() * value / highest
                bar = QRectF(room.left() + place * step + 1, room.bottom() - height, step - 2, height)
                painter.fillRect(bar, colours.series[0])
        painter.setPen(colours.muted)
        for slot, seconds in _MARKS:
            left = room.left() + (slot - FIRST_SLOT) * step
            side = Qt.AlignmentFlag.AlignRight if slot == LAST_SLOT else Qt.AlignmentFlag.AlignLeft
            at = QRectF(left, room.bottom(), step * 6, line + theme.GRID_PX / 2)
            at.moveRight(min(at.right(), room.right()))
            painter.drawText(at, side | Qt.AlignmentFlag.AlignBottom, formats.brief(seconds))
        most = f"{formats.digits(highest)}/s"
        painter.drawText(QRectF(0, 0, self.width(), line), Qt.AlignmentFlag.AlignLeft, most)
