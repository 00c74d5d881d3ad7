from __future__ import annotations

import html
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PySide6.QtCore import Qt
from shiboken6 import delete

from smoothtask_gui.domain.app import Apps
from smoothtask_gui.domain.apps import AppGrouper
from smoothtask_gui.domain.description import CacheCounts
from smoothtask_gui.domain.origin import Origin
from smoothtask_gui.domain.own_cost import HelperCost, OwnReading, ProbeCost
from smoothtask_gui.ui import formats
from smoothtask_gui.ui.own_cost_page import HELPER_APP, OwnCostPage
from tests.ui.samples import processes, sample, view

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytestqt.qtbot import QtBot

    from smoothtask_gui.ui.rows_model import RowsModel

SECOND = 1_000_000_000
PROBES = (
    ProbeCost("task_snapshot", "running", "", 100, 1_000_000, 4096, 2000, 2100, 9000),
    ProbeCost("block_io", "failed", "block_io: no tracepoint <b>", None, None, 0, 500, 0, 500),
)
HELPER = HelperCost(4 * SECOND, 1_000_000, 30_000_000, 65536, 60 * SECOND, 1, PROBES)
CACHES = (("processes", CacheCounts(93, 7, 1, 45, 512)), ("applications", CacheCounts(0, 0, 0, 0, 1024)))
READING = OwnReading(100 * SECOND, 2 * SECOND, 90_000_000, 500, CACHES, 512_000, HELPER)
LATER = replace(
    READING,
    boottime_ns=102 * SECOND,
    app_cpu_ns=READING.app_cpu_ns + 10_000_000,
    app_wakeups=520,
    helper=replace(HELPER, cpu_ns=HELPER.cpu_ns + 20_000_000, uptime_ns=62 * SECOND),
)


PAUSED = (
    "datagrams are counted again in 8 s at the earliest: 1,370,898 messages a second of other sockets would each pay "
    "some 65 ns for it; since it stopped 12 datagrams were sent or received uncounted (containers' not included)"
)


class Asked:
    """Who was asked for a reading; answers when told to."""

    def __init__(self) -> None:
        self.questions: list[bool] = []
        self.answer: Callable[[OwnReading], None] | None = None

    def __call__(self, ask_helper: bool, answer: Callable[[OwnReading], None]) -> None:
        self.questions.append(ask_helper)
        self.answer = answer


@pytest.fixture
def asked() -> Asked:
    return Asked()


@pytest.fixture
def page(qtbot: QtBot, asked: Asked) -> OwnCostPage:
    made = OwnCostPage(asked, lambda: CacheCounts(1, 1, 0, 1, 512))
    qtbot.addWidget(made)
    return made


def cells(model: RowsModel) -> list[list[str]]:
    shown = [[model.index(row, at).data() for at in range(model.columnCount())] for row in range(model.rowCount())]
    return [[text.replace(formats.SPACE, " ") for text in row] for row in shown]


def test_app_helper_programs_and_memory_are_shown_between_two_readings(page: OwnCostPage) -> None:
    page.show_reading(READING)
    page.show_reading(LATER)
    assert cells(page.parts) == [
        ["App", "0.50", "10.0", "90.0 MB"],
        ["  of that, history and culprits", "", "", "512 kB"],
        ["Helper", "1.00", formats.MISSING, "30.0 MB"],
        ["eBPF programs and maps", "0.00", "", "65.5 kB"],
    ]


def test_each_probe_has_its_row_and_what_is_not_counted_is_a_dash(page: OwnCostPage) -> None:
    page.show_reading(READING)
    page.show_reading(LATER)
    assert cells(page.probes) == [
        ["task_snapshot", "running", "0.00", "0.00", "10000", "4.10 kB", "2.10 kB", "2.00 kB to 9.00 kB", ""],
        ["block_io", "failed", *[formats.MISSING] * 3, "0 B", "0 B", "500 B", "no tracepoint <b>"],
    ]
    assert "take 2.10 kB and were reckoned at 2.00 kB to 9.00 kB" in page.hint.text().replace(formats.SPACE, " ")


def test_an_older_helper_that_reckons_nothing_leaves_dashes(page: OwnCostPage) -> None:
    probe = ProbeCost("task_snapshot", "running", "", 100, 1_000_000, 4096)
    page.show_reading(replace(READING, helper=replace(HELPER, probes=(probe,))))
    assert cells(page.probes)[0][-3:] == [formats.MISSING, formats.MISSING, ""]
    assert "reckoned" not in page.hint.text()


