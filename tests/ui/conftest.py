"""Widgets are tested for real, on Qt's own offscreen platform: no display is needed, and root may run it."""

import os
from collections.abc import Iterator

import pytest
from PySide6.QtCore import QLocale
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

os.environ["QT_QPA_PLATFORM"] = "offscreen"


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
