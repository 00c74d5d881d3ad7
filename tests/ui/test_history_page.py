"""Promises of the history tab: a span leads to its apps, a mark to its evidence, and nothing is made up."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from smoothtask_gui.adapters.history.historian import Historian
from smoothtask_gui.adapters.history.recorder import Recorder
from smoothtask_gui.adapters.loop import QtThread
from smoothtask_gui.domain.history.answers import NOTHING, Answer, AppUse, Line, Note
from smoothtask_gui.domain.history.question import Question
from smoothtask_gui.domain.history.series import CPU, MEMORY, MEMORY_TOTAL, SERIES, TEMPERATURE
from smoothtask_gui.domain.incident import Incident, IncidentState, Severity
from smoothtask_gui.ui import formats, lanes
from smoothtask_gui.ui.history_page import HistoryPage
from smoothtask_gui.ui.ticks import ticks
from smoothtask_gui.ui.window import MainWindow
from tests.fakes.batches import Machine
from tests.fakes.history import at_s
from tests.fakes.history import samples as samples_of
from tests.fakes.incidents import runaway
from tests.ui import samples

NOW_S = 1_700_000_000.0
NS = 1_000_000_000


def line(since_s: float, until_s: float, hole: tuple[float, float] | None = None) -> Line:
    start = np.arange(since_s, until_s, 10.0)
    if hole:
        start = start[(start < hole[0]) | (start >= hole[1])]
    means = np.full((len(start), len(SERIES)), np.nan)
    means[:, CPU], means[:, TEMPERATURE] = 0.5, 70.0
    means[:, MEMORY], means[:, MEMORY_TOTAL] = 8e9, 32e9
    return Line(start, np.full(len(start), 10.0), means, means * 1.2)


def use(name: str, share: float, ended: int = 0) -> AppUse:
    return AppUse(name, name, share, share * 100, 1e9, 1e6, 2e6, None, None, None, 3, ended)


def incident_at(at_s: float, number: int = 1, **changes: object) -> Incident:
    found = runaway(number, state=IncidentState.RESOLVED)
    return replace(found, started_realtime_ns=round(at_s * NS), **changes)


class Past:
    """Answers at once, or when told to, and remembers the questions."""

    def __init__(self) -> None:
        self.asked: list[tuple[Question, Callable[[Answer | str], object]]] = []
        self.answers_at_once = True
        self.incidents: tuple[Incident, ...] = ()
        self.hole: tuple[float, float] | None = None
        self.says: Answer | str | None = None

    def __call__(self, question: Question, answer: Callable[[Answer | str], object]) -> None:
        self.asked.append((question, answer))
        if self.answers_at_once:
            answer(self.says if self.says is not None else self.answer(question))

    def answer(self, question: Question) -> Answer:
        apps = (use("HandBrake", 0.7), use("make", 0.2, ended=1_234))
        drawn = line(question.since_s, question.until_s, self.hole)
        return Answer(drawn, apps, 0.1, 0, 1, 600.0, self.incidents, (), 0, round(NOW_S))


@pytest.fixture
def past() -> Past:
    return Past()


@pytest.fixture
def page(qtbot: QtBot, past: Past) -> HistoryPage:
    made = HistoryPage(1000, past, lambda: NOW_S)
    qtbot.addWidget(made)
    made.resize(900, 600)
    with qtbot.waitExposed(made):
        made.show()
    return made


def texts(page: HistoryPage) -> list[list[str]]:
    model = page.apps.model
    return [
        [str(model.index(row, column).data()).replace(formats.SPACE, " ") for column in range(model.columnCount())]
        for row in range(model.rowCount())
    ]


def drag(qtbot: QtBot, page: HistoryPage, first: float, last: float) -> tuple[float, float]:
    """From one part (0..1) of the line to another; the moments there."""
    line_ = page.timeline
    places = [QPoint(round(8 + part * (line_.width() - 16)), line_.height() // 2) for part in (first, last)]
    qtbot.mousePress(line_, Qt.MouseButton.LeftButton, pos=places[0])
    qtbot.mouseMove(line_, places[1])
    qtbot.mouseRelease(line_, Qt.MouseButton.LeftButton, pos=places[1])
    return line_.at_px(places[0].x()), line_.at_px(places[1].x())


def test_the_last_hour_is_shown_with_its_apps(page: HistoryPage, past: Past) -> None:
    question = past.asked[-1][0]
    assert (question.since_s, question.until_s, question.chosen) == (NOW_S - 3600, NOW_S, None)
    rows = texts(page)
    assert rows[0][:2] == ["HandBrake", "70 %"]
    assert rows[1][-1] == "3 + 1234 ended"
    assert rows[2][:2] == ["the rest", "10 %"]
    assert "estimated from CPU time" in page.apps.method.text()


def test_a_dragged_span_is_asked_for(page: HistoryPage, past: Past, qtbot: QtBot) -> None:
    since_s, until_s = drag(qtbot, page, 0.25, 0.5)
    assert past.asked[-1][0].chosen == pytest.approx((since_s, until_s), abs=1)
    assert since_s == pytest.approx(NOW_S - 2700, abs=15)
    assert "15 min" in page.title.text().replace(formats.SPACE, " ")


def test_dragging_backwards_is_the_same_span(page: HistoryPage, past: Past, qtbot: QtBot) -> None:
    late_s, early_s = drag(qtbot, page, 0.5, 0.25)
    assert past.asked[-1][0].chosen == pytest.approx((early_s, late_s), abs=1)


def test_a_click_ends_the_choice(page: HistoryPage, past: Past, qtbot: QtBot) -> None:
    drag(qtbot, page, 0.25, 0.5)
    qtbot.mouseClick(page.timeline, Qt.MouseButton.LeftButton, pos=page.timeline.rect().center())
    assert past.asked[-1][0].chosen is None


def test_the_keyboard_chooses_a_span_too(page: HistoryPage, past: Past, qtbot: QtBot) -> None:
    page.timeline.setFocus()
    qtbot.keyClick(page.timeline, Qt.Key.Key_Home)
    assert page.timeline.cursor_s == NOW_S - 3600
    for _ in range(4):
        qtbot.keyClick(page.timeline, Qt.Key.Key_Right, Qt.KeyboardModifier.ShiftModifier)
    assert past.asked[-1][0].chosen == pytest.approx((NOW_S - 3600, NOW_S - 3600 + 120), abs=1)
    qtbot.keyClick(page.timeline, Qt.Key.Key_Escape)
    assert past.asked[-1][0].chosen is None
    qtbot.keyClick(page.timeline, Qt.Key.Key_PageUp)
    assert past.asked[-1][0].until_s == NOW_S - 1800


def test_a_mark_leads_to_its_evidence(page: HistoryPage, past: Past, qtbot: QtBot) -> None:
    found = incident_at(NOW_S - 1800, title="it was hot", severity=Severity.CRITICAL)
    past.incidents = (found, incident_at(NOW_S - 600, 2))
    page.refresh()
    place = QPoint(round(page.timeline.px_of(NOW_S - 1800)), 12)
    qtbot.mouseClick(page.timeline, Qt.MouseButton.LeftButton, pos=place)
    assert page.below.currentWidget() is page.incidents
    assert page.incidents.card.headline.text() == "it was hot"
    assert found.body in page.incidents.card.evidence.text()
    chosen = past.asked[-1][0].chosen
    assert chosen is not None
    assert chosen[0] < NOW_S - 1800 < chosen[1]


def test_the_keyboard_goes_from_mark_to_mark(page: HistoryPage, past: Past, qtbot: QtBot) -> None:
    past.incidents = tuple(incident_at(NOW_S - ago_s, ago_s, title=f"{ago_s}") for ago_s in (3000, 2000, 1000))
    page.refresh()
    page.timeline.setFocus()
    for expected in ("1000", "2000", "3000"):
        qtbot.keyClick(page.timeline, Qt.Key.Key_Up)
        assert page.incidents.card.headline.text() == expected
    qtbot.keyClick(page.timeline, Qt.Key.Key_Down)
    assert page.incidents.card.headline.text() == "2000"


def test_an_incident_whose_end_nobody_saw_says_so(page: HistoryPage, past: Past) -> None:
    past.incidents = (incident_at(NOW_S - 100, resolved_boottime_ns=None),)
    page.refresh()
    model = page.incidents.model
    assert model.index(0, 2).data() == formats.MISSING


def test_live_incidents_stand_beside_those_of_the_file_but_once(page: HistoryPage, past: Past) -> None:
    live = incident_at(NOW_S - 50, 7)
    past.incidents = (live, incident_at(NOW_S - 2000, 7, title="an earlier start's"))
    page.refresh()
    page.show_view(samples.view(samples.sample(), recent_incidents=(live,)))
    titles = [page.incidents.model.index(row, 3).data() for row in range(page.incidents.model.rowCount())]
    assert titles == [live.title, "an earlier start's"]


def test_an_answer_to_an_earlier_question_is_thrown_away(page: HistoryPage, past: Past) -> None:
    past.answers_at_once = False
    page.lengths.button(0).click()
    page.lengths.button(3).click()
    (early, answer_early), (late, answer_late) = past.asked[-2:]
    answer_late(past.answer(late))
    answer_early(past.answer(early))
    assert page.timeline.until_s - page.timeline.since_s == 86_400


def test_nothing_moves_under_a_hand_that_drags(page: HistoryPage, past: Past, qtbot: QtBot) -> None:
    qtbot.mousePress(page.timeline, Qt.MouseButton.LeftButton, pos=QPoint(100, 60))
    count = len(past.asked)
    page._renewed_s = 0
    page.show_view(samples.view(samples.sample()))
    assert len(past.asked) == count
    qtbot.mouseRelease(page.timeline, Qt.MouseButton.LeftButton, pos=QPoint(100, 60))


def test_the_line_moves_on_while_it_ends_now_and_only_then(page: HistoryPage, past: Past) -> None:
    page._renewed_s = 0
    page.show_view(samples.view(samples.sample()))
    count = len(past.asked)
    page.show_view(samples.view(samples.sample()))
    assert len(past.asked) == count, "not at every tick"
    page.earlier.click()
    page._renewed_s, count = 0, len(past.asked)
    page.show_view(samples.view(samples.sample()))
    assert len(past.asked) == count
    page.latest.click()
    assert past.asked[-1][0].until_s == NOW_S


@pytest.mark.parametrize(
    ("says", "on", "expected"),
    [
        (NOTHING, True, "Nothing has been recorded yet"),
        (NOTHING, False, "turned off in the settings"),
        (replace(NOTHING, first_s=5, last_s=6), True, "Nothing was recorded in this time. The last record is of"),
        ("history.sqlite was written by a newer version", True, "can't be shown: history.sqlite was written"),
    ],
)
def test_where_there_is_nothing_it_says_why(
    page: HistoryPage, past: Past, says: Answer | str, on: bool, expected: str
) -> None:
    past.says = says
    page.record(on=on)
    page.refresh()
    assert expected in page.timeline.message
    assert expected in page.timeline.accessibleDescription()
    assert page.apps.model.rowCount() == 0 or not page.apps.view.isVisible()


def test_the_cursor_reads_values_out_and_says_where_there_are_none(page: HistoryPage, past: Past) -> None:
    past.hole = (NOW_S - 1000, NOW_S - 500)
    page.refresh()
    page.timeline.pointed.emit(NOW_S - 2000)
    assert "CPU 50 % (up to 60 %)" in page.readout.text().replace(formats.SPACE, " ")
    assert "84 °C" in page.readout.text().replace(formats.SPACE, " ")
    page.timeline.pointed.emit(NOW_S - 700)
    assert "nothing was recorded" in page.readout.text()


def test_what_the_recorder_says_of_itself_is_seen(page: HistoryPage, past: Past) -> None:
    past.says = replace(past.answer(past.asked[-1][0]), notes=(Note(round(NOW_S) * NS, "lost", "300 were lost: full"),))
    page.refresh()
    assert "300 were lost" in page.readout.text()
    past.says = replace(past.says, damaged=3)
    page.refresh()
    assert "3 pieces" in page.readout.text()


def test_gaps_are_gaps_and_missing_values_break_their_own_line() -> None:
    found = line(0, 1000, hole=(300, 500))
    assert lanes.gaps(found, 0, 1000) == [(300, 500)]
    assert len(lanes.runs(found, found.means[:, CPU])) == 2
    found.means[5, TEMPERATURE] = np.nan
    assert len(lanes.runs(found, found.means[:, TEMPERATURE])) == 3
    assert lanes.runs(found, np.full(len(found), np.nan)) == []
    assert lanes.gaps(NOTHING.line, 0, 10) == [(0, 10)]


@pytest.mark.parametrize("dark", [False, True])
def test_every_state_can_be_painted(
    page: HistoryPage, past: Past, dark: bool, application_palette: None, qapp: QApplication
) -> None:
    qapp.setPalette(samples.palette(dark=dark))
    past.incidents = (incident_at(NOW_S - 900), incident_at(NOW_S - 500, 2, severity=Severity.CRITICAL))
    past.hole = (NOW_S - 1000, NOW_S - 500)
    page.refresh()
    page.timeline.select((NOW_S - 2000, NOW_S - 1500))
    picture = page.timeline.grab().toImage()
    highlight = page.timeline.palette().color(QPalette.ColorRole.Highlight)
    edge = round(page.timeline.px_of(NOW_S - 2000) * picture.devicePixelRatio())
    assert highlight in [picture.pixelColor(x, 60) for x in range(edge - 2, edge + 3)]
    past.says = NOTHING
    page.refresh()
    assert not page.timeline.grab().isNull()


@pytest.mark.parametrize("span_s", [60, 600, 3600, 86_400, 30 * 86_400, 400 * 86_400])
def test_the_axis_has_round_moments_and_not_too_many(span_s: int) -> None:
    found = ticks(NOW_S - span_s, NOW_S, 10)
    assert 2 <= len(found) <= 11
    assert all(NOW_S - span_s <= tick.at_s <= NOW_S for tick in found)
    assert len({tick.text for tick in found}) == len(found)


def test_a_click_into_a_live_graph_leads_to_that_moment(qtbot: QtBot, past: Past) -> None:
    window = MainWindow(1000, str, remember=past)
    window.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, on=False)
    qtbot.addWidget(window)
    with qtbot.waitExposed(window):
        window.show()
    shown = samples.sample()
    window.show_view(samples.view(shown), samples.store())
    graph = window.overview.graphs["cpu"]
    qtbot.mouseClick(graph, Qt.MouseButton.LeftButton, pos=graph.rect().center())
    assert window.tabs.currentWidget() is window.history
    chosen = past.asked[-1][0].chosen
    assert chosen is not None
    assert sum(chosen) / 2 == pytest.approx(shown.realtime_ns / NS - graph.span_s / 2, abs=2)
    window.close()


def test_what_happens_is_in_the_window_a_moment_later(qtbot: QtBot, tmp_path: Path) -> None:
    """All of it real: samples, recorder, file, reader, page."""
    recorder, thread = Recorder(tmp_path), QtThread()
    recorder.tell = pytest.fail
    recorder.start(on=True)
    machine = Machine()
    machine.start("HandBrake", 3.0)
    for last in samples_of(machine, 40):
        recorder.record(last)
    recorder.append(incident_at(at_s(last) - 10, title="it was hot"))
    historian = Historian(recorder)

    def remember(question: Question, answer: Callable[[Answer | str], object]) -> None:
        historian.ask(question, partial(thread.call, answer))

    page = HistoryPage(1000, remember, lambda: at_s(last))
    qtbot.addWidget(page)
    with qtbot.waitExposed(page):
        page.show()
    qtbot.waitUntil(lambda: page.apps.model.rowCount() > 0, timeout=60_000)
    assert texts(page)[0][:2] == ["HandBrake", "100 %"]
    assert page.timeline.incidents[0].title == "it was hot"
    assert recorder.close(60)


def test_a_moment_of_another_day_and_counts_of_thousands_fit_their_columns(page: HistoryPage, past: Past) -> None:
    past.incidents = (incident_at(NOW_S - 40 * 86_400),)
    page.refresh()
    for view, column in ((page.incidents.view, 1), (page.apps.view, 7)):
        index = max(
            (view.model().index(row, column) for row in range(view.model().rowCount())),
            key=lambda each: len(each.data()),
        )
        needed = view.fontMetrics().horizontalAdvance(index.data())
        assert view.columnWidth(column) >= needed + 8, index.data()
