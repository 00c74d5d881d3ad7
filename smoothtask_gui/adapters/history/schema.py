"""Opening the history's file: what may stand there, what is refused, what is broken.

Refused and left untouched: anything but a regular file (a FIFO would hang), and a file of a newer SmoothTask, which is
recognised by its first 100 bytes, before SQLite opens it and tidies up its log. A file that isn't SQLite's, or is but
broken, is `DamagedError`: `salvage.py` sets it aside. Every other failure is a `HistoryError`, a sentence that names
the file.
"""

from __future__ import annotations

import os
import sqlite3
import stat
from contextlib import suppress
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from smoothtask_gui.adapters.files import FileError, require_regular

if TYPE_CHECKING:
    from pathlib import Path

NAME: Final = "history.sqlite"
APPLICATION_ID: Final = 0x536D5468  # "SmTh"
VERSION: Final = 1
PAGE_BYTES: Final = 4096
MOST_FILE_BYTES: Final = 11_800_000
MOST_LOG_BYTES: Final = 500_000
"""Of the write-ahead log. A file set aside may be as large again: 25 MB in all."""

CHECKPOINT_PAGES: Final = 100
BUSY_S: Final = 0.5
BESIDE: Final = ("", "-wal", "-shm", "-journal")

_MAGIC: Final = b"SQLite format 3\0"  # https://www.sqlite.org/fileformat2.html, which places the two numbers too
_VERSION_AT: Final = 60
_APPLICATION_AT: Final = 68
_TABLES: Final = """
CREATE TABLE chunk (level INTEGER NOT NULL, serial INTEGER NOT NULL, start_s INTEGER NOT NULL, end_s INTEGER NOT NULL,
    buckets INTEGER NOT NULL, frame BLOB NOT NULL, UNIQUE (level, serial));
CREATE INDEX chunk_time ON chunk (level, start_s, end_s);
CREATE INDEX chunk_size ON chunk (level, serial, buckets);
CREATE TABLE incident (session INTEGER NOT NULL, id INTEGER NOT NULL, started_ns INTEGER NOT NULL, ended_ns INTEGER,
    detail BLOB NOT NULL, PRIMARY KEY (session, id));
CREATE TABLE note (at_ns INTEGER NOT NULL, kind TEXT NOT NULL, words TEXT NOT NULL);
"""


class HistoryError(Exception):
    """The history can't be read or written; the message names the file and says why."""


class DamagedError(HistoryError):
    """The file is broken: it can be set aside, and what is whole in it copied."""


def check(path: Path) -> bool:
    """Whether there is a history of a version that can be opened; False for none or an empty file.

    Raises DamagedError for a file that is something else, HistoryError for what mustn't be touched.
    """
    try:
        for suffix in BESIDE:
            require_regular(path.with_name(path.name + suffix))
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    except FileError as error:
        raise HistoryError(f"{error}") from error
    except OSError as error:
        raise HistoryError(f"{path} can't be read: {error.strerror}") from error
    try:
        head = os.read(handle, 100)
    except OSError as error:
        raise HistoryError(f"{path} can't be read: {error.strerror}") from error
    finally:
        os.close(handle)
    if not head:
        return False
    if not head.startswith(_MAGIC) or len(head) < 100:
        raise DamagedError(f"{path} isn't a history")
    require_version(path, _number(head, _APPLICATION_AT), _number(head, _VERSION_AT))
    return True


def require_version(path: Path, application: int, version: int) -> None:
    """Raise HistoryError for a newer version's file, DamagedError for one that isn't ours; 0 is a file just begun."""
    if application not in (0, APPLICATION_ID):
        raise DamagedError(f"{path} isn't a history of SmoothTask")
    if version > VERSION:
        raise HistoryError(
            f"{path} was written by a newer version of SmoothTask and is left as it is; "
            "update SmoothTask, or move the file away"
        )


