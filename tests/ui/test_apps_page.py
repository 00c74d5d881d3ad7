from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, QSize, Qt
from PySide6.QtGui import QEnterEvent
from PySide6.QtTest import QAbstractItemModelTester
from PySide6.QtWidgets import QApplication

from smoothtask_gui.domain.app import KERNEL, App, AppKind
from smoothtask_gui.domain.apps import AppGrouper
from smoothtask_gui.domain.description import Application
from smoothtask_gui.domain.incident import Action, ProcessIdentity
from smoothtask_gui.domain.origin import Origin
from smoothtask_gui.ui import formats
from smoothtask_gui.ui.app_columns import Column
from smoothtask_gui.ui.app_icons import AppIcons
from smoothtask_gui.ui.apps_page import AppsPage
from smoothtask_gui.ui.process_columns import Column as ProcessColumn
from smoothtask_gui.ui.window import MainWindow
from tests.ui.samples import exited, processes, sample, store, view

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from smoothtask_gui.domain.sample import Sample

ANNA = 1000
FIREFOX = Origin(11, 7, program_entry=Application("firefox", "Firefox", "firefox"))
TIP = Qt.ItemDataRole.ToolTipRole


class Apps:
    """Groups samples as the monitor does."""

    def __init__(self) -> None:
        self.grouper = AppGrouper()
        self.grouper.learn([FIREFOX])

    def sample(self, *rows: tuple[int, str, float], parents: dict[int, int] | None = None, **changes: object) -> Sample:
        table = processes(*rows, uid=changes.pop("uid", ANNA))
        for pid, parent in (parents or {}).items():
            table["parent_pid"][table["pid"] == pid] = parent
        return self.grouper.group(sample(table, **changes))


@pytest.fixture
def apps() -> Apps:
    return Apps()


@pytest.fixture
def page(qtbot: QtBot) -> AppsPage:
    made = AppsPage(ANNA, {0: "root", ANNA: "anna"}.__getitem__)
    made.checker = QAbstractItemModelTester(made.model, QAbstractItemModelTester.FailureReportingMode.Fatal)
    made.resize(900, 400)
    qtbot.addWidget(made)
    with qtbot.waitExposed(made):
        made.show()
    return made


def column(page: AppsPage, which: Column = Column.NAME) -> list[str]:
    return [page.model.index(row, which).data().replace(formats.SPACE, " ") for row in range(page.model.rowCount())]


def select(page: AppsPage, name: str) -> None:
    page.view.setCurrentIndex(page.model.index(column(page).index(name), 0))


BROWSER = ((11, "firefox", 0.1), (12, "Web Content", 0.5), (13, "make", 0.3))


def test_the_app_that_uses_most_comes_first_with_all_its_processes(page: AppsPage, apps: Apps) -> None:
    page.show_sample(apps.sample(*BROWSER, parents={12: 11}))
    assert column(page) == ["Firefox", "make"]
    assert column(page, Column.CPU) == ["60.0", "30.0"]
    assert column(page, Column.MEMORY) == ["23.0 MB", "13.0 MB"]
    assert column(page, Column.PROCESSES) == ["2", "1"]
    assert column(page, Column.USER) == ["anna", "anna"]


def test_rows_stay_under_the_pointer_and_an_ended_app_says_so(page: AppsPage, apps: Apps) -> None:
    page.show_sample(apps.sample((1, "a", 0.3), (2, "b", 0.2), (3, "c", 0.1)))
    place = QPoint(5, 5).toPointF()
    QApplication.sendEvent(page.view.viewport(), QEnterEvent(place, place, place))
    page.show_sample(apps.sample((1, "a", 0.1), (3, "c", 0.9), (4, "d", 2.0)))
    assert column(page) == ["a", "b", "c", "d"]
    assert "ended" in page.model.index(1, 0).data(TIP)
    QApplication.sendEvent(page.view.viewport(), QEvent(QEvent.Type.Leave))
    assert column(page) == ["d", "c", "a"]


def test_an_app_of_short_lived_processes_alone_is_shown(page: AppsPage, apps: Apps) -> None:
    page.show_sample(apps.sample((9, "other", 0.0), exited=(exited("cc1", 40, 1.5),)))
    assert column(page) == ["cc1", "other"]
    assert column(page, Column.CPU)[0] == "150"
    assert column(page, Column.MEMORY)[0] == column(page, Column.USER)[0] == formats.MISSING
    assert "40" in page.model.index(0, 0).data(TIP)
    select(page, "cc1")
    assert not page.stop.isEnabled()


def test_stop_asks_for_the_oldest_process_of_the_selected_app(page: AppsPage, apps: Apps, qtbot: QtBot) -> None:
    page.show_sample(apps.sample(*BROWSER, parents={12: 11}))
    select(page, "Firefox")
    with qtbot.waitSignal(page.acted) as asked:
        qtbot.mouseClick(page.stop, Qt.MouseButton.LeftButton)
    assert asked.args == [ProcessIdentity(11, 7, ANNA, "firefox"), Action.STOP]


