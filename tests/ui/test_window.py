from dataclasses import replace

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import (
    QAbstractButton,
    QApplication,
    QLabel,
    QWidget,
)
from pytestqt.qtbot import QtBot

from smoothtask_gui.domain.culprit import Culprits, Method
from smoothtask_gui.domain.incident import Action, Deed, IncidentState, ProcessIdentity, Severity, Share
from smoothtask_gui.domain.sensors import OwnLimits
from smoothtask_gui.domain.settings import Settings
from smoothtask_gui.domain.store import Store
from smoothtask_gui.ui import formats
from smoothtask_gui.ui.window import MainWindow
from tests.fakes.incidents import runaway
from tests.ui import samples
from tests.ui.windows import ANNA, show


def text_of(widget: QWidget) -> str:
    seen = [label.text() for label in widget.findChildren(QLabel) if label.isVisible()]
    return "\n".join(seen).replace(formats.SPACE, " ")


def offered(widget: QWidget) -> list[QAbstractButton]:
    return [button for button in widget.findChildren(QAbstractButton) if button.isVisible()]


def test_while_all_is_well_it_says_so_in_words(window: MainWindow) -> None:
    show(window)
    assert window.status.headline.text() == "All is well"
    assert "71 °C of at most 100 °C" in text_of(window.status)
    assert not [button for button in window.status.findChildren(QAbstractButton) if button.isVisible()]


def test_an_incident_shows_fact_evidence_and_what_can_be_done(window: MainWindow, qtbot: QtBot) -> None:
    incident = runaway()
    show(window, incidents=(incident,))
    assert incident.title in text_of(window.status)
    assert incident.body in text_of(window.status)
    assert [button.text() for button in offered(window.status)] == ["Stop node", "Snooze", "Show"]
    for button, action in zip(offered(window.status), (Action.STOP, Action.SNOOZE), strict=False):
        with qtbot.waitSignal(window.acted) as asked:
            qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
        assert asked.args == [incident.id, action]


def test_show_leads_to_the_incidents_evidence(window: MainWindow, qtbot: QtBot) -> None:
    first, second = runaway(1, title="first"), runaway(2, title="second")
    show(window, incidents=(second, first))
    qtbot.mouseClick(offered(window.status)[-1], Qt.MouseButton.LeftButton)
    assert window.tabs.currentWidget() is window.history
    assert window.history.incidents.card.headline.text() == "second"
    window.show_incident(first)
    assert window.history.incidents.card.headline.text() == "first"


def test_the_worst_open_incident_is_the_one_shown(window: MainWindow) -> None:
    show(window, incidents=(runaway(2, title="newer"), runaway(1, title="worse", severity=Severity.CRITICAL)))
    assert window.status.headline.text() == "worse"
    assert "1" in window.status.evidence.text().splitlines()[-1]


def test_severity_is_told_by_shape_too(window: MainWindow) -> None:
    symbols = set()
    for incidents in ((), (runaway(),), (runaway(severity=Severity.CRITICAL),)):
        show(window, incidents=incidents)
        symbols.add(window.status.symbol.text())
    assert len(symbols) == 3


def test_somebody_elses_process_can_be_stopped_with_a_word_about_the_password(window: MainWindow) -> None:
    show(window, incidents=(runaway(target=ProcessIdentity(1, 2, 0, "rootish")),))
    stop, snooze, _ = offered(window.status)
    assert stop.isEnabled()
    assert "password" in stop.toolTip()
    assert snooze.isEnabled()


def test_hostile_titles_and_names_stay_literal(window: MainWindow) -> None:
    hostile = "<b>a&b</b><img src=x>"
    incident = replace(runaway(title=hostile, body=hostile), shares=(Share(hostile, 1.0, None),))
    culprits = Culprits((Share(hostile, 0.7, None),), 0.3, 60 * samples.SECOND_NS, 2.0)
    show(window, incidents=(incident,), culprits=lambda: culprits, notice=hostile)
    for tab in range(window.tabs.count()):
        window.tabs.setCurrentIndex(tab)
    for label in window.findChildren(QLabel):
        if "img" in label.text():
            assert label.textFormat() is Qt.TextFormat.PlainText
    assert hostile in window.status.headline.text()
    assert hostile in window.overview.who.text()


def test_what_the_source_cannot_see_is_said_with_a_way_out(window: MainWindow, qtbot: QtBot) -> None:
    show(window, source="procfs", notice="Readings come from /proc: no helper.")
    assert window.notice.isVisible()
    assert "no helper" in text_of(window.notice)
    with qtbot.waitSignal(window.helper_help_requested):
        qtbot.mouseClick(window.notice.help, Qt.MouseButton.LeftButton)


def test_no_notice_while_the_helper_delivers_everything(window: MainWindow) -> None:
    show(window)
    assert not window.notice.isVisible()


