import math

import pytest
from PySide6.QtGui import QColor, QImage
from PySide6.QtWidgets import QApplication

from smoothtask_gui.domain.incident import Severity
from smoothtask_gui.ui.icon import SIZES_PX, TrayIcons, TrayLook, draw_pixmap, tray_look
from tests.ui import samples

BLACK = QColor("black").rgb()


def image(look: TrayLook, size_px: int = 22) -> QImage:
    return draw_pixmap(look, size_px).toImage()


def ink(picture: QImage) -> int:
    return sum(picture.pixelColor(x, y).alpha() for x in range(picture.width()) for y in range(picture.height()))


def test_the_icon_is_drawn_only_when_its_look_changes(qapp: QApplication) -> None:
    icons = TrayIcons()
    palette = samples.palette(dark=False)
    for ratio in (0.50, 0.51, 0.52, 0.49, 0.50) * 200:
        icons.icon(tray_look(ratio, None, palette))
    assert icons.drawn == 1
    icons.icon(tray_look(0.9, None, palette))
    icons.icon(tray_look(0.9, Severity.WARNING, palette))
    assert icons.drawn == 3


def test_an_unchanged_look_gives_the_very_same_icon(qapp: QApplication) -> None:
    icons, palette = TrayIcons(), samples.palette(dark=True)
    first = icons.icon(tray_look(0.5, None, palette))
    assert icons.icon(tray_look(0.5, None, palette)).cacheKey() == first.cacheKey()


def test_a_fuller_ring_has_more_ink(qapp: QApplication) -> None:
    inks = [ink(image(TrayLook(step, None, BLACK))) for step in range(9)]
    assert inks == sorted(inks)
    assert len(set(inks)) == 9


@pytest.mark.parametrize("ratio", [None, math.nan])
def test_no_reading_looks_other_than_an_empty_ring(qapp: QApplication, ratio: float | None) -> None:
    palette = samples.palette(dark=False)
    unknown, empty = tray_look(ratio, None, palette), tray_look(0.0, None, palette)
    assert unknown.fill_step is None
    assert image(unknown) != image(empty)


@pytest.mark.parametrize("size_px", SIZES_PX)
def test_a_warnings_dot_is_hollow_and_a_critical_one_filled(qapp: QApplication, size_px: int) -> None:
    centre = size_px - max(7.0, size_px * 0.45) / 2
    at = (int(centre - 0.5), int(centre - 0.5))
    assert image(TrayLook(0, Severity.WARNING, BLACK), size_px).pixelColor(*at).alpha() < 100
    assert image(TrayLook(0, Severity.CRITICAL, BLACK), size_px).pixelColor(*at).alpha() > 240


@pytest.mark.parametrize(("dark", "lightness"), [(False, (0, 80)), (True, (200, 255))])
def test_the_ring_has_the_panels_foreground_colour(qapp: QApplication, dark: bool, lightness: tuple[int, int]) -> None:
    picture = image(tray_look(1.0, None, samples.palette(dark=dark)), 44)
    solid = [
        picture.pixelColor(x, y).lightness()
        for x in range(44)
        for y in range(44)
        if picture.pixelColor(x, y).alpha() > 250
    ]
    assert solid
    assert lightness[0] <= min(solid)
    assert max(solid) <= lightness[1]


@pytest.mark.parametrize("size_px", SIZES_PX)
def test_nothing_is_cut_off_at_the_edge(qapp: QApplication, size_px: int) -> None:
    picture = image(TrayLook(8, None, BLACK), size_px)
    edge = [picture.pixelColor(x, y).alpha() for x in range(size_px) for y in (0, size_px - 1)]
    assert max(edge) < 128


def test_ratios_beyond_the_scale_fill_the_ring_and_no_more(qapp: QApplication) -> None:
    palette = samples.palette(dark=False)
    assert tray_look(7.0, None, palette).fill_step == 8
    assert tray_look(-1.0, None, palette).fill_step == 0
