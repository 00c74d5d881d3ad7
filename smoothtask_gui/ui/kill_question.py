"""The question before a process is killed: it is the one thing that nobody can undo."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QMessageBox, QPushButton, QWidget

from smoothtask_gui.ui import formats

if TYPE_CHECKING:
    from smoothtask_gui.domain.incident import ProcessIdentity

_NAME_BYTES = 64


class KillQuestion(QMessageBox):
    """Emits `accepted` if the person is sure. Cancel is what Enter means."""

    def __init__(self, process: ProcessIdentity, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setIcon(QMessageBox.Icon.Warning)
        self.setWindowTitle("SmoothTask")
        self.setTextFormat(Qt.TextFormat.PlainText)
        name = formats.name(process.comm, _NAME_BYTES)
        self.setText(self.tr("Kill {name} (process {pid})?").format(name=name, pid=process.pid))
        self.setInformativeText(self.tr("It ends at once. What it has not saved is lost."))
        self.kill: QPushButton = self.addButton(self.tr("&Kill"), QMessageBox.ButtonRole.AcceptRole)
        self.setDefaultButton(self.addButton(QMessageBox.StandardButton.Cancel))