def test_silence_is_said_with_the_time_of_the_last_reading_and_never_shown_as_live(window: MainWindow) -> None:
    show(window, incidents=(runaway(),))
    window.show_stale(samples.sample().realtime_ns)
    assert "No reading since" in window.status.headline.text()
    assert offered(window.status) == []
    assert not window.processes.isEnabled()
    show(window)
    assert window.status.headline.text() == "All is well"
    assert window.processes.isEnabled()


def test_before_the_first_reading_nothing_is_made_up(window: MainWindow) -> None:
    window.show_view(samples.view(None, culprits=Culprits, fill_ratio=None), Store())
    assert "Waiting" in window.status.headline.text()
    for graph in window.overview.graphs.values():
        assert not any(character.isdigit() for character in graph.accessibleDescription())


def test_a_source_that_failed_says_why(window: MainWindow) -> None:
    window.show_view(samples.view(None, source="none", notice="/proc can't be read: denied."), Store())
    assert "no readings" in window.status.headline.text()
    assert "denied" in window.status.evidence.text()


def test_each_value_that_is_missing_says_why(window: MainWindow) -> None:
    shown = samples.sample(system=samples.NO_SYSTEM, sensors=())
    window.show_view(samples.view(shown, cpu_sensor=None, cpu_limit=None), Store())
    for key in ("disk", "network", "temperature", "pressure"):
        assert len(window.overview.graphs[key].accessibleDescription()) > 20
    window.tabs.setCurrentWidget(window.sensors)
    assert "No temperature sensor" in text_of(window.sensors)


def test_numbers_carry_their_units(window: MainWindow) -> None:
    show(window)
    said = {
        key: graph.accessibleDescription().replace(formats.SPACE, " ") for key, graph in window.overview.graphs.items()
    }
    assert said["cpu"].startswith("34 %")
    assert said["memory"].startswith("9.10 of 32.0 GB")
    assert said["disk"].startswith("12.0 / 0 MB/s")
    assert said["network"].startswith("↓ 3.10  ↑ 0.20 MB/s")
    assert said["temperature"].startswith("71 °C")
    assert said["pressure"].startswith("2.0 % CPU")


def test_who_used_the_cpu_adds_up_and_names_the_rest(window: MainWindow) -> None:
    show(window)
    said = window.overview.who.text().replace(formats.SPACE, " ")
    assert "HandBrake 71 %" in said
    assert "the rest 17 %" in said


def test_sensors_are_listed_with_limits_and_reasons(window: MainWindow) -> None:
    dead = replace(samples.TCTL, key="x", driver="nvme", kind="disk", temperature_c=None, reason="It is asleep.")
    show(window, shown=samples.sample(sensors=(samples.TCTL, dead)))
    window.tabs.setCurrentWidget(window.sensors)
    model = window.sensors.model
    rows = [[model.index(row, column).data() for column in range(6)] for row in range(2)]
    assert rows[0][2:5] == [f"71{formats.SPACE}°C", formats.MISSING, f"100{formats.SPACE}°C"]
    assert rows[1][2] == formats.MISSING
    assert "asleep" in rows[1][5]


def test_a_limit_set_in_the_settings_is_not_shown_as_the_driver_s(window: MainWindow) -> None:
    bare = replace(samples.TCTL, max_c=None, critical_c=None)
    model = window.sensors.model
    model.show_sensors((bare,), bare.key, OwnLimits(95.0))
    shown = [model.index(0, column).data() for column in range(6)]
    assert shown[3:5] == [formats.MISSING, formats.MISSING]
    assert f"Its driver gives no limit; 95{formats.SPACE}°C is set in the settings." in shown[5]
    model.show_sensors((bare,), bare.key, OwnLimits(95.0, {bare.key: 88.0}))
    assert f"Your own limit: 88{formats.SPACE}°C." in model.index(0, 5).data()
    model.show_sensors((bare,), bare.key, OwnLimits(95.0, {"k10*": 0.0}))
    assert "No alert is raised from this sensor: it is switched off in the settings." in model.index(0, 5).data()


def test_history_keeps_resolved_incidents_with_their_evidence(window: MainWindow) -> None:
    over = runaway(3, title="it was hot", state=IncidentState.RESOLVED)
    show(window, incidents=(runaway(4),), recent_incidents=(over,))
    window.show_incident(over)
    assert window.history.incidents.card.headline.text() == "it was hot"
    assert offered(window.history.incidents.card) == []
    assert "estimated from CPU time" in window.history.incidents.card.method.text()


def test_a_hidden_window_draws_nothing_and_shows_the_latest_when_it_returns(window: MainWindow) -> None:
    show(window)
    window.hide()
    before = {key: graph.paints for key, graph in window.overview.graphs.items()}
    for second in range(20):
        show(window, shown=samples.sample(second=second + 2), incidents=(runaway(title="it got hot"),))
        QApplication.processEvents()
    assert {key: graph.paints for key, graph in window.overview.graphs.items()} == before
    assert window.status.headline.text() == "All is well"
    window.show()
    assert window.status.headline.text() == "it got hot"


