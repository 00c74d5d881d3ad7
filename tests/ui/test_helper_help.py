from PySide6.QtWidgets import QLabel, QPushButton
from pytestqt.qtbot import QtBot

from smoothtask_gui.ui.helper_help import HelperHelp


def test_it_names_the_package_the_check_and_what_is_missing_and_no_address(qtbot: QtBot) -> None:
    help_ = HelperHelp("· short-lived processes <b>")
    qtbot.addWidget(help_)
    said = "\n".join(label.text() for label in help_.findChildren(QLabel))
    assert "smoothtask-helper" in said
    assert "smoothtask doctor" in said
    assert "· short-lived processes <b>" in said
    assert "://" not in said


def test_it_is_as_high_as_its_words(qtbot: QtBot) -> None:
    help_ = HelperHelp("· short-lived processes\n· disks")
    qtbot.addWidget(help_)
    help_.show()
    labels = [label for label in help_.findChildren(QLabel) if label.isVisible()]
    button = next(iter(help_.findChildren(QPushButton)))
    gap = button.mapTo(help_, button.rect().topLeft()).y() - max(label.geometry().bottom() for label in labels)
    assert gap < 2 * button.height()
