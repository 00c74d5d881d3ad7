from collections import Counter

import pytest
from PySide6.QtCore import QEvent, QPoint, Qt
from PySide6.QtGui import QColor, QEnterEvent, QFont, QKeySequence, QPalette
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from smoothtask_gui.domain.incident import REMEDIES, Action, ProcessIdentity
from smoothtask_gui.ui import formats, theme
from smoothtask_gui.ui.process_columns import Column
from smoothtask_gui.ui.process_table import ProcessTable
from tests.ui.samples import exited, processes, sample
from tests.ui.samples import palette as samples_palette

ANNA = 1000


@pytest.fixture
def table(qtbot: QtBot) -> ProcessTable:
    made = ProcessTable(ANNA, str)
    made.resize(900, 400)
    qtbot.addWidget(made)
    with qtbot.waitExposed(made):
        made.show()
    made.show_sample(sample(processes((1, "a", 0.3), (2, "b", 0.2), (3, "c", 0.1))))
    return made


def names(table: ProcessTable) -> list[str]:
    return [table.model.index(row, Column.NAME).data() for row in range(table.model.rowCount())]


def select(table: ProcessTable, name: str) -> None:
    table.view.setCurrentIndex(table.model.index(names(table).index(name), 0))


def pointer(table: ProcessTable, *, inside: bool) -> None:
    place = QPoint(5, 5).toPointF()
    event = QEnterEvent(place, place, place) if inside else QEvent(QEvent.Type.Leave)
    QApplication.sendEvent(table.view.viewport(), event)


RISEN = processes((1, "a", 0.1), (2, "b", 0.2), (3, "c", 0.9))


def test_rows_stay_under_the_pointer_and_are_sorted_when_it_leaves(table: ProcessTable) -> None:
    pointer(table, inside=True)
    table.show_sample(sample(RISEN))
    assert names(table) == ["a", "b", "c"]
    pointer(table, inside=False)
    assert names(table) == ["c", "b", "a"]


def test_a_table_that_comes_into_view_under_the_pointer_is_sorted_first(table: ProcessTable) -> None:
    table.hide()
    pointer(table, inside=True)
    table.show()
    table.show_sample(sample(RISEN))
    assert names(table) == ["c", "b", "a"]
    table.show_sample(sample(processes((1, "a", 3.0), (2, "b", 0.2), (3, "c", 0.9))))
    assert names(table) == ["c", "b", "a"]


def test_rows_stay_while_one_is_selected_and_the_table_says_so(table: ProcessTable, qtbot: QtBot) -> None:
    select(table, "b")
    table.show_sample(sample(RISEN))
    assert names(table) == ["a", "b", "c"]
    assert "Esc" in table.hint.text()
    qtbot.keyClick(table.view, Qt.Key.Key_Escape)
    assert names(table) == ["c", "b", "a"]
    assert table.hint.text() == ""


def test_the_selection_stays_on_its_process_across_updates_and_sorting(table: ProcessTable) -> None:
    select(table, "b")
    for tick in range(20):
        rows = [(1, "a", tick % 3), (2, "b", tick % 5), (3, "c", tick % 7), (10 + tick, "new", 0.5)]
        table.show_sample(sample(processes(*rows)))
        table.view.sortByColumn(tick % 3, Qt.SortOrder.DescendingOrder)
        assert table.selected() == ProcessIdentity(2, 7, ANNA, "b")


def test_a_reused_pid_does_not_inherit_the_selection(table: ProcessTable) -> None:
    select(table, "b")
    table.show_sample(sample(processes((2, "other", 0.2), start_ns=99)))
    assert table.selected() is None
    assert not table.stop.isEnabled()


def test_stop_asks_for_the_selected_process_by_pid_and_start_time(table: ProcessTable, qtbot: QtBot) -> None:
    select(table, "c")
    with qtbot.waitSignal(table.acted) as asked:
        qtbot.mouseClick(table.stop, Qt.MouseButton.LeftButton)
    assert asked.args == [ProcessIdentity(3, 7, ANNA, "c"), Action.STOP]


