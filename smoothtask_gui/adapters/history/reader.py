"""Asking the history: one short look at the file, from any thread or process, while another one writes it.

The file is opened for reading, read and closed within a call: a reader that stays keeps SQLite's log from being
emptied. Pieces that fail their checksum are left out and counted.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np

from smoothtask_gui.adapters.history import frames, past, schema
from smoothtask_gui.adapters.history.frames import FrameError
from smoothtask_gui.domain.history import answers
from smoothtask_gui.domain.history.answers import NOTHING, Answer, Note, Rows
from smoothtask_gui.domain.history.series import LEVELS
from smoothtask_gui.domain.incident import IncidentState

if TYPE_CHECKING:
    from pathlib import Path

    from smoothtask_gui.domain.history.apps import AppName
    from smoothtask_gui.domain.history.question import Question
    from smoothtask_gui.domain.incident import Incident

_NS: Final = 1_000_000_000


def ask(path: Path, question: Question) -> Answer:
    """What is known of the span; NOTHING where there is no history. Raises HistoryError."""
    if not schema.check(path):
        return NOTHING
    try:
        with closing(schema.open_for_reading(path)) as database:
            database.execute("BEGIN")  # one moment of the file for all that follows
            application = schema.number(database, "PRAGMA application_id")
            if application == 0:  # it is being made this very moment
                return NOTHING
            schema.require_version(path, application, schema.number(database, "PRAGMA user_version"))
            return _Look(database, question).answer()
    except sqlite3.Error as error:
        raise schema.told(path, error) from error


class _Look:
    """One question to one open file."""

    def __init__(self, database: sqlite3.Connection, question: Question) -> None:
        self._database, self._question = database, question
        self._damaged = 0

    def answer(self) -> Answer:
        since_s, until_s = self._question.since_s, self._question.until_s
        whole = answers.finest([self._rows(number) for number in range(len(LEVELS))])
        rows = [part for found in whole if len(part := found.only(answers.overlap(found, since_s, until_s)))]
        drawn = answers.line(rows, since_s, until_s, self._question.points)
        if self._question.chosen:
            rows = [part for found in rows if len(part := found.only(answers.overlap(found, *self._question.chosen)))]
        apps, rest_share = answers.app_uses(rows)
        ends = [int((found.start_s + LEVELS[found.level].length_s).max()) for found in rows]
        first_s, last_s = self._database.execute("SELECT min(start_s), max(end_s) FROM chunk").fetchone()
        return Answer(
            line=drawn,
            apps=apps,
            rest_share=rest_share,
            since_s=min((int(found.start_s.min()) for found in rows), default=None),
            until_s=max(ends, default=None),
            recorded_s=sum(float(found.measured_ms.sum()) for found in rows) / 1000,
            incidents=self._incidents(),
            notes=self._notes(),
            first_s=first_s if isinstance(first_s, int) else None,
            last_s=last_s if isinstance(last_s, int) else None,
            damaged=self._damaged,
        )

    def _rows(self, number: int) -> Rows | None:
        """The level's buckets in the span, made wider to whole minutes: all levels then tell the same time."""
        longest_s = LEVELS[-1].length_s
        since_s = self._question.since_s // longest_s * longest_s
        until_s = -(-self._question.until_s // longest_s) * longest_s
        pieces = []
        for serial, frame in self._database.execute(
            "SELECT serial, frame FROM chunk WHERE level = ? AND start_s < ? AND end_s > ? ORDER BY serial",
            (number, until_s, since_s),
        ):
            try:
                rows = frames.decode(frame)
            except (FrameError, TypeError):
                self._damaged += 1
                continue
            if rows.level != number or rows.serials[0] != serial:  # it stands in the wrong place
                self._damaged += 1
                continue
            wanted = answers.overlap(rows, since_s, until_s)
            if wanted.any():
                pieces.append(rows.only(wanted))
        return _newest(_joined(pieces)) if pieces else None

    def _incidents(self) -> tuple[Incident, ...]:
        found = []
        for started_ns, ended_ns, detail in self._database.execute(
            "SELECT started_ns, ended_ns, detail FROM incident WHERE started_ns < ? AND (ended_ns IS NULL OR "
            "max(ended_ns, started_ns) >= ?) ORDER BY started_ns",
            (_as_ns(self._question.until_s), _as_ns(self._question.since_s)),
        ):
            try:
                incident = past.decode(detail)
            except (FrameError, TypeError):
                self._damaged += 1
                continue
            if incident.started_realtime_ns != started_ns:  # likewise
                self._damaged += 1
                continue
            if ended_ns is not None and incident.state is IncidentState.FIRING:  # the app ended before it did
                incident = replace(incident, state=IncidentState.RESOLVED)
            found.append(incident)
        return tuple(found)

    def _notes(self) -> tuple[Note, ...]:
        rows = self._database.execute(
            "SELECT at_ns, kind, words FROM note WHERE at_ns >= ? AND at_ns < ? ORDER BY at_ns",
            (_as_ns(self._question.since_s), _as_ns(self._question.until_s)),
        )
        return tuple(Note(at_ns, str(kind), str(words)) for at_ns, kind, words in rows if isinstance(at_ns, int))


def _as_ns(at_s: float) -> int:
    """In nanoseconds, as far as SQLite's integers reach (the year 2262)."""
    return min(max(round(at_s * _NS), -(2**63)), 2**63 - 1)


def _newest(rows: Rows) -> Rows:
    """Of buckets with one serial the last: what was salvaged from a damaged file may have been written on since."""
    _, last = np.unique(rows.serials[::-1], return_index=True)
    wanted = np.zeros(len(rows), bool)
    wanted[len(rows) - 1 - last] = True
    return rows.only(wanted)


def _joined(pieces: list[Rows]) -> Rows:
    """One table of several."""
    buckets = np.cumsum([0, *(len(piece) for piece in pieces)])
    names: dict[AppName, int] = {}
    places = [np.array([names.setdefault(each, len(names)) for each in piece.names], np.intp) for piece in pieces]
    return Rows(
        level=pieces[0].level,
        serials=np.concatenate([piece.serials for piece in pieces]),
        start_s=np.concatenate([piece.start_s for piece in pieces]),
        measured_ms=np.concatenate([piece.measured_ms for piece in pieces]),
        means=np.concatenate([piece.means for piece in pieces]),
        peaks=np.concatenate([piece.peaks for piece in pieces]),
        names=tuple(names),
        app_bucket=np.concatenate([piece.app_bucket + shift for piece, shift in zip(pieces, buckets, strict=False)]),
        app_name=np.concatenate([place[piece.app_name] for piece, place in zip(pieces, places, strict=True)]),
        app_values=np.concatenate([piece.app_values for piece in pieces]),
        processes=np.concatenate([piece.processes for piece in pieces]),
        ended=np.concatenate([piece.ended for piece in pieces]),
    )
