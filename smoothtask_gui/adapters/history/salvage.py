"""A damaged history is set aside under another name, and what is whole in it goes into a new one.

Nothing is deleted but an earlier file that was set aside: there is room for one (25 MB are for both). Each chunk and
each incident bears its own checksum; tables are read from both ends, so that a broken page in the middle costs itself
and not all that follows.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from smoothtask_gui.adapters.history import schema
from smoothtask_gui.adapters.history.frames import FrameError
from smoothtask_gui.adapters.history.schema import HistoryError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from smoothtask_gui.adapters.history.file import HistoryFile

ASIDE: Final = "history.damaged.sqlite"


@dataclass(frozen=True, slots=True)
class Salvaged:
    """What became of a damaged history."""

    aside: Path
    chunks: int
    incidents: int

    @property
    def words(self) -> str:
        """For people, after the sentence that says what was damaged."""
        kept = (
            f"{self.chunks} stretches of it and {self.incidents} incidents were whole and are kept"
            if self.chunks or self.incidents
            else "nothing in it could be read"
        )
        return f"{kept}; the damaged file is now {self.aside}"


def set_aside(path: Path) -> Path:
    """Give the file at `path` and its log another name; raises HistoryError."""
    aside = path.with_name(ASIDE)
    try:
        for suffix in schema.BESIDE:
            aside.with_name(aside.name + suffix).unlink(missing_ok=True)
        for suffix in schema.BESIDE:
            with suppress(FileNotFoundError):
                path.with_name(path.name + suffix).rename(aside.with_name(aside.name + suffix))
    except OSError as error:
        raise HistoryError(f"{path} is damaged and can't be set aside: {error.strerror}") from error
    return aside


def salvage(aside: Path, new: HistoryFile) -> Salvaged:
    """Copy what is whole in `aside` to `new`, the newest last; raises HistoryError where `new` can't be written."""
    chunks = incidents = 0
    for _, frame in sorted(_rows(aside, "serial", "frame", "chunk"), key=lambda row: row[0]):
        with suppress(FrameError):
            new.put_chunk(frame)
            chunks += 1
    columns = "session, id, started_ns, coalesce(ended_ns, 0), ended_ns IS NULL"
    for (session, number, started_ns, ended_ns, is_open), detail in _rows(aside, columns, "detail", "incident"):
        with suppress(FrameError):
            new.put_past_incident(session, number, started_ns, None if is_open else ended_ns, detail)
            incidents += 1
    return Salvaged(aside, chunks, incidents)


def _rows(path: Path, columns: str, blob: str, table: str) -> Iterator[tuple[list[int], bytes]]:
    """What can be read of a table, each row once: whole numbers and a blob. None where the file can't be opened."""
    seen: set[int] = set()
    for order in ("ASC", "DESC"):
        try:
            with closing(schema.open_for_reading(path)) as database:
                query = f"SELECT rowid, {blob}, {columns} FROM {table} NOT INDEXED ORDER BY rowid {order}"  # noqa: S608  ours
                for rowid, found, *numbers in database.execute(query):
                    if rowid in seen or not isinstance(found, bytes):
                        continue
                    seen.add(rowid)
                    if all(isinstance(each, int) for each in numbers):
                        yield numbers, found
        except sqlite3.Error:
            continue  # as far as it could be read from this end
