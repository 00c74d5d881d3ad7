"""The desktop's name for a program or a cgroup, remembered: thousands of processes ask about a few hundred programs.

A new or changed entry counts after KEEP_S at the latest. Safe for several threads, as the entries are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from smoothtask_gui.adapters.counted_cache import CountedCache

if TYPE_CHECKING:
    from collections.abc import Sequence

    from smoothtask_gui.adapters.desktop_entries import DesktopEntries
    from smoothtask_gui.domain.description import Application, CacheCounts

KEEP_S: Final = 60.0
ENTRIES_MOST: Final = 1024

Key = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Answer:
    """What the entries said; that there is none is an answer, too."""

    application: Application | None


class ApplicationNames:
    """Answers as `DesktopEntries` does."""

    def __init__(self, entries: DesktopEntries) -> None:
        self._entries = entries
        self._cache: CountedCache[Key, _Answer] = CountedCache(_Answer, ENTRIES_MOST, KEEP_S)

    def by_id(self, ids: Sequence[str]) -> Application | None:
        """The first of these desktop file ids that there is."""
        if not ids:
            return None
        return self._cache.get(("id", *ids), lambda: _Answer(self._entries.by_id(ids))).application

    def by_program(self, executable: str) -> Application | None:
        """The application that this program belongs to."""
        return self._cache.get(
            ("program", executable), lambda: _Answer(self._entries.by_program(executable))
        ).application

    @property
    def counts(self) -> CacheCounts:
        """For the page of SmoothTask's own cost."""
        return self._cache.counts
