"""Labels that show foreign text literally, in tones that can be read on any palette."""

from __future__ import annotations

from enum import Enum, auto
from typing import Final

from PySide6.QtCore import QEvent, QSize, Qt
from PySide6.QtGui import QColor, QPalette
from PySide6.QtWidgets import QApplication, QLabel, QSizePolicy, QWidget

from smoothtask_gui.ui import theme

_WORD_EM: Final = 12
"""The widest word that a label makes room for."""


class Tone(Enum):
    """What a label's colour supports; the words say it too."""

    NORMAL = auto()
    MUTED = auto()
    CALM = auto()
    WARNING = auto()
    CRITICAL = auto()


class PlainLabel(QLabel):
    """A label that takes every text literally (no markup, no mnemonics) and follows the desktop's palette."""

    def __init__(
        self,
        text: str = "",
        *,
        tone: Tone = Tone.NORMAL,
        scale: float = 1.0,
        bold: bool = False,
        wrap: bool = False,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(text, parent)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setWordWrap(wrap)
        self.setTextInteractionFlags(Qt.TextInteractionFlag.NoTextInteraction)
        self.setFont(theme.font(self.font(), scale=scale, bold=bold))
        self._tone = tone
        self._followed = 0
        self._paint_tone()
        if wrap:
            policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Minimum)
            policy.setHeightForWidth(True)
            self.setSizePolicy(policy)

    def minimumSizeHint(self) -> QSize:
        """Where lines wrap, no wider than a few words: Qt's is the longest word, and a name may be 256 letters."""
        hint = super().minimumSizeHint()
        if not self.wordWrap():
            return hint
        return QSize(min(hint.width(), self.fontMetrics().height() * _WORD_EM), hint.height())

    def set_tone(self, tone: Tone) -> None:
        """Change the colour's meaning."""
        if tone is not self._tone:
            self._tone = tone
            self._paint_tone()

    def say(self, text: str) -> None:
        """Set the text, without a new layout when it is the same."""
        if text != self.text():
            self.setText(text)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and QApplication.palette().cacheKey() != self._followed:
            self._paint_tone()

    def _paint_tone(self) -> None:
        self._followed = QApplication.palette().cacheKey()  # setting our own palette comes back as a change
        if self._tone is Tone.NORMAL:
            self.setPalette(QPalette())
            return
        palette = QApplication.palette()
        palette.setColor(QPalette.ColorRole.WindowText, _colour(theme.colours(palette), self._tone))
        self.setPalette(palette)


def _colour(colours: theme.Colours, tone: Tone) -> QColor:
    return {
        Tone.NORMAL: colours.text,
        Tone.MUTED: colours.muted,
        Tone.CALM: colours.calm,
        Tone.WARNING: colours.warning,
        Tone.CRITICAL: colours.critical,
    }[tone]


class EmptyState(PlainLabel):
    """What stands where a list would, when there is nothing to list: why, and what that means."""

    def __init__(self, text: str = "", parent: QWidget | None = None) -> None:
        super().__init__(text, tone=Tone.MUTED, wrap=True, parent=parent)
        self.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.setMargin(theme.GRID_PX * 4)