def test_nothing_can_be_done_to_a_thread_of_the_kernel_and_the_buttons_say_why(
    table: ProcessTable, qtbot: QtBot
) -> None:
    rows = processes((5, "kworker", 0.9), uid=0)
    rows["is_kernel"] = True
    table.show_sample(sample(rows))
    table.view.setCurrentIndex(table.model.index(0, 0))
    for button in (table.stop, table.more):
        assert not button.isEnabled()
        assert "kernel" in button.toolTip()
    menu = table.menu_for(table.view.currentIndex())
    assert [action.text() for action in menu.actions() if action.isEnabled() and action.text()] == ["Copy name and PID"]
    with qtbot.assertNotEmitted(table.acted):
        table._act(Action.STOP)


@pytest.mark.parametrize(("uid", "said"), [(0, "password"), (1001, "password"), (ANNA, "")])
def test_others_processes_are_offered_too_with_a_word_about_the_password(
    table: ProcessTable, uid: int, said: str
) -> None:
    table.show_sample(sample(processes((5, "theirs", 0.9), uid=uid)))
    table.view.setCurrentIndex(table.model.index(0, 0))
    assert table.stop.isEnabled()
    assert said in table.stop.toolTip()
    assert bool(said) == bool(table.stop.toolTip())


def test_every_remedy_is_in_the_menu_and_leaves_as_a_wish(table: ProcessTable, qtbot: QtBot) -> None:
    select(table, "b")
    menu = table.menu_for(table.view.currentIndex())
    entries = [action for action in menu.actions() if action.text() and not action.menu()]
    entries += [action for entry in menu.actions() if entry.menu() for action in entry.menu().actions()]
    wished = []
    table.acted.connect(lambda who, action: wished.append((who.pid, action)))
    for entry in entries:
        entry.trigger()
    assert set(wished) == {(2, action) for action in REMEDIES}


def test_the_button_more_has_the_same_menu(table: ProcessTable) -> None:
    select(table, "a")
    table._fill_more()
    here = [action.text() for action in table.more.menu().actions()]
    there = [action.text() for action in table.menu_for(table.view.currentIndex()).actions()]
    assert here == there[: len(here)]


def test_stop_is_off_while_nothing_is_selected(table: ProcessTable) -> None:
    assert not table.stop.isEnabled()
    select(table, "a")
    assert table.stop.isEnabled()


