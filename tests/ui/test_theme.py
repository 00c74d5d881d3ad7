import pytest
from PySide6.QtGui import QColor, QPalette
from PySide6.QtWidgets import QApplication

from smoothtask_gui.ui import theme
from tests.ui import samples

GROUNDS = ["#ffffff", "#eff0f1", "#c0c0c0", "#808080", "#404040", "#31363b", "#1b1e20", "#000000", "#003366", "#ffe4b5"]


def on(ground: str) -> theme.Colours:
    palette = QPalette()
    palette.setColor(QPalette.ColorRole.Window, QColor(ground))
    palette.setColor(QPalette.ColorRole.WindowText, QColor("#777777"))  # a palette may be hard to read itself
    return theme.colours(palette)


@pytest.mark.parametrize("ground", GROUNDS)
def test_every_text_colour_can_be_read_on_any_ground(qapp: QApplication, ground: str) -> None:
    colours = on(ground)
    for colour in (colours.text, colours.muted, colours.warning, colours.critical, colours.calm):
        assert theme.contrast(colour, colours.background) >= theme.TEXT_CONTRAST


@pytest.mark.parametrize("ground", GROUNDS)
def test_every_curve_can_be_seen_on_any_ground(qapp: QApplication, ground: str) -> None:
    colours = on(ground)
    for colour in colours.series:
        assert theme.contrast(colour, colours.background) >= theme.GRAPHIC_CONTRAST


@pytest.mark.parametrize("dark", [False, True])
def test_light_and_dark_are_told_apart_by_the_palette(qapp: QApplication, dark: bool) -> None:
    assert theme.colours(samples.palette(dark=dark)).dark is dark


def test_curves_differ_by_dash_too_because_colour_never_speaks_alone() -> None:
    styles = [style for style, _ in theme.SERIES_STYLES]
    assert len(set(styles)) == len(styles)


def test_contrast_is_that_of_wcag() -> None:
    assert theme.contrast(QColor("black"), QColor("white")) == pytest.approx(21)
    assert theme.contrast(QColor("#767676"), QColor("white")) == pytest.approx(4.54, abs=0.01)


def test_a_readable_colour_is_left_alone() -> None:
    assert theme.legible(QColor("#222222"), QColor("white")) == QColor("#222222")
