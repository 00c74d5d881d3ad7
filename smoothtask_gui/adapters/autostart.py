"""Start with the session: an entry in the user's autostart folder (XDG autostart specification).

On writes the entry, off removes it; an entry that the desktop's own settings switched off (Hidden,
X-GNOME-Autostart-enabled) counts as off. Failures are FileError, as sentences. In a Flatpak the desktop is
asked instead (`portal_autostart.py`).
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final, Protocol

from smoothtask_gui.adapters.files import FileError, read_text, replace_text, require_regular

if TYPE_CHECKING:
    from pathlib import Path

FILE_NAME: Final = "io.github.smoothtask.SmoothTask.desktop"
OFF_LINES: Final = frozenset({"hidden=true", "x-gnome-autostart-enabled=false"})
ENTRY: Final = """[Desktop Entry]
Type=Application
Name=SmoothTask
Comment=Watches for overheating and runaway processes
Icon=io.github.smoothtask.SmoothTask
Exec={command}
X-GNOME-Autostart-enabled=true
"""


class AutostartError(Exception):
    """It wasn't changed; the message says why."""


class Autostart(Protocol):
    """Whether the app starts with the session, and how that is changed."""

    def is_on(self) -> bool:
        """Whether it does; FileError if that can't be read."""

    async def turn(self, *, on: bool) -> None:
        """Change it; AutostartError or FileError if that fails, what was there is kept."""


class AutostartEntry:
    """The entry in `folder` (usually ~/.config/autostart) that runs `command`."""

    def __init__(self, folder: Path, command: list[str]) -> None:
        self._file = folder / FILE_NAME
        self._command = command

    def is_on(self) -> bool:
        """Whether the app starts with the session; FileError if the entry can't be read."""
        text = read_text(self._file)
        if text is None:
            return False
        return OFF_LINES.isdisjoint(line.replace(" ", "").lower() for line in text.splitlines())

    async def turn(self, *, on: bool) -> None:
        """Write or remove the entry; FileError if that fails, what was there is kept."""
        if on:
            command = " ".join(quote(part) for part in [*self._command, "--hidden"])
            replace_text(self._file, ENTRY.format(command=command))
            return
        require_regular(self._file)
        try:
            self._file.unlink(missing_ok=True)
        except OSError as error:
            raise FileError(f"{self._file} can't be removed: {error.strerror}") from error


def own_command(program: str) -> list[str]:
    """The command that starts this installation again: the launcher `program`, or the module with this Python."""
    if program.endswith("/smoothtask"):
        return [program]
    return [sys.executable, "-m", "smoothtask_gui"]


def quote(part: str) -> str:
    """`part` as one argument of an Exec key (Desktop Entry specification, "The Exec key")."""
    escaped = part.replace("%", "%%")
    for character in ("\\", '"', "`", "$"):
        escaped = escaped.replace(character, "\\" + character)
    # the value is a string first: its own escaping doubles every backslash
    return '"' + escaped.replace("\\", "\\\\") + '"' if escaped != part or " " in part else part
