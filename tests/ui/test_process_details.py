from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QIcon, QPixmap
from PySide6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot

from smoothtask_gui.domain.description import Application, Description
from smoothtask_gui.domain.incident import ProcessIdentity
from smoothtask_gui.ui import formats
from smoothtask_gui.ui.process_table import ProcessTable
from tests.ui.samples import processes, sample

ANNA = 1000
EDITOR = Description(
    "/usr/bin/kate", "kate -b notes.txt", "anna", "app-org.kde.kate-7.scope", None, None,
    Application("org.kde.kate", "Kate", "kate"),
)  # fmt: skip


class Describer:
    """Keeps questions until the test answers."""

    def __init__(self) -> None:
        self.asked: list[tuple[ProcessIdentity, Callable[[Description], None]]] = []

    def __call__(self, who: ProcessIdentity, answer: Callable[[Description], None]) -> None:
        self.asked.append((who, answer))


@pytest.fixture
def describer() -> Describer:
    return Describer()


@pytest.fixture
def table(qtbot: QtBot, describer: Describer) -> ProcessTable:
    made = ProcessTable(ANNA, str, describer)
    made.resize(900, 400)
    qtbot.addWidget(made)
    with qtbot.waitExposed(made):
        made.show()
    made.show_sample(sample(processes((1, "a", 0.3), (2, "b", 0.2))))
    return made


def select(table: ProcessTable, row: int) -> None:
    table.view.setCurrentIndex(table.model.index(row, 0))


def test_the_pane_shows_what_the_selected_process_is_and_uses(table: ProcessTable, describer: Describer) -> None:
    assert not table.details.isVisible()
    select(table, 0)
    assert table.details.program.full_text == "reading…"
    describer.asked[0][1](EDITOR)
    assert table.details.program.full_text == "Kate · /usr/bin/kate"
    assert table.details.command.full_text == "kate -b notes.txt"
    assert table.details.owner.full_text == "anna"
    assert table.details.unit.full_text == "app-org.kde.kate-7.scope"
    assert table.details.now.full_text.replace(formats.SPACE, " ").startswith("30 % of a core, 1.00 MB of memory")


def test_an_icon_comes_from_the_theme_and_never_from_a_file_an_entry_names(
    table: ProcessTable, describer: Describer, tmp_path: Path
) -> None:
    picture = QPixmap(48, 48)
    picture.fill(Qt.GlobalColor.red)
    themed = tmp_path / "mine/48x48/apps"
    themed.mkdir(parents=True)
    (tmp_path / "mine/index.theme").write_text(
        "[Icon Theme]\nName=mine\nDirectories=48x48/apps\n[48x48/apps]\nSize=48\n"
    )
    assert picture.save(str(themed / "kate.png"))
    before = QIcon.themeSearchPaths(), QIcon.themeName()
    QIcon.setThemeSearchPaths([str(tmp_path)])
    QIcon.setThemeName("mine")
    try:
        for row, icon, shown in ((0, "kate", True), (1, str(themed / "kate.png"), False)):
            select(table, row)
            describer.asked[-1][1](Description(application=Application("k", "Kate", icon)))
            assert table.details.icon.isVisible() is shown
    finally:
        QIcon.setThemeSearchPaths(before[0])
        QIcon.setThemeName(before[1])


def test_one_question_a_selection_however_many_ticks(table: ProcessTable, describer: Describer) -> None:
    select(table, 0)
    for second in range(2, 6):
        table.show_sample(sample(processes((1, "a", 0.5), (2, "b", 0.2)), second=second))
    assert len(describer.asked) == 1
    assert table.details.now.full_text.startswith("50")


def test_a_late_answer_to_an_earlier_question_is_thrown_away(table: ProcessTable, describer: Describer) -> None:
    select(table, 0)
    select(table, 1)
    describer.asked[0][1](EDITOR)
    assert table.details.program.full_text == "reading…"


def test_the_pane_goes_when_the_selection_does(table: ProcessTable, qtbot: QtBot) -> None:
    select(table, 0)
    assert table.details.isVisible()
    qtbot.keyClick(table.view, Qt.Key.Key_Escape)
    assert not table.details.isVisible()


def test_of_a_process_that_ended_the_words_stay_and_its_end_is_said(table: ProcessTable, describer: Describer) -> None:
    select(table, 0)
    describer.asked[0][1](EDITOR)
    table.show_sample(sample(processes((2, "b", 0.2)), second=2))
    assert table.details.program.full_text == "Kate · /usr/bin/kate"
    assert table.details.now.full_text == "It has ended."


def test_what_is_unknown_says_why(table: ProcessTable, describer: Describer) -> None:
    select(table, 0)
    describer.asked[0][1](Description(unknown=(("executable", "Only its owner may see it."),)))
    assert table.details.program.full_text == "Only its owner may see it."
    assert table.details.owner.full_text == formats.MISSING


def test_hostile_text_is_escaped_plain_and_bounded(table: ProcessTable, describer: Describer) -> None:
    select(table, 0)
    hostile = "<img src=x>&amp\n\x1b[31m\u202e" + "A" * 100_000
    describer.asked[0][1](Description(hostile, hostile, hostile, hostile, hostile, hostile))
    for label in table.details.findChildren(QLabel):
        assert label.textFormat() is Qt.TextFormat.PlainText
    for label in (table.details.program, table.details.command, table.details.owner, table.details.unit):
        assert "<img src=x>" in label.full_text
        assert "<img" not in label.toolTip()
        assert not {"\n", "\x1b", "\u202e"} & set(label.full_text)
        assert len(label.full_text.encode()) <= 1100
        assert label.fontMetrics().horizontalAdvance(label.text()) <= label.width()


def test_a_long_command_line_never_widens_the_window(table: ProcessTable, describer: Describer) -> None:
    select(table, 0)
    before = table.minimumSizeHint().width()
    describer.asked[0][1](Description(command_line="x" * 1000))
    assert table.minimumSizeHint().width() == before