def test_the_hit_rate_of_each_cache_is_shown_and_unknown_before_the_first_question(page: OwnCostPage) -> None:
    page.show_reading(READING)
    assert cells(page.caches) == [
        ["What processes are", "93 %", "100", "45 / 512", "1"],
        ["Names of applications", formats.MISSING, "0", "0 / 1024", "0"],
        ["Icons", "50 %", "2", "1 / 512", "0"],
    ]


def test_without_the_helper_the_reason_stands_there(page: OwnCostPage) -> None:
    page.show_reading(replace(READING, helper=None, helper_reason="It isn't installed."))
    assert cells(page.parts)[-1] == ["Helper", *[formats.MISSING] * 3]
    assert page.hint.text() == "It isn't installed."
    assert cells(page.probes) == []


def test_run_times_that_the_kernel_does_not_count_are_said(page: OwnCostPage) -> None:
    page.show_reading(replace(READING, helper=replace(HELPER, programs_ns=None)))
    assert "bpf_stats_enabled" in page.hint.text()


def test_the_helpers_wake_ups_are_those_of_its_unit(page: OwnCostPage) -> None:
    table = processes((77, "python3", 0.01), (78, "other", 0.1))
    table["switches_per_s"] = (3.0, np.nan)
    grouper = AppGrouper()
    grouper.learn([Origin(77, 7, cgroup="/system.slice/smoothtask-sampler.service")])
    shown = grouper.group(sample(table))
    assert shown.apps.place(HELPER_APP) is not None
    page.show_view(view(shown))
    page.show_reading(READING)
    assert cells(page.parts)[2][2] == "3.00"
    page.show_view(view(replace(shown, apps=Apps())))
    page.show_reading(READING)
    assert cells(page.parts)[2][2] == formats.MISSING


def test_nothing_is_asked_unless_the_page_can_be_seen(page: OwnCostPage, asked: Asked, qtbot: QtBot) -> None:
    assert asked.questions == []
    page.show_view(view(sample()))
    with qtbot.waitExposed(page):
        page.show()
    assert asked.questions[-1] is True
    qtbot.waitUntil(lambda: len(asked.questions) >= 2, timeout=30_000)
    page.show_view(view(sample(), source="procfs"))
    page.hide()
    assert not page._timer.isActive()
    page.show()
    assert asked.questions[-1] is False


def test_an_answer_that_comes_after_the_window_was_closed_does_no_harm(asked: Asked, qtbot: QtBot) -> None:
    page = OwnCostPage(asked, lambda: CacheCounts(0, 0, 0, 0, 1))
    with qtbot.waitExposed(page):
        page.show()
    assert asked.answer is not None
    delete(page)
    asked.answer(READING)


def test_every_table_has_a_name_for_a_screen_reader(page: OwnCostPage) -> None:
    for table in (page.part_view, page.probe_view, page.cache_view):
        assert table.accessibleName()
        assert table.model().headerData(0, Qt.Orientation.Horizontal)


def test_a_long_note_of_a_probe_is_whole_in_its_tooltip_whose_lines_break(page: OwnCostPage) -> None:
    told = ProbeCost("socket_events", "running", PAUSED, None, None, 4096)
    page.show_reading(replace(READING, helper=replace(HELPER, probes=(told,))))
    note = page.probes.index(0, page.probes.columnCount() - 1)
    assert note.data() == PAUSED
    shown = note.data(Qt.ItemDataRole.ToolTipRole)
    assert shown.startswith("<p"), "Qt breaks the lines of rich text alone"
    assert html.unescape(shown).count(PAUSED) == 1


def test_the_whole_note_of_the_current_probe_stands_below_the_table_and_before_that_why_one_failed(
    page: OwnCostPage,
) -> None:
    page.show_reading(replace(READING, helper=replace(HELPER, probes=PROBES[:1])))
    assert page.note.isHidden()
    told = ProbeCost("socket_events", "running", PAUSED, None, None, 4096)
    failed = replace(READING, helper=replace(HELPER, probes=(*PROBES, told)))
    page.show_reading(failed)
    assert page.note.text() == "block_io: no tracepoint <b>"
    page.probe_view.setCurrentIndex(page.probes.index(2, 0))
    assert page.note.text() == f"socket_events: {PAUSED}"
    page.show_reading(failed)
    assert page.note.text() == f"socket_events: {PAUSED}", "a new reading leaves it there"
    page.probe_view.setCurrentIndex(page.probes.index(0, 0))
    assert page.note.isHidden()
    page.show_reading(replace(READING, helper=None, helper_reason="It isn't installed."))
    assert page.note.isHidden()