def test_a_first_click_on_a_load_shows_the_largest_first(table: ProcessTable, qtbot: QtBot) -> None:
    header = table.view.header()
    middle = QPoint(header.sectionViewportPosition(Column.MEMORY) + 30, header.height() // 2)
    qtbot.mouseClick(header.viewport(), Qt.MouseButton.LeftButton, pos=middle)
    assert names(table) == ["c", "b", "a"]
    qtbot.mouseClick(header.viewport(), Qt.MouseButton.LeftButton, pos=middle)
    assert names(table) == ["a", "b", "c"]


def test_the_keyboard_reaches_search_table_and_stop(table: ProcessTable, qtbot: QtBot) -> None:
    select(table, "a")
    table.search.setFocus()
    reached = []
    for _ in range(6):
        reached.append(QApplication.focusWidget())
        qtbot.keyClick(QApplication.focusWidget(), Qt.Key.Key_Tab)
    assert {table.search, table.view, table.stop, table.more} <= set(reached)


def test_the_menu_key_opens_the_menu_of_the_current_row(table: ProcessTable) -> None:
    select(table, "a")
    menu = table.menu_for(table.view.currentIndex())
    assert all(action.isEnabled() for action in menu.actions())


def test_a_hostile_name_stays_literal_in_the_menu(table: ProcessTable) -> None:
    table.show_sample(sample(processes((5, "R&D <b>", 0.9))))
    menu = table.menu_for(table.model.index(0, 0))
    assert "Stop R&&D <b>" in [action.text() for action in menu.actions()]


def test_copy_puts_name_and_pid_on_the_clipboard(table: ProcessTable) -> None:
    table.menu_for(table.model.index(0, 0)).actions()[-1].trigger()
    assert QApplication.clipboard().text() == "a 1"


def test_typing_in_the_search_filters_the_rows(table: ProcessTable, qtbot: QtBot) -> None:
    qtbot.keyClicks(table.search, "b")
    assert names(table) == ["b"]


def test_everything_has_a_name_for_a_screen_reader(table: ProcessTable) -> None:
    assert table.view.accessibleName()
    assert table.search.accessibleName()


def test_a_missing_reading_is_a_dash_in_the_view(table: ProcessTable) -> None:
    rows = processes((5, "x", float("nan")))
    table.show_sample(sample(rows))
    assert table.model.index(0, Column.CPU).data() == formats.MISSING


def test_a_search_that_hides_the_selected_process_selects_no_other(table: ProcessTable) -> None:
    select(table, "b")
    table.search.setText("c")
    assert names(table) == ["c"]
    assert table.selected() is None
    assert not table.stop.isEnabled(), "Stop would hit a process that nobody chose"
    assert not table.details.isVisible()


def test_a_search_that_finds_the_selected_process_keeps_it(table: ProcessTable) -> None:
    select(table, "b")
    table.search.setText("b")
    selected = table.selected()
    assert selected is not None
    assert selected.comm == "b"


def test_a_search_that_finds_nothing_says_so(table: ProcessTable) -> None:
    table.show_sample(sample(exited=(exited("cc1", 3, 0.5),)))
    table.search.setText("nothing like it")
    assert names(table) == []
    assert table.view.accessibleDescription() == "No process matches the search."


def test_processes_that_look_the_same_keep_their_order(table: ProcessTable) -> None:
    table.show_sample(sample(processes((1, "a", 0.0500), (2, "b", 0.0501), (3, "c", 0.0499))))
    assert names(table) == ["a", "b", "c"]
    table.show_sample(sample(processes((1, "a", 0.0499), (2, "b", 0.0500), (3, "c", 0.0502))))
    assert names(table) == ["a", "b", "c"], "all of them are 5.0 %"
    table.show_sample(sample(processes((1, "a", 0.0499), (2, "b", 0.0500), (3, "c", 0.06))))
    assert names(table) == ["c", "a", "b"]


def test_the_copy_key_takes_the_selected_process_as_the_menu_does(table: ProcessTable, qtbot: QtBot) -> None:
    select(table, "b")
    table.view.setFocus()
    qtbot.keySequence(table.view, QKeySequence(QKeySequence.StandardKey.Copy))
    assert QApplication.clipboard().text() == "b 2"


@pytest.mark.parametrize("highlight", ["#3daee9", "#308cc6", "#000080", "#ffff00", "#808080"])
def test_a_selected_row_can_be_read_on_every_desktops_highlight(
    table: ProcessTable, application_palette: None, highlight: str
) -> None:
    palette = samples_palette(dark=True)
    palette.setColor(QPalette.ColorRole.Highlight, QColor(highlight))
    palette.setColor(QPalette.ColorRole.HighlightedText, QColor("#fcfcfc"))
    QApplication.setPalette(palette)
    table.view.setFont(QFont("DejaVu Sans", 20))  # strokes of more than a pixel have the text's full colour
    QApplication.processEvents()
    select(table, "b")
    row = table.view.visualRect(table.model.index(1, Column.NAME)).adjusted(2, 2, -2, -2)
    image = table.view.viewport().grab(row).toImage()
    seen = Counter(image.pixelColor(x, y).name() for x in range(image.width()) for y in range(image.height()))
    ground = QColor(seen.most_common(1)[0][0])
    assert max(theme.contrast(QColor(name), ground) for name in seen) >= theme.TEXT_CONTRAST


@pytest.mark.parametrize("dark", [False, True])
def test_a_row_that_is_not_live_can_be_read(table: ProcessTable, application_palette: None, dark: bool) -> None:
    palette = samples_palette(dark=dark)
    QApplication.setPalette(palette)
    table.show_sample(sample(exited=(exited("cc1", 3, 0.5),)))
    last = table.model.index(table.model.rowCount() - 1, 0)
    grey = last.data(Qt.ItemDataRole.ForegroundRole)
    assert theme.contrast(grey, palette.color(QPalette.ColorRole.Base)) >= theme.TEXT_CONTRAST
    assert grey != palette.color(QPalette.ColorRole.Text)
