"""Light or dark, as the desktop is, without loading GTK.

On GTK desktops Qt would load GTK for its palette: 19 MiB resident (measured: 112 against 93 MiB) in a process that is
always there. Qt's own "gnome" theme follows the Settings portal (org.freedesktop.appearance), which such desktops have;
where no portal answers, the GTK theme's name tells. A person's own QT_QPA_PLATFORMTHEME is respected.
"""

from __future__ import annotations

import configparser
from typing import TYPE_CHECKING, Final

from smoothtask_gui.adapters.bus import BusError, Peer
from smoothtask_gui.adapters.files import FileError, read_text

if TYPE_CHECKING:
    from collections.abc import MutableMapping
    from pathlib import Path

    from smoothtask_gui.adapters.session_bus import SessionBus

# where Qt prefers gtk3: QGenericUnixTheme::themeNames (qtbase/src/gui/platform/unix)
GTK_DESKTOPS: Final = frozenset(
    {"GNOME", "X-CINNAMON", "CINNAMON", "UNITY", "MATE", "XFCE", "LXDE", "PANTHEON", "BUDGIE"}
)
PORTAL: Final = "org.freedesktop.portal.Desktop"
XFCONF: Final = Peer("org.xfce.Xfconf", "/org/xfce/Xfconf", "org.xfce.Xfconf")


def choose_platform_theme(environment: MutableMapping[str, str]) -> None:
    """Before Qt starts: on a GTK desktop take the theme that doesn't load GTK."""
    desktops = environment.get("XDG_CURRENT_DESKTOP", "").upper().split(":")
    if not GTK_DESKTOPS.isdisjoint(desktops):
        environment.setdefault("QT_QPA_PLATFORMTHEME", "gnome")


async def portal_tells(bus: SessionBus | None) -> bool:
    """Whether Qt can ask the Settings portal itself."""
    if bus is None:
        return False
    try:
        return await bus.owner_of(PORTAL) is not None or await bus.can_start(PORTAL)
    except BusError:
        return False


async def gtk_prefers_dark(bus: SessionBus | None, environment: MutableMapping[str, str], config: Path) -> bool:
    """Whether the GTK theme is a dark one: by GTK_THEME, Xfce's settings or gtk-3.0/settings.ini in `config`."""
    chosen = environment.get("GTK_THEME", "")
    if chosen:
        return _is_dark(chosen)
    if bus is not None and "XFCE" in environment.get("XDG_CURRENT_DESKTOP", "").upper().split(":"):
        try:
            return _is_dark(str((await bus.call(XFCONF, "GetProperty", "ss", "xsettings", "/Net/ThemeName"))[0].value))
        except BusError:  # not set, or no Xfconf
            pass
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        parser.read_string(read_text(config / "gtk-3.0" / "settings.ini") or "")
    except (FileError, configparser.Error):
        return False
    prefers = parser.get("Settings", "gtk-application-prefer-dark-theme", fallback="0").strip().lower()
    return prefers in ("1", "true", "yes") or _is_dark(parser.get("Settings", "gtk-theme-name", fallback=""))


def _is_dark(theme: str) -> bool:
    """By the naming convention that GTK has itself: Adwaita:dark, Adwaita-dark, Arc-Dark."""
    return theme.lower().endswith(("dark", ":dark"))
