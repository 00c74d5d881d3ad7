"""The window for everybody: heard by a screen reader, walked by keyboard, on small screens, with endless names."""

from dataclasses import replace

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QAccessible, QKeySequence
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QLineEdit,
    QTabBar,
    QTreeView,
)
from pytestqt.qtbot import QtBot

from smoothtask_gui.domain.apps import AppGrouper
from smoothtask_gui.domain.incident import Action, Deed, ProcessIdentity
from smoothtask_gui.ui import theme
from smoothtask_gui.ui.graph import Graph
from smoothtask_gui.ui.histogram import Histogram
from smoothtask_gui.ui.timeline import Timeline
from smoothtask_gui.ui.window import MainWindow
from tests.fakes.incidents import runaway
from tests.ui import samples
from tests.ui.windows import ANNA, show

SPOKEN = (QAbstractButton, QLineEdit, QComboBox, QAbstractSpinBox, QAbstractItemView, Graph, Timeline, Histogram)


@pytest.mark.parametrize("tab", range(9))
def test_a_screen_reader_hears_a_name_of_everything_that_shows_or_does_something(window: MainWindow, tab: int) -> None:
    show(window, source="procfs", notice="x", incidents=(runaway(),))
    window.deeds.show_deed(Deed(1, "you", Action.PAUSE, "x", "x is paused.", True, ProcessIdentity(1, 1, ANNA, "x")))
    window.tabs.setCurrentIndex(tab)
    QApplication.processEvents()
    shown = [widget for kind in SPOKEN for widget in window.findChildren(kind) if widget.isVisible()]
    own = [widget for widget in shown if not isinstance(widget.parent(), QLineEdit | QTabBar | QTreeView)]  # not Qt's
    assert own
    for widget in own:
        heard = QAccessible.queryAccessibleInterface(widget)
        assert heard.text(QAccessible.Text.Name), widget
        if isinstance(widget, QAbstractButton | QLineEdit):
            assert widget.height() >= 28


@pytest.mark.parametrize("tab", range(9))
def test_no_two_things_that_can_be_seen_share_a_key(window: MainWindow, tab: int) -> None:
    show(window, source="procfs", notice="x", incidents=(runaway(),))
    window.deeds.show_deed(Deed(1, "you", Action.PAUSE, "x", "x is paused.", True, ProcessIdentity(1, 1, ANNA, "x")))
    window.tabs.setCurrentIndex(tab)
    window.activity.consent.show_withheld(withheld=True)
    QApplication.processEvents()
    texts = [button.text() for button in window.findChildren(QAbstractButton) if button.isVisible()]
    texts += [window.tabs.tabText(place) for place in range(window.tabs.count())]
    keys = [key.toString() for key in map(QKeySequence.mnemonic, texts) if not key.isEmpty()]
    assert len(keys) >= window.tabs.count() + 2, "the notice's and the undoing's are among them"
    assert len(keys) == len(set(keys)), sorted(keys)


def test_every_tab_is_walked_through_by_tab_alone_and_left_again(window: MainWindow, qtbot: QtBot) -> None:
    show(window)
    for page in (window.apps, window.processes, window.history):
        window.tabs.setCurrentWidget(page)
        page.setFocus()
        walked = set()
        for _ in range(20):
            qtbot.keyClick(QApplication.focusWidget() or window, Qt.Key.Key_Tab)
            walked.add(QApplication.focusWidget())
        inside = [widget for widget in walked if widget is not None and page.isAncestorOf(widget)]
        assert inside, page
        assert window.tabs.tabBar() in walked, "the keyboard finds out of the page again"


def test_a_name_of_256_letters_does_not_widen_the_window(window: MainWindow) -> None:
    endless = "x" * 256
    show(window, incidents=(replace(runaway(), title=f"{endless} has used 3.9 cores", body=f"Started by {endless}."),))
    for tab in range(window.tabs.count()):
        window.tabs.setCurrentIndex(tab)
        QApplication.processEvents()
        assert window.minimumSizeHint().width() <= 640


def test_pages_keep_their_distance_from_the_tabs(window: MainWindow) -> None:
    show(window)
    for page, content in (
        (window.apps, window.apps.search), (window.sensors, window.sensors.view), (window.gpus, window.gpus.empty),
    ):  # fmt: skip
        window.tabs.setCurrentWidget(page)
        QApplication.processEvents()
        assert content.mapTo(page, content.rect().topLeft()).y() == theme.GRID_PX


def test_without_readings_the_tables_say_so_instead_of_being_empty(window: MainWindow) -> None:
    show(window, shown=None, source="none")
    for page in (window.apps, window.processes):
        window.tabs.setCurrentWidget(page)
        assert page.view.accessibleDescription() == "There are no readings."
        assert paints_words(page.view)


def paints_words(view: QAbstractItemView) -> bool:
    """Whether there is more than ground in a table's viewport."""
    image = view.viewport().grab().toImage()
    return len({image.pixel(x, y) for x in range(image.width()) for y in range(0, image.height(), 2)}) > 1


def test_a_window_of_usual_size_shows_all_columns_of_apps_and_processes(window: MainWindow) -> None:
    many = samples.processes(*((pid, f"name-{pid}", 0.1) for pid in range(1, 80)))
    show(window, shown=AppGrouper().group(samples.sample(many)))
    for page in (window.apps, window.processes):
        window.tabs.setCurrentWidget(page)
        QApplication.processEvents()
        assert page.view.verticalScrollBar().maximum() > 0
        assert page.view.horizontalScrollBar().maximum() == 0
