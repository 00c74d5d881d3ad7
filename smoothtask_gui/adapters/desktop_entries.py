"""Names and icons of applications, from the desktop's own files (Desktop Entry Specification).

Files are read when the first question comes and again when a folder has changed, looked at no more often than every
KEEP_S. A file that can't be read or isn't a desktop entry is left out: then a process has no application, no more.
Bounded: at most FILES_MOST files, FILE_BYTES of each, DEPTH_MOST folders deep (a link to its own parent ends there).
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import time
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Final

from smoothtask_gui.domain.description import Application

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

KEEP_S: Final = 30.0
FILES_MOST: Final = 4096
FILE_BYTES: Final = 65536
DEPTH_MOST: Final = 4
_LAUNCHERS: Final = frozenset(
    {"env", "sh", "bash", "flatpak", "snap", "pkexec", "sudo", "gtk-launch", "python3", "wine"}
)
"""Programs that start others: an entry whose Exec begins with one says nothing about that executable."""
_FIELD_CODE: Final = re.compile("%[a-zA-Z]|@@u?")  # Desktop Entry Specification; @@ is Flatpak's
_OWN_FOLDER: Final = re.compile(r"/(opt|usr/(local/)?(lib|lib64|libexec|share|games))/.+|/[^/]+/[^/]+/.+")
_SHARED_NAMES: Final = frozenset({"bin", "sbin", "games", "lib", "lib64", "libexec", "scripts", "Downloads", "Desktop"})
"""Folders that hold many people's programs, wherever they are: /usr/bin, ~/.local/bin."""


def application_folders(environment: Mapping[str, str], home: Path) -> tuple[Path, ...]:
    """Where desktop entries are, the most important first (XDG Base Directory Specification)."""
    own = environment.get("XDG_DATA_HOME") or str(home / ".local/share")
    shared = environment.get("XDG_DATA_DIRS") or "/usr/local/share:/usr/share"
    folders = [own, *shared.split(":"), str(home / ".local/share/flatpak/exports/share")]
    folders += ["/var/lib/flatpak/exports/share", "/var/lib/snapd/desktop"]
    return tuple(dict.fromkeys(Path(folder) / "applications" for folder in folders if folder.startswith("/")))


class _Claims:
    """Which application a program or folder belongs to, when several entries say that it is theirs.

    The one that starts it with the fewest words of its own has it: `steam` is Steam, `steam steam://rungameid/7` is a
    game's shortcut. Several shortcuts and nobody else: it is nobody's.
    """

    def __init__(self) -> None:
        self._best: dict[str, tuple[int, Application | None]] = {}

    def claim(self, what: str, application: Application, words: int) -> None:
        least, holder = self._best.get(what, (words + 1, None))
        if words < least:
            self._best[what] = (words, application)
        elif words == least and words and holder != application:
            self._best[what] = (words, None)

    def get(self, what: str) -> Application | None:
        return self._best.get(what, (0, None))[1]


@dataclass(slots=True)
class _Index:
    by_id: dict[str, Application] = field(default_factory=dict)
    by_program: _Claims = field(default_factory=_Claims)
    by_folder: _Claims = field(default_factory=_Claims)
    by_window_class: dict[str, Application] = field(default_factory=dict)


