"""The table of sensors in the settings: the driver's limit, and one's own."""

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QDialogButtonBox, QLineEdit
from pytestqt.qtbot import QtBot

from smoothtask_gui.domain.batch import SensorReading
from smoothtask_gui.domain.rules import Overheating, Rules
from smoothtask_gui.domain.settings import Settings
from smoothtask_gui.ui import formats
from smoothtask_gui.ui.sensor_limits import SensorLimits, parse_limit
from smoothtask_gui.ui.settings_window import SettingsWindow

CPU = SensorReading("coretemp/coretemp.0/Package id 0", "coretemp", "Package id 0", "cpu", 61.0, 80.0, 100.0)
DISK = SensorReading("nvme/nvme0/Composite", "nvme", "Composite", "disk", 44.0, 81.8, None)
BOARD = SensorReading("acpitz/thermal_zone0/", "acpitz", "", "board", 44.0, None, None)
OWN = {"nvme*": 70.0, BOARD.key: 0.0, "gone/x/y": 60.0}


@pytest.fixture
def limits(qtbot: QtBot) -> SensorLimits:
    made = SensorLimits()
    qtbot.addWidget(made)
    made.show_sensors((CPU, DISK, BOARD))
    return made


def shown(limits: SensorLimits) -> list[list[str]]:
    model = limits.model
    return [[model.index(row, column).data() for column in range(3)] for row in range(model.rowCount())]


def write(limits: SensorLimits, row: int, text: str) -> bool:
    return limits.model.setData(limits.model.index(row, 2), text)


def test_each_sensor_is_listed_with_its_drivers_limit_and_ones_own(limits: SensorLimits) -> None:
    limits.show_limits(OWN)
    assert [[text.replace(formats.SPACE, " ") for text in row] for row in shown(limits)] == [
        ["coretemp: Package id 0", "100 °C", "—"],
        ["nvme: Composite", "82 °C", "—"],
        ["acpitz", "—", "no alert"],
        ["all called nvme*", "—", "70 °C"],
        ["gone/x/y (not there now)", "—", "60 °C"],
    ]


def test_only_the_own_limit_can_be_edited(limits: SensorLimits) -> None:
    editable = [bool(limits.model.index(0, column).flags() & Qt.ItemFlag.ItemIsEditable) for column in range(3)]
    assert editable == [False, False, True]
    assert not limits.model.setData(limits.model.index(0, 1), "70")


def test_limits_of_sensors_that_are_gone_and_patterns_are_kept_in_their_order(limits: SensorLimits) -> None:
    limits.show_limits(OWN)
    assert write(limits, 0, "90")
    assert list(limits.limits_c().items()) == [*OWN.items(), (CPU.key, 90.0)]
    assert write(limits, 3, "")
    assert "nvme*" not in limits.limits_c()


@pytest.mark.parametrize(
    ("text", "limit_c"),
    [("70", 70.0), (" 70,5 °C ", 70.5), ("70 C", 70.0), ("0", 0.0), ("", None), ("  ", None), ("150", 150.0)],
)
def test_a_limit_is_read_as_people_write_it(text: str, limit_c: float | None) -> None:
    assert parse_limit(text) == limit_c


@pytest.mark.parametrize("text", ["hot", "29.9", "151", "-5", "nan", "inf", "7 0", "1e400", "°C °C"])
def test_what_is_no_limit_stays_as_typed_and_is_said(limits: SensorLimits, text: str) -> None:
    limits.show_limits({CPU.key: 90.0})
    assert write(limits, 0, text)
    assert limits.problem().startswith(f"“{text}” is no limit for coretemp: Package id 0: write 30 to 150 °C")
    assert shown(limits)[0][2] == text
    assert isinstance(limits.model.index(0, 2).data(Qt.ItemDataRole.ForegroundRole), QColor)
    assert limits.limits_c() == {CPU.key: 90.0}
    assert write(limits, 0, "85")
    assert (limits.problem(), limits.limits_c()) == ("", {CPU.key: 85.0})


def test_hostile_names_are_shown_literally_and_bounded(limits: SensorLimits) -> None:
    limits.show_limits({"<b>x</b>\n" + "y" * 500: 60.0})
    name = shown(limits)[3][0]
    assert "\n" not in name
    assert len(name) < 200


def test_without_sensors_it_says_so(qtbot: QtBot) -> None:
    made = SensorLimits()
    qtbot.addWidget(made)
    assert made.view.isHidden()
    assert not made.nothing.isHidden()
    made.show_sensors((CPU,))
    assert not made.view.isHidden()
    assert made.nothing.isHidden()


def test_a_limit_is_set_by_keyboard_and_leaves_with_the_settings(qtbot: QtBot) -> None:
    window = SettingsWindow(Settings(rules=Rules(Overheating(limits_c={"acpitz*": 0.0}))))
    window.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, on=False)
    qtbot.addWidget(window)
    window.show_sensors((CPU, DISK))
    window.show()
    view = window.limits.view
    view.setFocus()
    view.setCurrentIndex(window.limits.model.index(1, 2))
    view.edit(window.limits.model.index(1, 2))
    editor = view.findChild(QLineEdit)
    assert editor is not None
    editor.setText("65")
    qtbot.keyClick(editor, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: DISK.key in window.limits.limits_c(), timeout=30_000)
    assert window.isVisible()
    with qtbot.waitSignal(window.settings_changed) as changed:
        window.buttons.button(QDialogButtonBox.StandardButton.Apply).click()
    assert changed.args[0].rules.overheating.limits_c == {"acpitz*": 0.0, DISK.key: 65.0}


def test_a_limit_that_makes_no_sense_cannot_be_applied_and_defaults_take_it_back(qtbot: QtBot) -> None:
    window = SettingsWindow(Settings())
    qtbot.addWidget(window)
    window.show_sensors((CPU,))
    write(window.limits, 0, "hot")
    assert "“hot” is no limit for coretemp: Package id 0" in window.problem.text()
    for which in (QDialogButtonBox.StandardButton.Ok, QDialogButtonBox.StandardButton.Apply):
        assert not window.buttons.button(which).isEnabled()
    window.restore_defaults()
    assert window.problem.text() == ""
    assert window.buttons.button(QDialogButtonBox.StandardButton.Ok).isEnabled()
