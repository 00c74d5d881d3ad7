"""Promises of the incident's card and of the notification settings."""

import pytest
from PySide6.QtCore import Qt, QTime
from PySide6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot

from smoothtask_gui.domain.choices import Choices, Expected, Scope, ScopeKind, Snooze
from smoothtask_gui.domain.incident import (
    Action,
    Deed,
    Hushed,
    IncidentState,
    ProcessIdentity,
)
from smoothtask_gui.domain.joining import arrange
from smoothtask_gui.domain.settings import Settings
from smoothtask_gui.ui.incident_card import IncidentCard
from smoothtask_gui.ui.quiet_settings import QuietSettings
from tests.fakes.incidents import runaway

ANNA = 1000
HOSTILE = '</b><img src=x>\x1b[31m\u202e\n"&' + "A" * 4096
EVERYTHING = arrange("overheating", (Action.SHOW, Action.STOP, Action.SNOOZE))


@pytest.fixture
def card(qtbot: QtBot) -> IncidentCard:
    made = IncidentCard(ANNA)
    qtbot.addWidget(made)
    made.show()
    return made


@pytest.fixture
def page(qtbot: QtBot) -> QuietSettings:
    made = QuietSettings()
    qtbot.addWidget(made)
    made.show()
    return made


def deed(result: str = "node is paused.", *, succeeded: bool = True) -> Deed:
    return Deed(1_700_000_000 * 10**9, "you", Action.PAUSE, "node", result, succeeded)


def offered(card: IncidentCard) -> set[Action]:
    return {action for action, button in card.buttons.items() if button.isVisibleTo(card)}


def test_everything_that_can_be_done_has_a_button_on_the_card(card: IncidentCard, qtbot: QtBot) -> None:
    card.show_incident(runaway(7, actions=EVERYTHING))
    assert offered(card) == set(EVERYTHING) - {Action.SHOW}
    for action in (Action.PAUSE, Action.LIMIT, Action.STOP, Action.EXPECTED):
        with qtbot.waitSignal(card.acted) as pressed:
            qtbot.mouseClick(card.buttons[action], Qt.MouseButton.LeftButton)
        assert pressed.args == [7, action]
        assert card.buttons[action].toolTip()


def test_what_is_in_force_is_undone_in_the_same_place(card: IncidentCard) -> None:
    card.show_incident(runaway(7, actions=(Action.RESUME, Action.STOP)))
    assert offered(card) == {Action.RESUME, Action.STOP}
    assert card.buttons[Action.RESUME].text() == "Resume node"


def test_a_snooze_says_of_what_and_for_how_long(card: IncidentCard, qtbot: QtBot) -> None:
    card.show_incident(runaway(7))
    menus = [entry.menu() for entry in card.buttons[Action.SNOOZE].menu().actions()]
    assert len(menus) == 4
    assert all(len(menu.actions()) == 4 for menu in menus)
    wanted = []
    card.snooze_wanted.connect(lambda *said: wanted.append(said))
    for menu in menus:
        menu.actions()[0].trigger()
    node = Scope(ScopeKind.APP, subject="node", name="node")
    scopes = [node, Scope(ScopeKind.RULE, "runaway"), Scope(ScopeKind.EVERYTHING)]
    assert wanted == [(7, 3600), *((scope, 3600) for scope in scopes)]


def test_what_was_done_is_told_with_its_result(card: IncidentCard) -> None:
    card.show_incident(runaway(7, deeds=(deed(), deed("node has ended already.", succeeded=False))))
    first, second = card.deeds.text().splitlines()
    assert first.startswith("✓")
    assert "You: node is paused." in first
    assert second.startswith("✗")


@pytest.mark.parametrize("hushed", list(Hushed))
def test_why_it_was_not_announced_is_said(card: IncidentCard, hushed: Hushed) -> None:
    card.show_incident(runaway(7, hushed=hushed))
    assert card.quiet.isVisibleTo(card)
    assert card.quiet.text()


def test_what_is_over_offers_only_what_is_still_to_be_undone(card: IncidentCard) -> None:
    card.show_incident(runaway(7, state=IncidentState.RESOLVED))
    assert offered(card) == set()
    card.show_incident(None)
    assert card.isHidden()


def test_somebody_elses_app_can_be_reached_with_a_word_about_the_password(card: IncidentCard, qtbot: QtBot) -> None:
    card.show_incident(runaway(7, target=ProcessIdentity(9, 1, 0, "sshd"), actions=EVERYTHING))
    assert "password" in card.buttons[Action.PAUSE].toolTip()
    with qtbot.waitSignal(card.acted) as acted:
        qtbot.mouseClick(card.buttons[Action.STOP], Qt.MouseButton.LeftButton)
    assert acted.args == [7, Action.STOP]
    card.show_incident(runaway(8, target=ProcessIdentity(9, 1, ANNA, "mine"), actions=EVERYTHING))
    assert "password" not in card.buttons[Action.PAUSE].toolTip()


def test_hostile_names_stay_literal_bounded_and_on_their_line(card: IncidentCard) -> None:
    who = ProcessIdentity(9, 1, ANNA, HOSTILE)
    card.show_incident(runaway(7, title=HOSTILE[:60], target=who, deeds=(deed(HOSTILE),)))
    for label in card.findChildren(QLabel):
        assert label.textFormat() is Qt.TextFormat.PlainText
    assert len(card.deeds.text()) < 600
    assert "\n" not in card.deeds.text()
    for button in card.buttons.values():
        assert len(button.text()) < 60
        assert button.text().isprintable()


def test_the_settings_say_what_they_were_given(page: QuietSettings) -> None:
    given = Settings(
        respect_do_not_disturb=False, respect_full_screen=True, quiet_hours="23:30-06:15", pause_minutes=45
    )
    page.show_settings(given)
    assert page.apply_to(Settings()) == given
    page.hours.setChecked(False)
    assert page.apply_to(Settings()).quiet_hours == ""
    assert not page.begin.isEnabled()


def test_each_edit_is_said(page: QuietSettings, qtbot: QtBot) -> None:
    page.show_settings(Settings(quiet_hours="22:00-07:00"))
    for edit in (page.do_not_disturb.toggle, page.full_screen.toggle, lambda: page.begin.setTime(QTime(1, 2))):
        with qtbot.waitSignal(page.changed):
            edit()


def test_what_was_chosen_is_listed_and_can_be_taken_back(page: QuietSettings, qtbot: QtBot) -> None:
    assert page.nothing.isVisibleTo(page)
    scope = Scope(ScopeKind.ALERT, "runaway", "7:1", HOSTILE)
    page.show_choices(
        Choices((Snooze(scope, 5), Snooze(Scope(ScopeKind.EVERYTHING), 5)), (Expected("runaway", HOSTILE, 5),))
    )
    assert page.chosen.count() == 3
    assert all(page.chosen.item(row).text().isprintable() for row in range(3))
    assert not page.take_back.isEnabled()
    page.chosen.setCurrentRow(0)
    with qtbot.waitSignal(page.unsnoozed) as taken:
        qtbot.mouseClick(page.take_back, Qt.MouseButton.LeftButton)
    assert taken.args == [scope]
    page.chosen.setCurrentRow(2)
    with qtbot.waitSignal(page.unexpected) as taken:
        qtbot.mouseClick(page.take_back, Qt.MouseButton.LeftButton)
    assert taken.args == ["runaway", HOSTILE]