class DesktopEntries:
    """Finds an application; safe for several threads. `now_s` is a clock that doesn't step."""

    def __init__(self, folders: Sequence[Path], now_s: Callable[[], float] = time.monotonic) -> None:
        self._folders = tuple(folders)
        self._now_s = now_s
        self._index = _Index()
        self._seen: tuple[tuple[str, int], ...] | None = None
        self._looked_s = 0.0
        self._lock = Lock()

    def by_id(self, ids: Sequence[str]) -> Application | None:
        """The first of these desktop file ids that there is."""
        index = self._current()
        return next((found for name in ids if (found := index.by_id.get(name))), None)

    def by_program(self, executable: str) -> Application | None:
        """The application whose Exec starts this program or lies beside it, or whose StartupWMClass is its name."""
        index = self._current()
        folder, _, name = executable.rpartition("/")
        found = index.by_program.get(executable) or index.by_program.get(name)
        return found or index.by_window_class.get(name.casefold()) or index.by_folder.get(folder)

    def _current(self) -> _Index:
        with self._lock:
            now_s = self._now_s()
            if self._seen is not None and now_s - self._looked_s < KEEP_S:
                return self._index
            self._looked_s = now_s
            files = [(folder, path) for folder in self._folders for path in _files(folder, DEPTH_MOST)][:FILES_MOST]
            seen = tuple((str(path), _changed_ns(path)) for _, path in files)
            if seen != self._seen:
                self._seen = seen
                self._index = _build(files)
            return self._index


def _files(folder: Path, depth: int) -> Iterator[Path]:
    try:
        entries = sorted(folder.iterdir())
    except OSError:
        return
    for path in entries:
        if path.suffix == ".desktop":
            yield path
        elif depth > 1 and path.is_dir():
            yield from _files(path, depth - 1)


def _changed_ns(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return -1


def _build(files: list[tuple[Path, Path]]) -> _Index:
    index = _Index()
    hidden: set[str] = set()
    for folder, path in files:
        desktop_id = str(path.relative_to(folder)).removesuffix(".desktop").replace("/", "-")
        if desktop_id in index.by_id or desktop_id in hidden:
            continue  # an earlier folder has its own
        keys = parse_entry(path)
        if keys.get("Hidden") == "true":
            hidden.add(desktop_id)
            continue
        if keys.get("Type") != "Application" or not keys.get("Name"):
            continue
        application = Application(desktop_id, keys["Name"], keys.get("Icon", ""))
        index.by_id[desktop_id] = application
        if keys.get("NoDisplay") == "true":
            continue  # settings panels and handlers that share a program with the real entry
        program, words = _program(keys.get("Exec", ""))
        if program:
            _claim(index, program, words, application)
        if keys.get("StartupWMClass"):
            index.by_window_class.setdefault(keys["StartupWMClass"].casefold(), application)
    return index


def parse_entry(path: Path) -> dict[str, str]:
    """The unlocalised keys of the group [Desktop Entry]; empty if the file can't be read or has no such group."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)  # a FIFO would hang
    except OSError:
        return {}
    try:
        text = os.read(fd, FILE_BYTES).decode("utf-8", "replace")
    except OSError:
        return {}
    finally:
        os.close(fd)
    keys: dict[str, str] = {}
    inside = False
    for line in text.splitlines():
        if line.startswith("["):
            inside = line.strip() == "[Desktop Entry]"
            continue
        name, equals, value = line.partition("=")
        if inside and equals and not line.startswith("#"):
            keys.setdefault(name.strip(), value.strip())
    return keys


def _claim(index: _Index, program: str, words: int, application: Application) -> None:
    """Claim the program by its path and name, and what its path leads to, as /usr/bin/code to /usr/share/code/bin."""
    found = shutil.which(program)
    real = os.path.realpath(found) if found else program
    for name in dict.fromkeys((program, program.rpartition("/")[2], real)):
        index.by_program.claim(name, application, words)
    folder = real.rpartition("/")[0]
    if _OWN_FOLDER.fullmatch(folder) and folder.rpartition("/")[2] not in _SHARED_NAMES:
        index.by_folder.claim(folder, application, words)


def _program(command: str) -> tuple[str, int]:
    """The program that an Exec line starts, "" where it is a launcher's or can't be told; words besides field codes."""
    try:
        words = shlex.split(command)
    except ValueError:
        return "", 0
    program = words[0] if words else ""
    own = [word for word in words[1:] if not _FIELD_CODE.fullmatch(word)]
    is_anyones = program.rpartition("/")[2] in _LAUNCHERS or "\0" in program
    return ("" if is_anyones else program), len(own)
