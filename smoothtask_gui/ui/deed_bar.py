"""The bar that says what was just done to a process, with its undoing beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPushButton, QToolButton, QWidget

from smoothtask_gui.domain.case import UNDONE_BY
from smoothtask_gui.domain.incident import PRIORITIES, Action
from smoothtask_gui.ui import formats, theme
from smoothtask_gui.ui.labels import PlainLabel

if TYPE_CHECKING:
    from smoothtask_gui.domain.incident import Deed

SHOWN_MS: Final = 60_000
_SENTENCE_BYTES: Final = 512


def undoing(action: Action) -> Action | None:
    """What undoes `action`, None if nothing does."""
    if action in PRIORITIES:
        return None if action is Action.NORMAL else Action.NORMAL
    return UNDONE_BY.get(action)


class DeedBar(QFrame):
    """Hidden until something was done; goes after a minute, or when it is closed. It shows the latest only."""

    undo_wanted = Signal(object, object)  # ProcessIdentity, Action

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._deed: Deed | None = None
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self.text = PlainLabel(wrap=True)
        self.undo = QPushButton(self.tr("&Undo"))
        self.undo.setMinimumHeight(theme.TARGET_PX)
        self.undo.clicked.connect(self._undo)
        self.close_it = QToolButton()
        self.close_it.setText("✕")
        self.close_it.setAutoRaise(True)
        self.close_it.setMinimumSize(theme.TARGET_PX, theme.TARGET_PX)
        self.close_it.setAccessibleName(self.tr("Close this message"))
        self.close_it.clicked.connect(self.hide)
        self._timer = QTimer(self, singleShot=True)
        self._timer.setInterval(SHOWN_MS)
        self._timer.timeout.connect(self.hide)
        row = QHBoxLayout(self)
        row.setContentsMargins(theme.GRID_PX, theme.GRID_PX // 2, theme.GRID_PX // 2, theme.GRID_PX // 2)
        row.setSpacing(theme.GRID_PX)
        row.addWidget(self.text, 1)
        row.addWidget(self.undo)
        row.addWidget(self.close_it)
        self.hide()

    def show_deed(self, deed: Deed) -> None:
        """Say what was done; what failed is told elsewhere."""
        if not deed.succeeded:
            return
        self._deed = deed
        self.text.say(formats.name(deed.result, _SENTENCE_BYTES))
        self.undo.setVisible(undoing(deed.action) is not None and deed.process is not None)
        self.setAccessibleName(self.text.text())
        self._timer.start()
        self.show()

    def _undo(self) -> None:
        deed = self._deed
        undo = undoing(deed.action) if deed is not None else None
        self.hide()
        if deed is not None and undo is not None:
            self.undo_wanted.emit(deed.process, undo)
