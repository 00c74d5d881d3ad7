"""Snoozes and expectations on disk (`choices.json` in the state folder), read at the start, replaced at each change.

How it fails: a row that can't be used is left out; a file that can't be read is kept beside (`.broken`) and said, and
nothing is snoozed or expected. One that can't be written is a FileError: what was chosen holds until the app ends.
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from smoothtask_gui.adapters.files import FileError, read_text, replace_text
from smoothtask_gui.domain.choices import MOST_EXPECTED, MOST_SNOOZES, Choices, Expected, Scope, ScopeKind, Snooze

if TYPE_CHECKING:
    from pathlib import Path

VERSION: Final = 1


class ChoicesFile:
    """`choices.json` in `folder`."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "choices.json"

    def load(self) -> tuple[Choices, str]:
        """The choices, and what is wrong with the file in words for people, "" if nothing is."""
        try:
            text = read_text(self._file)
        except FileError as error:
            return Choices(), f"{error}; nothing is snoozed or expected."
        if text is None:
            return Choices(), ""
        try:
            table = json.loads(text)
        except ValueError:
            table = None
        if not isinstance(table, dict) or table.get("version") != VERSION:
            return Choices(), f"{self._file} isn't understood{self._set_aside()}; nothing is snoozed or expected."
        snoozes = tuple(one for one in map(_snooze, _rows(table, "snoozes")) if one is not None)
        expected = tuple(one for one in map(_expected, _rows(table, "expected")) if one is not None)
        return Choices(snoozes[-MOST_SNOOZES:], expected[-MOST_EXPECTED:]), ""

    def save(self, choices: Choices) -> None:
        """Write them down; FileError when they can't be."""
        replace_text(self._file, json.dumps({"version": VERSION, **asdict(choices)}, indent=1) + "\n")

    def _set_aside(self) -> str:
        kept = self._file.with_name(f"{self._file.name}.broken")
        with suppress(OSError):
            self._file.replace(kept)
            return f" and is kept as {kept.name}"
        return ""


def _rows(table: dict[str, Any], name: str) -> list[Any]:
    rows = table.get(name)
    return rows if isinstance(rows, list) else []


def _snooze(row: object) -> Snooze | None:
    scope = row.get("scope") if isinstance(row, dict) else None
    if not isinstance(row, dict) or not isinstance(scope, dict) or type(row.get("until_realtime_ns")) is not int:
        return None
    words = {name: scope.get(name, "") for name in ("rule", "subject", "name")}
    if scope.get("kind") not in list(ScopeKind) or not all(isinstance(word, str) for word in words.values()):
        return None
    return Snooze(Scope(ScopeKind(scope["kind"]), **words), row["until_realtime_ns"])


def _expected(row: object) -> Expected | None:
    if not isinstance(row, dict):
        return None
    rule, app, since_ns = (row.get(name) for name in ("rule", "app", "since_realtime_ns"))
    name = row.get("name", "")
    if isinstance(rule, str) and isinstance(app, str) and type(since_ns) is int and rule and app:
        return Expected(rule, app, since_ns, name if isinstance(name, str) else "")
    return None
