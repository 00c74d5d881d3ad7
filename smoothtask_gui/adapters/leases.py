"""What SmoothTask holds of other programs, on disk: so that the next start lets go what a crash left paused.

The guardian (`guardian.py`) continues what it paused when the app goes away. Only when both are killed at once, such as
by the end of a session's cgroup, is anything left: then this file names it. A file that can't be read is put aside by
being overwritten; one that can't be written makes pausing fail, since then nobody could promise to resume.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from smoothtask_gui.adapters.files import FileError, read_text, replace_text
from smoothtask_gui.domain.incident import ProcessIdentity

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

MOST_ROWS: Final = 4_096
_FIELDS: Final = {"pid": int, "start_ns": int, "uid": int, "comm": str}


class LeaseFile:
    """`paused.json` in `folder`."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "paused.json"

    def write(self, held: Iterable[ProcessIdentity]) -> None:
        """Say what is held now; FileError when it can't be written."""
        rows = [{name: getattr(one, name) for name in _FIELDS} for one in held]
        replace_text(self._file, json.dumps(rows) + "\n")

    def read(self) -> list[ProcessIdentity]:
        """What was held when the file was last written; empty when nobody can tell."""
        return [ProcessIdentity(**row) for row in _rows(self._file) if _is_process(row)]


class LimitFile:
    """`limited.json` in `folder`: units whose quota is ours, and what it was before, in µs a second."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "limited.json"

    def write(self, limits: Iterable[tuple[str, int]]) -> None:
        """Say what is limited now; FileError when it can't be written."""
        replace_text(self._file, json.dumps([list(limit) for limit in limits]) + "\n")

    def read(self) -> list[tuple[str, int]]:
        """What was limited when the file was last written; empty when nobody can tell."""
        return [(row[0], row[1]) for row in _rows(self._file) if _is_limit(row)]


def _rows(file: Path) -> list[Any]:
    try:
        text = read_text(file)
        rows: Any = json.loads(text) if text else []
    except (FileError, ValueError):
        return []
    return rows[:MOST_ROWS] if isinstance(rows, list) else []


def _is_limit(row: object) -> bool:
    return (
        isinstance(row, list)
        and [type(each) for each in row] == [str, int]
        and row[0].endswith((".scope", ".service"))
        and 0 < row[1] < 2**64
    )


def _is_process(row: object) -> bool:
    if not isinstance(row, dict) or row.keys() != _FIELDS.keys():
        return False
    return all(type(row[name]) is kind for name, kind in _FIELDS.items()) and 0 < row["pid"] < 2**22
