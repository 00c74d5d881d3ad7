from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtGui import QColor, QFont, QImage
from PySide6.QtWidgets import QMainWindow, QTabWidget
from pytestqt.qtbot import QtBot

from smoothtask_gui.ui import formats, theme
from smoothtask_gui.ui.graph import Axis, Graph, Picture, polygon, runs
from tests.ui import samples

AGES = np.arange(60)[::-1].astype(float)
NAN = np.nan


def picture(values: np.ndarray, **changes: object) -> Picture:
    return replace(Picture(AGES, (values,), "34 %"), **changes)


@pytest.fixture
def graph(qtbot: QtBot) -> Graph:
    made = Graph("CPU", Axis(formats.percent, top=1.0))
    made.setPalette(samples.palette(dark=False))
    made.resize(400, 240)
    qtbot.addWidget(made)
    return made


def curve_columns(graph: Graph) -> list[bool]:
    """Which pixel columns hold anything in the first curve's hue."""
    image = graph.grab().toImage()
    hue = theme.colours(graph.palette()).series[0].hue()

    def of_the_curve(colour: QColor) -> bool:
        return colour.saturation() > 60 and abs(colour.hue() - hue) < 15

    return [any(of_the_curve(image.pixelColor(x, y)) for y in range(image.height())) for x in range(image.width())]


def test_a_missing_value_is_a_gap_not_a_line(graph: Graph) -> None:
    whole = np.full(60, 0.5)
    graph.show_picture(picture(whole))
    assert all(curve_columns(graph)[20:380])
    torn = whole.copy()
    torn[20:40] = NAN
    graph.show_picture(picture(torn))
    columns = curve_columns(graph)
    assert not any(columns[145:250])
    assert all(columns[20:120])
    assert all(columns[280:380])


def test_a_pause_without_points_is_a_gap_too() -> None:
    ages = np.array([90.0, 89, 88, 40, 39, 38])
    assert runs(ages, np.ones(6)) == [slice(0, 3), slice(3, 6)]


def test_a_lone_reading_between_two_gaps_is_still_drawn(graph: Graph) -> None:
    values = np.full(60, NAN)
    values[30] = 0.5
    graph.show_picture(picture(values))
    assert any(curve_columns(graph))


@pytest.mark.parametrize("values", [np.full(60, NAN), np.array([])])
def test_without_any_reading_no_scale_is_made_up(graph: Graph, values: np.ndarray) -> None:
    graph.show_picture(Picture(AGES[: len(values)], (values,), formats.MISSING))
    assert runs(AGES[: len(values)], values) == []
    assert graph.accessibleDescription() in {"", formats.MISSING}
    graph.grab()


def test_polygons_carry_the_points_unchanged() -> None:
    points = np.array([[1.0, 2.0], [3.5, 4.25], [5.0, -6.0]])
    assert [(point.x(), point.y()) for point in polygon(points)] == [tuple(row) for row in points]


def test_a_hidden_graph_is_not_painted_and_catches_up_when_shown(graph: Graph, qtbot: QtBot) -> None:
    for _ in range(50):
        graph.show_picture(picture(np.full(60, 0.2)))
    qtbot.wait(1)
    assert graph.paints == 0
    with qtbot.waitExposed(graph):
        graph.show()
    qtbot.waitUntil(lambda: graph.paints > 0)
    assert graph.accessibleDescription().startswith("34 %")


def test_a_graph_on_another_tab_is_not_painted(qtbot: QtBot) -> None:
    tabs = QTabWidget()
    front, back = Graph("front", Axis(formats.percent, top=1.0)), Graph("back", Axis(formats.percent, top=1.0))
    tabs.addTab(front, "front")
    tabs.addTab(back, "back")
    qtbot.addWidget(tabs)
    with qtbot.waitExposed(tabs):
        tabs.show()
    front.show_picture(picture(np.full(60, 0.2)))
    back.show_picture(picture(np.full(60, 0.2)))
    qtbot.waitUntil(lambda: front.paints > 0)
    assert back.paints == 0


def test_a_minimised_window_paints_no_graph(qtbot: QtBot) -> None:
    window = QMainWindow()
    graph = Graph("CPU", Axis(formats.percent, top=1.0))
    window.setCentralWidget(graph)
    qtbot.addWidget(window)
    with qtbot.waitExposed(window):
        window.show()
    qtbot.waitUntil(lambda: graph.paints > 0)
    window.showMinimized()
    qtbot.wait(1)
    before = graph.paints
    for _ in range(20):
        graph.show_picture(picture(np.full(60, 0.2)))
        qtbot.wait(1)
    assert graph.paints == before


