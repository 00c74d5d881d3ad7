"""What a process is, beyond its numbers: for details that a person asks for, one process at a time."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Application:
    """The desktop's own name for what a process belongs to (Desktop Entry Specification)."""

    desktop_id: str  # file name without ".desktop"
    name: str
    icon: str  # an icon theme's name or a path, "" if the entry has none


@dataclass(frozen=True, slots=True)
class Description:
    """One process described; every field that couldn't be found out is None with a reason in `unknown`.

    A field that is None without a reason has nothing to say: no container, no Flatpak. Text is as the process or a
    file gave it: it may be hostile, and every sink escapes it.
    """

    executable: str | None = None
    command_line: str | None = None
    user: str | None = None
    unit: str | None = None
    container: str | None = None
    flatpak_id: str | None = None
    application: Application | None = None
    unknown: tuple[tuple[str, str], ...] = ()  # (field, why, in words for people)

    def why_unknown(self, field: str) -> str:
        """Why this field is None, "" if there is no reason."""
        return dict(self.unknown).get(field, "")


@dataclass(frozen=True, slots=True)
class CacheCounts:
    """What a cache did since it was made, for the page that shows SmoothTask's own cost."""

    hits: int
    misses: int
    dropped: int  # entries found damaged and read again
    entries: int
    capacity: int

    @property
    def hit_ratio(self) -> float | None:
        """Hits of all questions, 0..1; None before the first."""
        asked = self.hits + self.misses
        return self.hits / asked if asked else None