def test_a_minimised_window_draws_nothing(window: MainWindow) -> None:
    show(window)
    window.showMinimized()
    QApplication.processEvents()
    show(window, incidents=(runaway(title="it got hot"),))
    assert window.status.headline.text() == "All is well"
    window.showNormal()
    QApplication.processEvents()
    assert window.status.headline.text() == "it got hot"


def test_every_tab_can_be_reached_by_its_letter(window: MainWindow) -> None:
    titles = [window.tabs.tabText(tab) for tab in range(window.tabs.count())]
    letters = [QKeySequence.mnemonic(title).toString() for title in titles]
    letters.append(QKeySequence.mnemonic(window.settings.text()).toString())
    assert all(letters)
    assert len(set(letters)) == len(letters)


def test_the_overview_says_how_shares_were_found(window: MainWindow) -> None:
    share = (Share("HandBrake", 0.7, None),)
    show(window, culprits=lambda: Culprits(share, 0.3, 60 * samples.SECOND_NS, 2.0))
    assert "CPU time" in window.overview.who.toolTip()
    show(window, culprits=lambda: Culprits(share, 0.3, 60 * samples.SECOND_NS, 2.0, Method.MEASURED, 24.3))
    assert f"24.3{formats.SPACE}W" in window.overview.who.toolTip()
    assert "clock" not in window.overview.who.toolTip()
    for method, watts in ((Method.MEASURED_CLOCK, 24.3), (Method.FREQUENCY, None)):
        found = Culprits(share, 0.3, 60 * samples.SECOND_NS, 2.0, method, watts)
        show(window, culprits=lambda found=found: found)
        assert "clock" in window.overview.who.toolTip()


@pytest.mark.parametrize("tab", range(9))
def test_no_two_buttons_of_a_tab_share_a_letter(window: MainWindow, tab: int) -> None:
    assert window.tabs.count() == 9
    show(window, source="procfs", notice="x", incidents=(runaway(),))
    window.deeds.show_deed(Deed(1, "you", Action.PAUSE, "x", "x is paused.", True, ProcessIdentity(1, 1, ANNA, "x")))
    window.activity.consent.show_withheld(withheld=True)
    window.tabs.setCurrentIndex(tab)
    letters = [QKeySequence.mnemonic(window.tabs.tabText(tab)).toString() for tab in range(window.tabs.count())]
    buttons = [button for button in window.findChildren(QAbstractButton) if button.isVisible() and button.text()]
    letters += [QKeySequence.mnemonic(button.text()).toString() for button in buttons]
    named = [letter for letter in letters if letter]
    assert len(set(named)) == len(named)


def test_find_goes_to_the_search_of_apps_or_of_the_tab_that_has_one(window: MainWindow, qtbot: QtBot) -> None:
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    qtbot.keyClick(window, Qt.Key.Key_F, Qt.KeyboardModifier.ControlModifier)
    assert window.tabs.currentWidget() is window.apps
    assert window.apps.search.hasFocus()
    window.tabs.setCurrentWidget(window.processes)
    qtbot.keyClick(window, Qt.Key.Key_F, Qt.KeyboardModifier.ControlModifier)
    assert window.processes.search.hasFocus()


def test_quit_and_settings_leave_as_signals(window: MainWindow, qtbot: QtBot) -> None:
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    with qtbot.waitSignal(window.quit_requested):
        qtbot.keyClick(window, Qt.Key.Key_Q, Qt.KeyboardModifier.ControlModifier)
    with qtbot.waitSignal(window.settings_requested):
        qtbot.mouseClick(window.settings, Qt.MouseButton.LeftButton)


def test_settings_change_what_a_percent_is_and_how_far_graphs_look_back(window: MainWindow) -> None:
    window.apply_settings(Settings(cpu_per_core=False, graph_span_s=120))
    assert not window.processes.model.per_core
    assert {graph.span_s for graph in window.overview.graphs.values()} == {120.0}


def test_a_closed_window_is_gone(qtbot: QtBot) -> None:
    window = MainWindow(ANNA, str)
    with qtbot.waitExposed(window):
        window.show()
    with qtbot.waitSignal(window.destroyed):
        window.close()


@pytest.mark.parametrize("dark", [False, True])
def test_a_change_of_palette_is_followed_while_running(
    window: MainWindow, application_palette: None, dark: bool
) -> None:
    QApplication.setPalette(samples.palette(dark=dark))
    QApplication.processEvents()
    show(window)
    window.grab()
    colour = window.status.evidence.palette().windowText().color()
    assert (colour.lightness() > 128) is dark


def test_it_fits_on_a_small_screen(window: MainWindow) -> None:
    show(window, source="procfs", notice="x " * 60, incidents=(runaway(),))
    QApplication.processEvents()
    assert window.minimumSizeHint().width() <= 800
    assert window.minimumSizeHint().height() <= 600
