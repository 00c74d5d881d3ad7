"""Widgets are tested for real, on Qt's own offscreen platform: no display is needed, and root may run it."""

import os
from collections.abc import Callable, Iterator

import pytest
from PySide6.QtCore import QLocale, Qt
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from smoothtask_gui.ui.window import MainWindow
from tests.ui.windows import ANNA

os.environ["QT_QPA_PLATFORM"] = "offscreen"


class KeepingBot(QtBot):
    """pytest-qt holds widgets weakly and lets them paint after the test: one that the garbage collector takes while it
    paints ends the process (seen with a Graph in paintEvent).
    """

    def __init__(self, request: pytest.FixtureRequest) -> None:
        super().__init__(request)
        self.kept: list[QWidget] = []

    def addWidget(self, widget: QWidget, *, before_close_func: Callable[[QWidget], None] | None = None) -> None:  # noqa: N802 - its name
        self.kept.append(widget)
        super().addWidget(widget, before_close_func=before_close_func)


@pytest.fixture
def qtbot(qapp: QApplication, request: pytest.FixtureRequest) -> QtBot:
    """Keeps what was added until the test's fixtures end."""
    return KeepingBot(request)


@pytest.fixture(autouse=True)
def plain_locale() -> Iterator[None]:
    """Numbers are written the same wherever the tests run."""
    before = QLocale()
    QLocale.setDefault(QLocale.c())
    yield
    QLocale.setDefault(before)


@pytest.fixture
def application_palette(qtbot: QtBot, qapp: QApplication) -> Iterator[None]:
    """A test may repaint the application; afterwards it is as before."""
    before = QPalette(qapp.palette())
    yield
    qapp.setPalette(before)


@pytest.fixture
def window(qtbot: QtBot) -> MainWindow:
    """The main window of user ANNA, on the screen."""
    made = MainWindow(ANNA, str)
    made.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, on=False)
    qtbot.addWidget(made)
    with qtbot.waitExposed(made):
        made.show()
    return made