def test_the_scale_holds_still_while_values_wander(qtbot: QtBot) -> None:
    graph = Graph("Disk", Axis(formats.rate, least_top=1e6))
    qtbot.addWidget(graph)
    tops = set()
    for peak in (9e6, 8e6, 9.5e6, 6e6, 4e6, 9e6):
        graph.show_picture(picture(np.full(60, peak)))
        tops.add(graph.top)
    assert tops == {10e6}


def test_an_old_peak_out_of_view_does_not_stretch_the_scale(qtbot: QtBot) -> None:
    graph = Graph("Disk", Axis(formats.rate, least_top=1e6))
    qtbot.addWidget(graph)
    ages = np.arange(120)[::-1].astype(float)
    graph.show_picture(Picture(ages, (np.where(ages > 100, 9e9, 1e6),), ""))
    assert graph.top < 1e7


def test_the_limit_always_fits_in_the_scale(qtbot: QtBot) -> None:
    graph = Graph("T", Axis(formats.celsius, least_top=50))
    qtbot.addWidget(graph)
    graph.show_picture(picture(np.full(60, 40.0), limit=95.0))
    assert graph.top >= 95


def test_a_screen_reader_hears_title_and_value(graph: Graph, qtbot: QtBot) -> None:
    with qtbot.waitExposed(graph):
        graph.show()
    graph.show_picture(picture(np.linspace(0.1, 0.8, 60)))
    assert graph.accessibleName() == "CPU"
    said = graph.accessibleDescription().replace(formats.SPACE, " ")
    assert said == "34 %; min 10 % · max 80 %"


def test_least_and_most_are_those_of_all_curves(qtbot: QtBot) -> None:
    graph = Graph("Disk", Axis(formats.rate), ("read", "write"))
    qtbot.addWidget(graph)
    with qtbot.waitExposed(graph):
        graph.show()
    ages = np.array([3.0, 2.0, 1.0])
    graph.show_picture(Picture(ages, (np.array([NAN, 5.0, 9.0]), np.array([7.0, 356e6, 2.0])), "now"))
    said = graph.accessibleDescription().replace(formats.SPACE, " ")
    assert said == "now; min 2 B/s · max 356 MB/s"
    graph.show_picture(Picture(ages, (np.full(3, NAN), np.array([7.0, 8.0, NAN])), "now"))
    assert graph.accessibleDescription().replace(formats.SPACE, " ") == "now; min 7 B/s · max 8 B/s"


def test_a_screen_reader_hears_why_there_is_no_value(graph: Graph, qtbot: QtBot) -> None:
    with qtbot.waitExposed(graph):
        graph.show()
    graph.show_picture(picture(np.full(60, NAN), unavailable="No sensor here."))
    assert graph.accessibleDescription() == "No sensor here."


def test_a_stale_graph_loses_its_colour(graph: Graph) -> None:
    graph.show_picture(picture(np.full(60, 0.5)))
    assert any(curve_columns(graph))
    graph.set_stale(True)
    assert not any(curve_columns(graph))


@pytest.mark.parametrize("width", [245, 300, 500])
def test_a_legend_stays_beside_the_title_so_that_cards_in_a_row_begin_level(qtbot: QtBot, width: int) -> None:
    tops = []
    for labels in (("",), ("CPU", "memory", "disk")):
        made = Graph("Waiting for", Axis(formats.percent, top=1.0), labels)
        made.setFont(QFont("DejaVu Sans", 9))
        made.resize(width, 240)
        qtbot.addWidget(made)
        made.show_picture(Picture(AGES, (np.full(60, 1.0),) * len(labels), "34 %"))
        image = made.grab().toImage()
        tops.append(next(y for y in range(made.height()) if is_line(image, y)))
    assert tops[0] == tops[1]


def is_line(image: QImage, y: int) -> bool:
    """Whether the grid, or a curve, runs right through the card there."""
    return all(image.pixel(x, y) != image.pixel(1, 1) for x in range(12, image.width() - 12))


def test_the_curve_does_not_strike_out_the_limits_name(graph: Graph) -> None:
    """The label lies below its line here, where the curve runs."""
    graph.resize(300, 120)
    flat = replace(picture(np.full(60, 0.94)), limit=0.97, limit_label="M" * 12)
    graph.show_picture(flat)
    struck = curve_columns(graph)
    assert not any(struck[-90:-12])
    assert any(struck[20:150])
