"""The app's menu entry and icons after an installation with pip or pipx, and their undo.

A wheel's files lie below its environment's own prefix, where no desktop looks. They are copied to the person's data
folder (XDG Base Directory Specification); the entry starts this very launcher, and TryExec hides it if the environment
goes without the undo. Failures are FileError; a package of the system brings its own entry, and is left alone.
"""

from __future__ import annotations

from importlib import metadata
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Final

from smoothtask_gui.adapters.autostart import quote
from smoothtask_gui.adapters.files import FileError, read_text, replace_text, require_regular

if TYPE_CHECKING:
    from collections.abc import Mapping

NAME: Final = "io.github.smoothtask.SmoothTask"
WANTED: Final = ("applications", "icons")
"""Folders below share/ that a desktop reads in the person's data folder."""


def shipped() -> dict[PurePath, Path]:
    """Place below a data folder → file of this installation; FileError where it didn't come as a wheel."""
    try:
        files = metadata.files("smoothtask")
    except metadata.PackageNotFoundError:
        files = None
    found = {}
    for file in files or ():
        below = PurePath(*file.parts[file.parts.index("share") + 1 :]) if "share" in file.parts else PurePath()
        if below.parts[:1] and below.parts[0] in WANTED and NAME in below.name:
            found[below] = Path(str(file.locate())).resolve()
    if not found:
        raise FileError(
            "SmoothTask wasn't installed with pip or pipx: its package brings the menu entry itself, "
            "and a checkout has none"
        )
    return found


def install(files: Mapping[PurePath, Path], data_home: Path, command: list[str]) -> list[Path]:
    """Copy the files; the entry runs `command`. Returns where they are now."""
    made = []
    for below, source in sorted(files.items()):
        text = read_text(source)
        if text is None:
            raise FileError(f"{source} is missing: this installation is incomplete; install it again")
        target = data_home / below
        replace_text(target, entry(text, command) if below.suffix == ".desktop" else text)
        made.append(target)
    return made


def entry(text: str, command: list[str]) -> str:
    """The desktop entry `text` with `command` for the launcher in every Exec."""
    words = " ".join(quote(part) for part in command)
    lines = []
    for line in text.splitlines():
        if line.startswith("Exec=smoothtask"):
            lines.append(f"Exec={words}{line.removeprefix('Exec=smoothtask')}")
        else:
            lines.append(line)
        if line == "Type=Application" and Path(command[0]).is_absolute():
            lines.append(f"TryExec={command[0]}")
    return "\n".join(lines) + "\n"


def remove(files: Mapping[PurePath, Path], data_home: Path) -> list[Path]:
    """Remove what `install` made, with the folders that are empty then; returns what was there."""
    removed = []
    for below in sorted(files):
        target = data_home / below
        require_regular(target)
        if not target.exists():
            continue
        try:
            target.unlink()
        except OSError as error:
            raise FileError(f"{target} can't be removed: {error.strerror}") from error
        removed.append(target)
        for folder in list(target.parents)[: len(below.parts) - 1]:
            if any(folder.iterdir()):
                break
            folder.rmdir()
    return removed
