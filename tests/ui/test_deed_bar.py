import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QMessageBox
from pytestqt.qtbot import QtBot

from smoothtask_gui.domain.incident import Action, Deed, ProcessIdentity
from smoothtask_gui.ui.deed_bar import DeedBar
from smoothtask_gui.ui.kill_question import KillQuestion

WHO = ProcessIdentity(5, 7, 1000, "node")


@pytest.fixture
def bar(qtbot: QtBot) -> DeedBar:
    made = DeedBar()
    qtbot.addWidget(made)
    return made


def deed(action: Action, *, succeeded: bool = True, result: str = "node is paused.") -> Deed:
    return Deed(1, "you", action, "node", result, succeeded, WHO)


@pytest.mark.parametrize(
    ("done", "undo"),
    [(Action.PAUSE, Action.RESUME), (Action.LIMIT, Action.UNLIMIT), (Action.LOWER, Action.NORMAL),
     (Action.LOWEST, Action.NORMAL)],
)  # fmt: skip
def test_what_was_done_is_said_and_undone_on_the_spot(bar: DeedBar, qtbot: QtBot, done: Action, undo: Action) -> None:
    bar.show_deed(deed(done))
    assert bar.isVisibleTo(None)
    assert bar.text.text() == "node is paused."
    with qtbot.waitSignal(bar.undo_wanted) as wanted:
        qtbot.mouseClick(bar.undo, Qt.MouseButton.LeftButton)
    assert wanted.args == [WHO, undo]
    assert not bar.isVisibleTo(None)


@pytest.mark.parametrize("action", [Action.STOP, Action.KILL, Action.RESUME, Action.UNLIMIT, Action.NORMAL])
def test_what_cant_be_undone_has_no_button_for_it(bar: DeedBar, action: Action) -> None:
    bar.show_deed(deed(action))
    assert not bar.undo.isVisibleTo(bar)


def test_what_failed_isnt_said_here(bar: DeedBar) -> None:
    bar.show_deed(deed(Action.PAUSE, succeeded=False))
    assert not bar.isVisibleTo(None)


def test_a_hostile_name_stays_text(bar: DeedBar) -> None:
    bar.show_deed(deed(Action.STOP, result="<b>x</b>\x1b[2J\u202e was asked to end."))
    assert bar.text.textFormat() is Qt.TextFormat.PlainText
    assert "\x1b" not in bar.text.text()
    assert "\u202e" not in bar.text.text()


def test_the_message_can_be_closed(bar: DeedBar, qtbot: QtBot) -> None:
    bar.show_deed(deed(Action.PAUSE))
    qtbot.mouseClick(bar.close_it, Qt.MouseButton.LeftButton)
    assert not bar.isVisibleTo(None)


def test_killing_is_asked_about_and_cancel_is_what_enter_means(qtbot: QtBot) -> None:
    question = KillQuestion(ProcessIdentity(5, 7, 1000, "R&D <b>"))
    qtbot.addWidget(question)
    assert question.defaultButton() is question.button(QMessageBox.StandardButton.Cancel)
    assert question.textFormat() is Qt.TextFormat.PlainText
    assert "R&D <b> (process 5)" in question.text()
    with qtbot.waitSignal(question.accepted):
        question.kill.click()
