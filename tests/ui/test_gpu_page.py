from dataclasses import replace

import pytest
from PySide6.QtCore import QModelIndex, Qt
from PySide6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot

from smoothtask_gui.domain.gpu_rates import BY_DRIVER, BY_PROCESSES, GpuProcessRate, GpuRates
from smoothtask_gui.ui import cards, formats
from smoothtask_gui.ui.gpu_page import GpuPage
from smoothtask_gui.ui.rows_model import RowsModel
from tests.ui import samples

CARD = GpuRates(
    "0000:0a:00.0", "amdgpu", "AMD 744c", "active", 0.37, BY_DRIVER, {"gfx": 0.3}, 3 << 30, 8 << 30, 151.0, 2100.0,
    61.0,
    (
        GpuProcessRate(2, 7, 0.05, None, {"gfx": 0.05}),
        GpuProcessRate(1, 7, 0.3, 5 << 20, {"gfx": 0.3, "dec": 0.1}),
        GpuProcessRate(3, 9_999_999_999, 0.01, None, {}),
    ),
    "",
)  # fmt: skip


@pytest.fixture
def page(qtbot: QtBot) -> GpuPage:
    made = GpuPage()
    made.resize(900, 500)
    qtbot.addWidget(made)
    with qtbot.waitExposed(made):
        made.show()
    return made


def show(page: GpuPage, *cards: GpuRates) -> None:
    table = samples.processes((1, "blender", 0.3), (2, "game", 0.2), (3, "other", 0.1))
    page.show_view(samples.view(samples.sample(table, gpus=cards)))


def cells(model: RowsModel, row: int) -> list[str]:
    return [str(model.index(row, column).data()).replace(formats.SPACE, " ") for column in range(model.columnCount())]


def test_a_card_shows_its_numbers_with_units(page: GpuPage) -> None:
    show(page, CARD)
    assert cells(page.cards, 0) == [
        "AMD 744c (amdgpu)", "37 %", "3.22 of 8.59 GB", "151 W", "2100 MHz", "61 °C", "gfx 30 %",
    ]  # fmt: skip


def test_a_few_cards_need_no_scrolling_and_many_leave_the_processes_their_place(page: GpuPage, qtbot: QtBot) -> None:
    page.resize(2000, 500)
    show(page, CARD)
    qtbot.waitUntil(lambda: page.card_view.horizontalScrollBar().maximum() == 0, timeout=30_000)
    heights = []
    for count in (3, 4, 12):
        show(page, *(replace(CARD, key=str(number)) for number in range(count)))
        heights.append(page.card_view.maximumHeight())
    few, four, many = heights
    row = page.card_view.sizeHintForRow(0)
    assert few + row == four == many
    assert page.card_view.minimumHeight() == many > 4 * row


def test_its_processes_are_listed_the_busiest_first_and_an_unknown_one_without_a_name(page: GpuPage) -> None:
    show(page, CARD)
    assert [cells(page.processes, row)[:2] for row in range(3)] == [
        ["blender", "30 %"],
        ["game", "5.0 %"],
        ["—", "1.0 %"],
    ]
    assert cells(page.processes, 0)[2:] == ["5.24 MB", "gfx 30 %, dec 10 %", "AMD 744c", "1"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"state": "asleep", "busy_ratio": None}, "Asleep"),
        ({"state": "resting", "busy_ratio": None}, "left alone"),
        ({"reason": "No driver is loaded for it.", "busy_ratio": None}, "No driver"),
        ({"method": BY_PROCESSES}, "Your own processes only: gfx 30 %"),
    ],
)
def test_a_card_without_a_number_says_why(changes: dict[str, object], words: str, page: GpuPage) -> None:
    show(page, replace(CARD, **changes))
    note = cells(page.cards, 0)[6]
    assert words in note
    assert (cells(page.cards, 0)[1] == "—") == ("busy_ratio" in changes)


def test_without_a_card_the_page_says_so(page: GpuPage) -> None:
    show(page)
    assert page.empty.isVisible()
    assert "No graphics card reports its use here" in page.empty.text()
    page.show_view(samples.view(None))
    assert page.empty.text() == "Waiting for the first reading."


def test_a_hostile_name_is_literal_and_bounded(page: GpuPage) -> None:
    show(page, replace(CARD, name="<b>&amp;\x1b\n" + "x" * 9000, state="active", reason="<img>\n" * 900))
    for text in cells(page.cards, 0):
        assert not {"\n", "\x1b"} & set(text)
        assert len(text.encode()) <= formats.NAME_LIMIT_BYTES
    tip = page.cards.index(0, 0).data(Qt.ItemDataRole.ToolTipRole)
    assert "<b>&amp;amp" not in tip
    assert "&lt;b&gt;" in tip
    assert all(label.textFormat() is Qt.TextFormat.PlainText for label in page.findChildren(QLabel))


def test_renewed_numbers_keep_the_selection(page: GpuPage) -> None:
    show(page, CARD)
    page.process_view.setCurrentIndex(page.processes.index(1, 0))
    show(page, replace(CARD, busy_ratio=0.5))
    assert page.process_view.currentIndex().row() == 1
    assert cells(page.cards, 0)[1] == "50 %"
    assert page.cards.rowCount(page.cards.index(0, 0)) == 0
    assert page.cards.data(QModelIndex()) is None


def test_the_processors_power_stands_beside_its_use_where_it_is_known() -> None:
    shown = samples.view(samples.sample(system=replace(samples.SYSTEM, package_watts=28.44)))
    assert cards.pictures(shown, samples.store(3))["cpu"].value.replace(formats.SPACE, " ") == "34 % · 28.4 W"
    unknown = samples.view(samples.sample())
    assert "W" not in cards.pictures(unknown, samples.store(3))["cpu"].value
