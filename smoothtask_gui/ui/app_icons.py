"""Icons of apps, from the desktop's icon theme only: a desktop entry may name any file, which needn't be a picture.

Looking through a theme reads folders, so what was found (or not) is remembered: LRU + TTL, so that a new theme or a
newly installed app shows after a while. An app without an icon gets one for its kind, else an empty one, so that names
stay in line.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cachetools import TTLCache
from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QIcon, QPixmap

from smoothtask_gui.domain.app import AppKind
from smoothtask_gui.domain.description import CacheCounts

if TYPE_CHECKING:
    from smoothtask_gui.domain.app import App

MOST: Final = 512
KEEP_S: Final = 600.0
SIZE: Final = QSize(16, 16)

_OF_KIND: Final = {  # names of the Icon Naming Specification
    AppKind.APPLICATION: "application-x-executable",
    AppKind.SERVICE: "applications-system",
    AppKind.CONTAINER: "package-x-generic",
    AppKind.COMMAND: "utilities-terminal",
    AppKind.KERNEL: "computer",
    AppKind.COOLING: "computer",
    AppKind.SHORT_LIVED: "utilities-terminal",
}


class AppIcons:
    """One cache for a table."""

    def __init__(self) -> None:
        self._found: TTLCache[str, QIcon] = TTLCache(MOST, KEEP_S)
        self._hits = self._misses = 0
        empty = QPixmap(SIZE)
        empty.fill(Qt.GlobalColor.transparent)
        self._empty = QIcon(empty)

    @property
    def counts(self) -> CacheCounts:
        """For the self-cost page."""
        return CacheCounts(self._hits, self._misses, 0, len(self._found), int(self._found.maxsize))

    def icon(self, app: App) -> QIcon:
        """The app's own icon, else its kind's, else an empty one of the same size."""
        own = self._named(app.icon) if app.icon and "/" not in app.icon else None
        if own is not None and not own.isNull():
            return own
        kind = self._named(_OF_KIND[app.kind])
        return self._empty if kind.isNull() else kind

    def _named(self, name: str) -> QIcon:
        found = self._found.get(name)
        if found is not None:
            self._hits += 1
            return found
        self._misses += 1
        found = QIcon.fromTheme(name)
        self._found[name] = found
        return found
