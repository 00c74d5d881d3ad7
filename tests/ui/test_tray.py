"""Promises of `tray.py` that a real panel can't be asked about: when the icon is drawn anew."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtWidgets import QSystemTrayIcon

from smoothtask_gui.tray import PALETTE_VIEWS, Tray
from tests.ui import samples

if TYPE_CHECKING:
    from PySide6.QtWidgets import QApplication
    from pytestqt.qtbot import QtBot


def shown(tray: Tray) -> int:
    """A number of the picture in the tray; another one when it was set anew."""
    icon = tray.findChild(QSystemTrayIcon)
    assert icon is not None
    return icon.icon().cacheKey()


def test_the_icon_is_drawn_anew_for_another_palette_and_not_for_the_same_look(
    qtbot: QtBot, qapp: QApplication, application_palette: None
) -> None:
    qapp.setPalette(samples.palette(dark=False))
    tray = Tray()
    tray.host_changed(present=True)
    tray.show_view(samples.view(samples.sample()), paused=False)
    light = shown(tray)
    for _ in range(2 * PALETTE_VIEWS):
        tray.show_view(samples.view(samples.sample()), paused=False)
    assert shown(tray) == light
    qapp.setPalette(samples.palette(dark=True))
    for _ in range(PALETTE_VIEWS):
        tray.show_view(samples.view(samples.sample()), paused=False)
    dark = shown(tray)
    assert dark != light
    tray.show_stale()
    assert shown(tray) not in (light, dark)
