"""Writing the history: buckets, incidents and notes go in one transaction.

The last chunk of each level is written anew as it grows, so that a crash loses only what wasn't written yet. The oldest
chunks go when a level has its number of buckets, or when the file has its size: it never grows beyond that, nor does
its log. Failures are HistoryError (what was written before stands, what was asked for isn't half written) or
DamagedError.
"""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from smoothtask_gui.adapters.history import frames, past, schema
from smoothtask_gui.adapters.history.schema import HistoryError
from smoothtask_gui.domain.history.series import LEVELS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence
    from pathlib import Path

    from smoothtask_gui.domain.history.answers import Note
    from smoothtask_gui.domain.history.buckets import Bucket
    from smoothtask_gui.domain.incident import Incident

CHUNK_BUCKETS: Final = (30, 30, 60)
MOST_INCIDENTS: Final = 1_000
MOST_INCIDENT_BYTES: Final = 1_000_000
MOST_NOTES: Final = 300
SPARE_PAGES: Final = 64
NEVER_ENDED_NS: Final = -1
"""In place of the end of an incident whose end nobody recorded."""


class HistoryFile:
    """The open file. Every method belongs to the thread that opened it.

    Incidents that an earlier session left open get NEVER_ENDED_NS; `session` is the one to go on with, None for a new.
    """

    def __init__(self, path: Path, most_bytes: int = schema.MOST_FILE_BYTES, session: int | None = None) -> None:
        self.path = path
        self._log = path.with_name(path.name + "-wal")
        self._most_pages = most_bytes // schema.PAGE_BYTES
        self._session_is_given = session is not None
        self._growing: list[list[Bucket]] = [[] for _ in LEVELS]
        self._database = schema.open_for_writing(path, most_bytes)
        try:
            with self._speaking():
                newest = self._number("SELECT max(session) FROM incident")
                self.session = newest + 1 if session is None else session
                self._database.execute(
                    "UPDATE incident SET ended_ns = ? WHERE ended_ns IS NULL AND session <> ?",
                    (NEVER_ENDED_NS, self.session),
                )
                self._inode = path.stat().st_ino
        except HistoryError:
            self._database.close()
            raise
        except OSError as error:
            self._database.close()
            raise HistoryError(f"{path} can't be used: {error.strerror}") from error

    @property
    def next_serial(self) -> int:
        """Larger than the serial of everything in the file."""
        query = "SELECT max(serial + buckets * ?) FROM chunk WHERE level = ?"
        with self._speaking():
            return 1 + max(self._number(query, level.length_s, number) for number, level in enumerate(LEVELS))

    def write(
        self, buckets: Sequence[Bucket], incidents: Collection[Incident] = (), notes: Iterable[Note] = ()
    ) -> None:
        """Write all of it or nothing. Buckets come oldest first; one with a serial written before replaces it."""
        self._bound_log()
        grown: list[list[Bucket]] = []
        with self._speaking(), self._transaction():
            grown += [
                self._put_level(number, [bucket for bucket in buckets if bucket.level == number])
                for number in range(len(LEVELS))
            ]
            for incident in incidents:
                self._put_incident(incident)
            if incidents:
                self._trim_incidents()
            for note in notes:
                self._database.execute("INSERT INTO note VALUES (?, ?, ?)", (note.realtime_ns, note.kind, note.text))
            self._trim()
        self._growing = grown

    def put_chunk(self, frame: bytes) -> None:
        """Take over a chunk of another history; raises FrameError for one that is damaged."""
        rows = frames.decode(frame)
        end_s = int(rows.start_s.max()) + LEVELS[rows.level].length_s
        columns = (rows.level, int(rows.serials[0]), int(rows.start_s[0]), end_s, len(rows), frame)
        with self._speaking():
            self._database.execute("INSERT OR REPLACE INTO chunk VALUES (?, ?, ?, ?, ?, ?)", columns)

    def put_past_incident(
        self, session: int, number: int, started_ns: int, ended_ns: int | None, detail: bytes
    ) -> None:
        """Take over an incident of another history; raises FrameError for one that is damaged."""
        past.decode(detail)
        if not self._session_is_given:
            self.session = max(self.session, session + 1)
        if ended_ns is None and session != self.session:
            ended_ns = NEVER_ENDED_NS
        with self._speaking():
            self._database.execute(
                "INSERT OR REPLACE INTO incident VALUES (?, ?, ?, ?, ?)",
                (session, number, started_ns, ended_ns, detail),
            )

    def in_place(self) -> bool:
        """Whether the file still stands where it was opened: one that was deleted would be written for nobody."""
        try:
            return self.path.stat().st_ino == self._inode
        except OSError:
            return False

    def close(self) -> None:
        """Everything stands in the one file afterwards."""
        with self._speaking():
            self._database.close()

    def _put_level(self, number: int, buckets: Sequence[Bucket]) -> list[Bucket]:
        """Write the level's chunks that these buckets begin or go on with; returns the last one, which still grows."""
        growing = list(self._growing[number])
        for bucket in buckets:
            last = growing[-1] if growing else None
            if last is not None and last.serial == bucket.serial:
                growing[-1] = bucket
            elif last is None or len(growing) >= CHUNK_BUCKETS[number] or not self._goes_on(last, bucket):
                self._put_chunk_of(growing)
                growing = [bucket]
            else:
                growing.append(bucket)
        if buckets:
            self._put_chunk_of(growing)
        return growing

    @staticmethod
    def _goes_on(last: Bucket, bucket: Bucket) -> bool:
        """Within a chunk time only moves forward, and not by years."""
        return 0 < bucket.start_s - last.start_s <= 1000 * LEVELS[last.level].length_s

    def _put_chunk_of(self, buckets: Sequence[Bucket]) -> None:
        if not buckets:
            return
        first, last = buckets[0], buckets[-1]
        end_s = last.start_s + LEVELS[first.level].length_s
        self._database.execute(
            "INSERT INTO chunk VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (level, serial) DO UPDATE SET "
            "end_s = excluded.end_s, buckets = excluded.buckets, frame = excluded.frame",
            (first.level, first.serial, first.start_s, end_s, len(buckets), frames.encode(buckets)),
        )

    def _put_incident(self, incident: Incident) -> None:
        ended_ns = None
        if incident.resolved_boottime_ns is not None:
            ended_ns = incident.started_realtime_ns + incident.resolved_boottime_ns - incident.started_boottime_ns
        self._database.execute(
            "INSERT OR REPLACE INTO incident VALUES (?, ?, ?, ?, ?)",
            (self.session, incident.id, incident.started_realtime_ns, ended_ns, past.encode(incident)),
        )

    def _trim(self) -> None:
        """Drop the oldest of everything that has its number or its size."""
        for number, level in enumerate(LEVELS):
            while (
                spare := self._number("SELECT sum(buckets) FROM chunk WHERE level = ?", number) - level.kept
            ) > 0 and self._drop_oldest(number, spare):
                pass
        self._database.execute("DELETE FROM note WHERE rowid <= (SELECT max(rowid) - ? FROM note)", (MOST_NOTES,))
        while self._pages() > self._most_pages - SPARE_PAGES and any(
            self._drop_oldest(number, None) for number in reversed(range(len(LEVELS)))
        ):
            pass

    def _drop_oldest(self, number: int, spare: int | None) -> bool:
        """Delete the level's oldest chunk, but not its only one nor more than `spare` buckets; whether it did."""
        rows = self._database.execute(
            "SELECT rowid, buckets FROM chunk WHERE level = ? ORDER BY serial LIMIT 2", (number,)
        ).fetchall()
        if len(rows) < 2 or (spare is not None and rows[0][1] > spare):
            return False
        self._database.execute("DELETE FROM chunk WHERE rowid = ?", (rows[0][0],))
        return True

    def _trim_incidents(self) -> None:
        self._database.execute(
            "DELETE FROM incident WHERE rowid NOT IN (SELECT rowid FROM (SELECT rowid, "
            "sum(length(detail)) OVER newest AS size, row_number() OVER newest AS place FROM incident "
            "WINDOW newest AS (ORDER BY session DESC, id DESC)) WHERE size <= ? AND place <= ?)",
            (MOST_INCIDENT_BYTES, MOST_INCIDENTS),
        )

    def _pages(self) -> int:
        return self._number("PRAGMA page_count") - self._number("PRAGMA freelist_count")

    def _number(self, query: str, *values: int) -> int:
        row = self._database.execute(query, values).fetchone()
        return row[0] if row and isinstance(row[0], int) else 0

    def _bound_log(self) -> None:
        """A reader that holds the file open for long keeps the log from being emptied: then nothing is written."""
        try:
            large = self._log.stat().st_size > schema.MOST_LOG_BYTES
        except OSError:
            return  # none: nothing was written since it was emptied
        if not large:
            return
        with self._speaking():
            busy = self._database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if busy and busy[0]:
            raise HistoryError(f"{self.path} can't be written: another program has been reading it for too long")

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._database.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._database.execute("COMMIT")
        finally:
            if self._database.in_transaction:
                self._database.execute("ROLLBACK")

    @contextmanager
    def _speaking(self) -> Iterator[None]:
        """SQLite's errors as ours."""
        try:
            yield
        except sqlite3.Error as error:
            raise schema.told(self.path, error) from error
