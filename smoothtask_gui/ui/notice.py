"""The bar that says where the readings come from when that matters, and what this source can't see."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QStyle, QWidget

from smoothtask_gui.ui import formats, theme
from smoothtask_gui.ui.labels import PlainLabel

if TYPE_CHECKING:
    from smoothtask_gui.domain.view import View


class NoticeBar(QFrame):
    """Hidden while all is normal, and in the first moment, when the helper is still starting."""

    help_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self.text = PlainLabel(wrap=True)
        self.help = QPushButton(self.tr("How to get the helpe&r"))
        self.help.setMinimumHeight(theme.TARGET_PX)
        self.help.clicked.connect(self.help_requested)
        row = QHBoxLayout(self)
        row.setContentsMargins(theme.GRID_PX, theme.GRID_PX // 2, theme.GRID_PX // 2, theme.GRID_PX // 2)
        row.setSpacing(theme.GRID_PX)
        symbol = QLabel()
        symbol.setPixmap(self.style().standardIcon(QStyle.StandardPixmap.SP_MessageBoxInformation).pixmap(16, 16))
        row.addWidget(symbol)
        row.addWidget(self.text, 1)
        row.addWidget(self.help)
        self.hide()

    def show_view(self, view: View) -> None:
        """Say the source's notice and, in the tooltip, all that it can't see."""
        missing = view.sample.unavailable if view.sample else {}
        text = view.notice
        if view.source == "procfs" and (text or view.sample is not None):
            from_proc = self.tr("Readings come from /proc: short-lived processes and kernel events can't be seen.")
            text = f"{text}\n{from_proc}" if text else from_proc
        self.text.say(text)
        unseen = "\n".join(f"· {formats.name(reason)}" for reason in missing.values())
        if unseen != self.accessibleDescription():
            self.setToolTip(formats.tooltip(unseen))
            self.setAccessibleDescription(unseen)
        self.help.setVisible(view.source == "procfs")
        # without a source the status line says it, unless an incident stands there
        self.setVisible(bool(text) and (view.source != "none" or bool(view.open_incidents)))