def test_others_apps_and_the_kernel_cannot_be_stopped_and_the_button_says_why(page: AppsPage, apps: Apps) -> None:
    assert not page.stop.isEnabled()
    page.show_sample(apps.sample((5, "theirs", 0.1), uid=0))
    select(page, "theirs")
    assert not page.stop.isEnabled()
    assert "own" in page.stop.toolTip()
    table = processes((6, "kswapd0", 0.1))
    table["is_kernel"] = True
    page.show_sample(apps.grouper.group(sample(table)))
    select(page, KERNEL.name)
    assert not page.stop.isEnabled()
    assert page.stop.toolTip()


@pytest.mark.parametrize("which", list(Column))
@pytest.mark.parametrize("order", list(Qt.SortOrder))
def test_every_column_sorts_both_ways_with_missing_values_last(
    page: AppsPage, apps: Apps, which: Column, order: Qt.SortOrder
) -> None:
    rows = [(pid, f"app{pid}", pid / 10) for pid in (1, 2, 3, 4)]
    page.show_sample(apps.sample(*rows, exited=(exited("gone", 1, 0.5),)))
    page.view.sortByColumn(which, order)
    shown = column(page, which)
    assert formats.MISSING not in shown[:-1]
    if which is Column.CPU:
        assert shown == sorted(shown, key=float, reverse=order is Qt.SortOrder.DescendingOrder)


def test_search_finds_by_name_and_by_id(page: AppsPage, apps: Apps, qtbot: QtBot) -> None:
    page.show_sample(apps.sample(*BROWSER, parents={12: 11}))
    qtbot.keyClicks(page.search, "FIRE")
    assert column(page) == ["Firefox"]
    page.search.setText("command:make")
    assert column(page) == ["make"]
    page.search.setText("nothing")
    assert column(page) == []


def test_cpu_may_be_counted_of_the_whole_machine(page: AppsPage, apps: Apps) -> None:
    page.show_sample(apps.sample((1, "a", 2.0)))
    page.model.count_per_core(False)
    assert column(page, Column.CPU) == ["50.0"]


def test_a_missing_reading_says_why(page: AppsPage, apps: Apps) -> None:
    made = apps.sample((1, "a", 2.0))
    rows = made.apps.rows.copy()
    rows["read_bps"] = np.nan
    page.show_sample(replace(made, apps=replace(made.apps, rows=rows), unavailable={"io": "not yours"}))
    assert column(page, Column.READ) == [formats.MISSING]
    assert page.model.index(0, Column.READ).data(TIP) == "not yours"


def test_hostile_names_stay_literal(page: AppsPage, apps: Apps) -> None:
    apps.grouper.learn([Origin(5, 7, program_entry=Application("x", "R&D <b>\n\x1b", "/etc/passwd"))])
    page.show_sample(apps.sample((5, "x", 0.9)))
    assert column(page) == ["R&D <b>\\x0a\\x1b"]
    select(page, column(page)[0])
    menu = page.menu_for(page.model.index(0, 0))
    assert menu.actions()[1].text() == "Stop R&&D <b>\\x0a\\x1b"


def test_an_icon_is_never_taken_from_a_file_that_a_desktop_entry_names(qapp: QApplication) -> None:
    icons = AppIcons()
    app = App("app:x:1", "x", AppKind.APPLICATION, "/etc/passwd")
    assert not icons.icon(app).isNull()
    assert icons.icon(app).actualSize(QSize(16, 16)) == QSize(16, 16)
    assert (icons.counts.hits, icons.counts.misses) == (1, 1)


def test_the_processes_of_an_app_are_one_step_deeper_and_all_of_them_one_step_back(qtbot: QtBot, apps: Apps) -> None:
    window = MainWindow(ANNA)
    qtbot.addWidget(window)
    with qtbot.waitExposed(window):
        window.show()
    window.tabs.setCurrentWidget(window.apps)
    shown = apps.sample(*BROWSER, parents={12: 11}, exited=(exited("sh", 3, 0.2),))
    window.show_view(view(shown), store())
    window.apps.view.setCurrentIndex(window.apps.model.index(0, 0))
    window.apps.view.activated.emit(window.apps.model.index(0, 0))
    assert window.tabs.currentWidget() is window.processes

    def names() -> list[str]:
        model = window.processes.model
        return [model.index(row, ProcessColumn.NAME).data() for row in range(model.rowCount())]

    assert names() == ["Web Content", "firefox"]
    assert "Firefox" in window.processes.all.text()
    qtbot.mouseClick(window.processes.all, Qt.MouseButton.LeftButton)
    assert names() == ["Web Content", "make", "firefox", "Short-lived: 3"]
    assert not window.processes.all.isVisible()


def test_a_search_that_finds_no_app_says_so_and_selects_none(page: AppsPage) -> None:
    page.show_sample(Apps().sample((11, "firefox", 0.2), (12, "make", 0.1)))
    page.view.setCurrentIndex(page.model.index(0, 0))
    page.search.setText("nothing like it")
    assert page.model.rowCount() == 0
    assert page.view.accessibleDescription() == "No app matches the search."
    assert not page.stop.isEnabled()
