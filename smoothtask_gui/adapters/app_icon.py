"""Which icon a notification names: ours by its theme name where it is installed, else by its file, else a common one.

A name that no theme has shows as a broken picture, and Qt's own icon can't be sent.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

NAME: Final = "io.github.smoothtask.SmoothTask"
COMMON: Final = "dialog-information"  # in every theme: Icon Naming Specification
_FILE: Final = Path("icons", "hicolor", "scalable", "apps", f"{NAME}.svg")
_SOURCE_TREE: Final = Path(__file__).resolve().parents[2] / "resources"


def notification_icon(environment: Mapping[str, str], source_tree: Path = _SOURCE_TREE) -> str:
    """A theme name or a file URI for `app_icon` of org.freedesktop.Notifications."""
    home = environment.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    shared = environment.get("XDG_DATA_DIRS") or "/usr/local/share:/usr/share"
    if any((Path(folder) / _FILE).exists() for folder in (home, *shared.split(":")) if folder):
        return NAME
    unpacked = source_tree / _FILE
    return unpacked.as_uri() if unpacked.exists() else COMMON
