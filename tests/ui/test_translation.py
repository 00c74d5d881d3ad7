"""Every word a person reads goes through Qt's translation; numbers and foreign names don't."""

from collections.abc import Iterator

import pytest
from PySide6.QtCore import Qt, QTranslator
from PySide6.QtWidgets import QAbstractButton, QApplication, QGroupBox, QLabel, QWidget
from pytestqt.qtbot import QtBot

from smoothtask_gui.domain.settings import Settings
from smoothtask_gui.ui import process_columns
from smoothtask_gui.ui.settings_window import SettingsWindow
from smoothtask_gui.ui.window import MainWindow
from tests.ui import samples

MARK = "✻"


class Marking(QTranslator):
    """Marks what it was asked for."""

    def translate(self, context: str, text: str, comment: str | None = None, count: int = -1) -> str:
        return text if " kB" in text or "kB/s" in text else text + MARK


@pytest.fixture
def marked(qapp: QApplication) -> Iterator[None]:
    translator = Marking()
    qapp.installTranslator(translator)
    yield
    qapp.removeTranslator(translator)


def words(widget: QWidget) -> list[str]:
    labels = [label.text() for label in widget.findChildren(QLabel)]
    buttons = [button.text() for button in widget.findChildren(QAbstractButton)]
    groups = [group.title() for group in widget.findChildren(QGroupBox)]
    return [text for text in (*labels, *buttons, *groups) if any(character.isalpha() for character in text)]


def test_every_word_of_the_main_window_can_be_translated(qtbot: QtBot, marked: None) -> None:
    window = MainWindow(1000, str)
    window.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, on=False)
    qtbot.addWidget(window)
    window.show()
    window.show_view(samples.view(samples.sample()), samples.store())
    titles = [window.tabs.tabText(tab) for tab in range(window.tabs.count())]
    graphs = [graph.title for graph in window.overview.graphs.values()]
    assert [text for text in (*words(window), *titles, *graphs) if MARK not in text] == []
    for model, columns in (
        (window.sensors.model, 6),
        (window.history.incidents.model, 4),
        (window.gpus.cards, 7),
        (window.gpus.processes, 6),
    ):
        assert all(MARK in model.headerData(column, Qt.Orientation.Horizontal) for column in range(columns))


def test_every_word_of_the_settings_can_be_translated(qtbot: QtBot, marked: None) -> None:
    window = SettingsWindow(Settings())
    window.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, on=False)
    qtbot.addWidget(window)
    assert [text for text in words(window) if MARK not in text] == []


def test_every_column_can_be_translated(marked: None) -> None:
    for words_of_one in process_columns.columns(per_core=True):
        assert MARK in words_of_one.title
        assert not words_of_one.explanation or MARK in words_of_one.explanation
