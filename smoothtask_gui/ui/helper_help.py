"""What the helper is for and how to get it: said in the app itself, so that it holds without a network."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QVBoxLayout, QWidget

from smoothtask_gui.ui import theme
from smoothtask_gui.ui.labels import PlainLabel, Tone

PACKAGE: Final = "smoothtask-helper"
CHECK: Final = "smoothtask doctor"
_WIDTH_LETTERS: Final = 64


class HelperHelp(QDialog):
    """A few sentences; `unseen` is what the present source can't see, one reason a line."""

    def __init__(self, unseen: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("The helper of SmoothTask"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        column = QVBoxLayout(self)
        column.setSpacing(theme.GRID_PX)
        column.addWidget(
            PlainLabel(self.tr("SmoothTask works without its helper, but sees less."), bold=True, wrap=True)
        )
        if unseen:
            column.addWidget(PlainLabel(self.tr("Now it can't see:") + "\n" + unseen, tone=Tone.MUTED, wrap=True))
        for text in self._steps():
            label = PlainLabel(text, wrap=True)
            label.setTextInteractionFlags(
                Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
            )
            column.addWidget(label)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        column.addStretch(1)
        column.addWidget(buttons)
        width = self.fontMetrics().averageCharWidth() * _WIDTH_LETTERS
        column.setSizeConstraint(QVBoxLayout.SizeConstraint.SetNoConstraint)  # Qt's reckons with the narrowest lines
        self.setMinimumSize(width, column.totalHeightForWidth(width))
        self.resize(self.minimumSize())

    def _steps(self) -> tuple[str, ...]:
        return (
            self.tr(
                "The helper is a small service of the system that reads from the kernel (eBPF) what apps may not. "
                "It changes nothing, and ends by itself when nobody uses it."
            ),
            self.tr("To get it, install the package {package} with your system's software tool.").format(
                package=PACKAGE
            ),
            self.tr("SmoothTask finds it within a minute, without a restart."),
            self.tr("Is it installed and still not used? In a terminal, “{check}” says why and what to do.").format(
                check=CHECK
            ),
        )
