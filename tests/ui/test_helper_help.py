from PySide6.QtWidgets import QLabel
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
