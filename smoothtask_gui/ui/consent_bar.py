"""The line that says what takes an administrator's consent, with the button that asks for it.

The password prompt is polkit's and comes after a click only. What came of it is said here: until somebody has answered,
and why it was refused.
"""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QWidget

from smoothtask_gui.ui import formats, theme
from smoothtask_gui.ui.labels import PlainLabel, Tone

_REASON_BYTES = 512


class ConsentBar(QWidget):
    """Hidden while nothing is withheld."""

    wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.text = PlainLabel(tone=Tone.MUTED, wrap=True)
        self.ask = QPushButton(self.tr("S&how all users\u2026"))
        self.ask.setMinimumHeight(theme.TARGET_PX)
        self.ask.clicked.connect(self._ask)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(theme.GRID_PX)
        row.addWidget(self.text, 1)
        row.addWidget(self.ask)
        self.forget()

    def show_withheld(self, *, withheld: bool) -> None:
        """Whether something is kept back now; while somebody is being asked that is no answer."""
        if not withheld:
            self.forget()
        elif self.ask.isEnabled():
            self.show()

    def show_refusal(self, reason: str) -> None:
        """Nobody agreed, or nobody could be asked: say why. It can be tried again."""
        self.text.say(formats.name(reason, _REASON_BYTES))
        self.text.set_tone(Tone.NORMAL)
        self.ask.setEnabled(True)
        self.show()

    def forget(self) -> None:
        """As if nobody had asked."""
        self.text.say(
            self.tr("Other users' processes, and sums over all, are shown with an administrator's consent only.")
        )
        self.text.set_tone(Tone.MUTED)
        self.ask.setEnabled(True)
        self.hide()

    def _ask(self) -> None:
        self.text.say(self.tr("Waiting for an administrator's password\u2026"))
        self.text.set_tone(Tone.NORMAL)
        self.ask.setEnabled(False)
        self.wanted.emit()
