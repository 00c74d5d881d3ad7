"""Promises of `adapters/colour_scheme.py` and `adapters/app_icon.py`."""

import asyncio
from pathlib import Path

import pytest

from smoothtask_gui.adapters.app_icon import COMMON, NAME, notification_icon
from smoothtask_gui.adapters.colour_scheme import choose_platform_theme, gtk_prefers_dark


@pytest.mark.parametrize(
    ("theme", "dark"), [("Adwaita:dark", True), ("Arc-Dark", True), ("Adwaita", False), ("Darkroom-Light", False)]
)
def test_a_dark_gtk_theme_is_known_by_its_name(tmp_path: Path, theme: str, dark: bool) -> None:
    assert asyncio.run(gtk_prefers_dark(None, {"GTK_THEME": theme}, tmp_path)) is dark


@pytest.mark.parametrize(
    ("text", "dark"),
    [
        ("[Settings]\ngtk-application-prefer-dark-theme=1\n", True),
        ("[Settings]\ngtk-theme-name=Greybird-dark\n", True),
        ("[Settings]\ngtk-theme-name=Greybird\n", False),
        ("no section", False),
        ("", False),
    ],
)
def test_gtk_settings_tell_where_nothing_else_does(tmp_path: Path, text: str, dark: bool) -> None:
    (tmp_path / "gtk-3.0").mkdir()
    (tmp_path / "gtk-3.0" / "settings.ini").write_text(text)
    assert asyncio.run(gtk_prefers_dark(None, {}, tmp_path)) is dark


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"XDG_CURRENT_DESKTOP": "XFCE"}, "gnome"),
        ({"XDG_CURRENT_DESKTOP": "ubuntu:GNOME"}, "gnome"),
        ({"XDG_CURRENT_DESKTOP": "KDE"}, None),
        ({"XDG_CURRENT_DESKTOP": "GNOME", "QT_QPA_PLATFORMTHEME": "qt6ct"}, "qt6ct"),
        ({}, None),
    ],
)
def test_gtk_is_not_loaded_for_its_palette_unless_asked_for(before: dict[str, str], after: str | None) -> None:
    choose_platform_theme(before)
    assert before.get("QT_QPA_PLATFORMTHEME") == after


def test_a_notification_names_an_icon_that_exists(tmp_path: Path) -> None:
    nowhere = {"XDG_DATA_HOME": str(tmp_path / "home"), "XDG_DATA_DIRS": str(tmp_path / "share")}
    assert notification_icon(nowhere, tmp_path / "tree") == COMMON
    icon = Path("icons/hicolor/scalable/apps", f"{NAME}.svg")
    for folder, expected in (("tree", (tmp_path / "tree" / icon).as_uri()), ("share", NAME)):
        (tmp_path / folder / icon).parent.mkdir(parents=True)
        (tmp_path / folder / icon).write_text("<svg/>")
        assert notification_icon(nowhere, tmp_path / "tree") == expected
