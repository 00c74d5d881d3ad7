"""Keeps the history: decides when to write, and what to do when that fails. One thread's, without a thread of its own.

Written every 10 s, every second while an incident is open: what a freeze leaves behind is what was before it. A damaged
file is set aside, what is whole in it kept, and a new one begun. A disk that takes nothing is tried again; meanwhile
what waits is bounded, and how much was lost is noted and told once it works again.
"""

from __future__ import annotations

import time
from collections import deque
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from smoothtask_gui.adapters.history import old_log, salvage, schema
from smoothtask_gui.adapters.history.file import MOST_NOTES, HistoryFile
from smoothtask_gui.adapters.history.frames import FrameError
from smoothtask_gui.adapters.history.schema import DamagedError, HistoryError
from smoothtask_gui.domain.history.answers import Note
from smoothtask_gui.domain.history.buckets import Bucketer
from smoothtask_gui.domain.history.clock import ClockWatch
from smoothtask_gui.domain.incident import IncidentState

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from smoothtask_gui.domain.incident import Incident
    from smoothtask_gui.domain.sample import Sample

WRITE_EVERY_S: Final = 10.0
WRITE_EVERY_S_IN_TROUBLE: Final = 1.0
RETRY_S: Final = 30.0
MOST_PENDING: Final = 500


class Keeper:
    """The history in `folder`; `tell` gets a sentence when something is lost or works again."""

    def __init__(self, folder: Path, tell: Callable[[str], None], most_bytes: int = schema.MOST_FILE_BYTES) -> None:
        self._folder, self._path = folder, folder / schema.NAME
        self._tell, self._most_bytes = tell, most_bytes
        self._file: HistoryFile | None = None
        self._session: int | None = None
        self._bucketer = Bucketer()
        self._serial_base: int | None = None
        self._clock = ClockWatch()
        self._incidents: dict[int, Incident] = {}
        self._notes: deque[Note] = deque(maxlen=MOST_NOTES)
        self._firing: set[int] = set()
        self._due_s: float | None = None
        self._complaint = ""
        self._lost_before = 0

    def take(self, sample: Sample, now_s: float) -> None:
        """Take in one sample; `now_s` is the monotonic clock's."""
        if note := self._clock.look(sample):
            self._notes.append(note)
        self._bucketer.add(sample)
        self._want(now_s, WRITE_EVERY_S_IN_TROUBLE if self._firing else WRITE_EVERY_S)

    def take_incident(self, incident: Incident, now_s: float) -> None:
        """Take in a state of an incident; it is written at once."""
        if incident.state is IncidentState.FIRING:
            self._firing.add(incident.id)
        else:
            self._firing.discard(incident.id)
        if len(self._incidents) < MOST_PENDING or incident.id in self._incidents:
            self._incidents[incident.id] = incident
        self._want(now_s, 0.0)

    def take_note(self, note: Note, now_s: float) -> None:
        """Take in something to say about the recorder; it is written at once."""
        self._notes.append(note)
        self._want(now_s, 0.0)

    def wait_s(self, now_s: float) -> float | None:
        """How long until something is to be written, None for not at all."""
        return None if self._due_s is None else max(0.0, self._due_s - now_s)

    def tend(self, now_s: float) -> None:
        """Write if it is time."""
        if self._due_s is not None and now_s >= self._due_s:
            self.write(now_s)

    def write(self, now_s: float) -> None:
        """Write what waits. A failure is told once, and tried again in RETRY_S."""
        self._due_s = None
        try:
            self._write()
        except HistoryError as error:
            self._due_s = now_s + RETRY_S
            if not self._complaint:
                self._tell(f"The history isn't recorded: {error}.")
            self._complaint = str(error)
            return
        if self._complaint:
            self._tell("The history is recorded again.")
        self._complaint = ""

    def forget(self) -> None:
        """Delete everything that was recorded. Raises HistoryError where that can't be done."""
        self._close_file()
        self._bucketer, self._serial_base = Bucketer(), None
        self._incidents.clear()
        self._notes.clear()
        try:
            for name in (schema.NAME, salvage.ASIDE):
                for suffix in schema.BESIDE:
                    (self._folder / (name + suffix)).unlink(missing_ok=True)
            for name in old_log.NAMES:
                (self._folder / name).unlink(missing_ok=True)
        except OSError as error:
            raise HistoryError(f"{error.filename} can't be deleted: {error.strerror}") from error

    def close(self, now_s: float) -> None:
        """Write what waits, for the last time."""
        if self._file is not None or self._due_s is not None:
            self.write(now_s)
        self._close_file()

    def _want(self, now_s: float, within_s: float) -> None:
        if self._complaint and self._due_s is not None:
            return  # it doesn't help to ask a full disk each second
        due_s = now_s + within_s
        self._due_s = due_s if self._due_s is None else min(due_s, self._due_s)

    def _write(self) -> None:
        if self._file is not None and not self._file.in_place():
            self._close_file()
        for attempt in range(2):
            try:
                file = self._file = self._file or self._open()
                self._write_to(file)
            except DamagedError as error:
                self._close_file()
                if attempt:
                    raise
                self._begin_anew(error)
            else:
                return

    def _write_to(self, file: HistoryFile) -> None:
        lost = self._bucketer.lost - self._lost_before
        notes = list(self._notes)
        if lost:
            words = f"{lost} stretches of time weren't recorded: {self._complaint or 'the disk was too slow'}."
            notes.append(Note(time.time_ns(), "lost", words))
        base = self._serial_base or 0
        buckets = [replace(bucket, serial=bucket.serial + base) for bucket in self._bucketer.waiting()]
        try:
            file.write(buckets, self._incidents.values(), notes)
        except FrameError as error:
            self._tell(f"An incident can't be recorded: {error}.")
            file.write(buckets, (), notes)
        self._bucketer.written()
        self._lost_before = self._bucketer.lost
        self._incidents.clear()
        self._notes.clear()

    def _open(self) -> HistoryFile:
        file = HistoryFile(self._path, self._most_bytes, self._session)
        self._session = file.session
        if self._serial_base is None:
            self._serial_base = file.next_serial
        if count := old_log.take_over(self._folder, file):
            self._notes.append(Note(time.time_ns(), "kept", f"Incidents taken over from the older log: {count}."))
        return file

    def _begin_anew(self, error: DamagedError) -> None:
        """Set the damaged file aside and keep what is whole in it."""
        is_first = self._serial_base is None
        aside = salvage.set_aside(self._path)
        self._file = self._open()
        words = f"{error}: {salvage.salvage(aside, self._file).words}."
        self._session = self._file.session
        if is_first:
            self._serial_base = self._file.next_serial
        self._notes.append(Note(time.time_ns(), "damaged", words))
        self._tell(words)

    def _close_file(self) -> None:
        if self._file is not None:
            with suppress(HistoryError):  # what was written stands; there is nothing left to do with it
                self._file.close()
            self._file = None