def open_for_writing(path: Path, most_bytes: int = MOST_FILE_BYTES) -> sqlite3.Connection:
    """The file, checked from end to end, made if there is none. For the calling thread only."""
    check(path)
    _make_private(path)
    database = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None)
    try:
        for pragma in (
            "trusted_schema = OFF",
            "cell_size_check = ON",
            f"page_size = {PAGE_BYTES}",
            "journal_mode = WAL",
            "synchronous = NORMAL",
            f"wal_autocheckpoint = {CHECKPOINT_PAGES}",
            f"journal_size_limit = {PAGE_BYTES * CHECKPOINT_PAGES}",
            f"max_page_count = {most_bytes // PAGE_BYTES}",
            "cache_size = -1024",
        ):
            database.execute(f"PRAGMA {pragma}").fetchall()
        _require_whole(path, database)
        if number(database, "PRAGMA application_id") == 0:
            _create(path, database)
    except sqlite3.Error as error:
        database.close()
        raise told(path, error) from error
    except HistoryError:
        database.close()
        raise
    database.text_factory = tolerant_text
    return database


def open_for_reading(path: Path) -> sqlite3.Connection:
    """The file as it is, nothing in it changed; `sqlite3.Error` once it is read, if it is broken.

    Where not even SQLite's shared memory may be made beside it (a read-only disk), only what its log no longer holds
    is seen.
    """
    database = sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True, timeout=BUSY_S, isolation_level=None)
    try:
        database.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    except sqlite3.OperationalError as error:
        database.close()
        if error.sqlite_errorcode & 0xFF not in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY):
            raise
        database = sqlite3.connect(f"file:{quote(str(path))}?immutable=1", uri=True, isolation_level=None)
    database.text_factory = tolerant_text
    return database


def number(database: sqlite3.Connection, query: str) -> int:
    """The one whole number that a query gives, 0 for none."""
    row = database.execute(query).fetchone()
    return row[0] if row and isinstance(row[0], int) else 0


def tolerant_text(raw: bytes) -> str:
    """Text of a file that may be damaged."""
    return raw.decode("utf-8", "replace")


def told(path: Path, error: sqlite3.Error) -> HistoryError:
    """SQLite's error as ours, in words for people."""
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR, sqlite3.SQLITE_MISMATCH):
        return DamagedError(f"{path} is damaged ({error})")
    reasons = {
        sqlite3.SQLITE_FULL: "the disk is full",
        sqlite3.SQLITE_READONLY: "it is read-only",
        sqlite3.SQLITE_CANTOPEN: "it can't be opened",
        sqlite3.SQLITE_PERM: "permission denied",
        sqlite3.SQLITE_BUSY: "another program holds it",
        sqlite3.SQLITE_LOCKED: "another program holds it",
        sqlite3.SQLITE_IOERR: "the disk doesn't take or give what is asked of it",
    }
    return HistoryError(f"{path} can't be used: {reasons.get(code, str(error))}")


def _make_private(path: Path) -> None:
    """Folder 700, file 600, whatever the umask; SQLite gives its log the file's mode."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not os.access(path.parent, os.W_OK):  # SQLite would only say that its log can't be opened
            raise HistoryError(f"{path} can't be used: it is read-only")
        with suppress(PermissionError):  # a read-only file system says so when it is written to
            if stat.S_IMODE(path.parent.stat().st_mode) & 0o077:
                path.parent.chmod(0o700)
            if path.exists() and stat.S_IMODE(path.stat().st_mode) & 0o077:
                path.chmod(0o600)
        with suppress(FileExistsError):
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise HistoryError(f"{path} can't be used: {error.strerror}") from error


def _require_whole(path: Path, database: sqlite3.Connection) -> None:
    require_version(path, number(database, "PRAGMA application_id"), number(database, "PRAGMA user_version"))
    found = database.execute("PRAGMA quick_check(1)").fetchone()
    if not found or found[0] != "ok":
        raise DamagedError(f"{path} is damaged ({found[0] if found else 'no answer'})")


def _create(path: Path, database: sqlite3.Connection) -> None:
    if number(database, "SELECT count(*) FROM sqlite_schema"):
        raise DamagedError(f"{path} isn't a history of SmoothTask")
    database.executescript(
        f"BEGIN; {_TABLES} PRAGMA user_version = {VERSION}; PRAGMA application_id = {APPLICATION_ID}; COMMIT;"
    )
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def _number(head: bytes, at: int) -> int:
    return int.from_bytes(head[at : at + 4], "big")
