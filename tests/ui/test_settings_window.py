from dataclasses import replace

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QAbstractSpinBox, QDialogButtonBox, QLabel, QMessageBox, QPushButton
from pytestqt.qtbot import QtBot

from smoothtask_gui.domain.rules import Notifications, Overheating, Rules, Runaway
from smoothtask_gui.domain.settings import Settings, problems
from smoothtask_gui.ui.settings_window import SettingsWindow

OWN = Settings(
    rules=Rules(
        Overheating(
            enabled=False, margin_c=7.5, clear_margin_c=9.0, limit_without_driver_c=88.5, for_s=2.5, cooldown_s=90.0
        ),
        Runaway(cores=2.5, clear_cores=1.25, for_s=30.0, cooldown_s=60.0, ignore=("cc1", "rustc")),
        notifications=Notifications(per_hour=3),
    ),
    period_ms=2_500,
    graph_span_s=120,
    cpu_per_core=False,
    autostart=True,
    record_history=False,
)


@pytest.fixture
def window(qtbot: QtBot) -> SettingsWindow:
    made = SettingsWindow(OWN)
    made.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, on=False)
    qtbot.addWidget(made)
    with qtbot.waitExposed(made):
        made.show()
    return made


def button(window: SettingsWindow, which: QDialogButtonBox.StandardButton) -> QPushButton:
    return window.buttons.button(which)


OK, APPLY = QDialogButtonBox.StandardButton.Ok, QDialogButtonBox.StandardButton.Apply
CANCEL, DEFAULTS = QDialogButtonBox.StandardButton.Cancel, QDialogButtonBox.StandardButton.RestoreDefaults


@pytest.mark.parametrize("settings", [Settings(), OWN])
def test_what_is_shown_comes_back_unchanged(qtbot: QtBot, settings: Settings) -> None:
    made = SettingsWindow(settings)
    qtbot.addWidget(made)
    assert made.settings() == settings


def test_an_apply_without_a_change_is_not_possible(window: SettingsWindow) -> None:
    assert not button(window, APPLY).isEnabled()


def test_a_change_leaves_as_one_whole_settings_object(window: SettingsWindow, qtbot: QtBot) -> None:
    window.cores.setValue(150)
    with qtbot.waitSignal(window.settings_changed) as changed:
        qtbot.mouseClick(button(window, APPLY), Qt.MouseButton.LeftButton)
    wanted = replace(OWN, rules=replace(OWN.rules, runaway=replace(OWN.rules.runaway, cores=1.5)))
    assert changed.args == [wanted]
    assert not button(window, APPLY).isEnabled()


def test_what_the_window_does_not_show_passes_through(window: SettingsWindow) -> None:
    window.cores.setValue(300)
    assert window.settings().rules.runaway.ignore == ("cc1", "rustc")


def test_a_clear_level_above_the_alert_level_is_refused_with_a_reason(window: SettingsWindow, qtbot: QtBot) -> None:
    window.clear_cores.setValue(251)
    assert window.problem.isVisible()
    assert "251" in window.problem.text()
    assert not button(window, OK).isEnabled()
    assert not button(window, APPLY).isEnabled()
    with qtbot.assertNotEmitted(window.settings_changed):
        window._accept()
    window.clear_cores.setValue(100)
    assert not window.problem.isVisible()
    assert button(window, OK).isEnabled()


def test_cancel_changes_nothing(window: SettingsWindow, qtbot: QtBot) -> None:
    window.cores.setValue(400)
    with qtbot.assertNotEmitted(window.settings_changed):
        qtbot.mouseClick(button(window, CANCEL), Qt.MouseButton.LeftButton)


def test_ok_without_a_change_says_nothing(window: SettingsWindow, qtbot: QtBot) -> None:
    with qtbot.assertNotEmitted(window.settings_changed):
        qtbot.mouseClick(button(window, OK), Qt.MouseButton.LeftButton)
    assert not window.isVisible()


def test_defaults_fill_the_fields_and_wait_for_apply(window: SettingsWindow, qtbot: QtBot) -> None:
    with qtbot.assertNotEmitted(window.settings_changed):
        qtbot.mouseClick(button(window, DEFAULTS), Qt.MouseButton.LeftButton)
    assert window.settings() == replace(Settings(), autostart=True)
    assert button(window, APPLY).isEnabled()
    with qtbot.waitSignal(window.settings_changed):
        qtbot.mouseClick(button(window, OK), Qt.MouseButton.LeftButton)


def test_a_rule_that_is_off_greys_its_fields(window: SettingsWindow) -> None:
    assert not window.margin.isEnabled()
    window.heat.setChecked(True)
    assert window.margin.isEnabled()


def test_numbers_are_written_without_needless_zeros(window: SettingsWindow) -> None:
    assert window.margin.text().startswith("7.5")
    assert window.busy_cooldown.text().startswith("1\u00a0")


def test_every_field_has_a_label_with_a_letter_of_its_own_and_a_name(window: SettingsWindow) -> None:
    letters = [
        QKeySequence.mnemonic(label.text()).toString()
        for label in window.findChildren(QLabel)
        if label.buddy() is not None
    ]
    letters += [QKeySequence.mnemonic(box.title()).toString() for box in (window.heat, window.busy)]
    letters += [
        QKeySequence.mnemonic(box.text()).toString() for box in (window.autostart, window.history, window.forget)
    ]
    assert all(letters)
    assert len(set(letters)) == len(letters)
    assert all(box.accessibleName() for box in window.findChildren(QAbstractSpinBox))


def test_it_scrolls_on_a_small_screen(window: SettingsWindow) -> None:
    window.resize(window.minimumSizeHint())
    assert window.height() <= 480


def test_escape_closes_it(window: SettingsWindow, qtbot: QtBot) -> None:
    qtbot.keyClick(window, Qt.Key.Key_Escape)
    assert not window.isVisible()


def test_defaults_are_valid() -> None:
    assert problems(Settings()) == {}


@pytest.mark.parametrize(
    ("settings", "key"),
    [
        (Settings(period_ms=1), "period_ms"),
        (Settings(graph_span_s=100_000), "graph_span_s"),
        (Settings(rules=Rules(runaway=Runaway(cores=0.5, clear_cores=0.6))), "runaway.clear_cores"),
    ],
)
def test_a_setting_that_makes_no_sense_is_named_with_its_range(settings: Settings, key: str) -> None:
    assert list(problems(settings)) == [key]
    assert key in problems(settings)[key]


@pytest.mark.parametrize(("pressed", "count"), [("Cancel", 0), ("Delete", 1)])
def test_the_history_is_deleted_only_after_a_yes(
    window: SettingsWindow, qtbot: QtBot, pressed: str, count: int
) -> None:
    wanted: list[bool] = []
    window.forget_wanted.connect(lambda: wanted.append(True))
    qtbot.mouseClick(window.forget, Qt.MouseButton.LeftButton)
    asked = window.findChild(QMessageBox)
    assert asked is not None
    assert wanted == []
    choice = next(each for each in asked.buttons() if each.text().replace("&", "") == pressed)
    choice.click()
    assert len(wanted) == count


def test_the_fields_of_all_groups_begin_at_one_edge(window: SettingsWindow) -> None:
    fields = (window.margin, window.cores, window.period, window.per_core, window.forget, window.quiet.pause)
    assert len({field.mapTo(window, field.rect().topLeft()).x() for field in fields}) == 1
