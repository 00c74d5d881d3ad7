"""The flight recorder's thread: takes samples and incidents from any thread, and never makes one wait.

What comes waits in a bounded queue, samples until they are to be written: to wake a thread for each costs more than
what it does with it. Samples beyond what the queue holds are dropped, counted and noted. The file is opened with the
first thing to write. Trouble with the disk is told in words (`tell`) and else stays in this thread.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np

from smoothtask_gui.adapters.history import schema
from smoothtask_gui.adapters.history.keeper import Keeper
from smoothtask_gui.adapters.history.schema import HistoryError
from smoothtask_gui.domain.history.answers import Note
from smoothtask_gui.domain.sample import RATE, no_connections

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from smoothtask_gui.domain.incident import Incident
    from smoothtask_gui.domain.sample import Sample

MOST_SAMPLES: Final = 60
MOST_OTHERS: Final = 500
CLOSE_S: Final = 5.0
_NOBODY: Final = np.empty(0, RATE)
"""The history knows apps: a sample that waits holds no processes."""


class Recorder:
    """Records into `folder` once started, while it is turned on. `tell` may be set until then; it is called there."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / schema.NAME
        self.tell: Callable[[str], None] = lambda _: None
        self._folder = folder
        self._on = False
        self._ending = False
        self._samples: deque[Sample] = deque()
        self._others: deque[Callable[[Keeper, float], None]] = deque(maxlen=MOST_OTHERS)
        self._dropped = 0
        self._waits_for_sample = True
        self._has_told = False  # that readings were dropped
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)

    def start(self, *, on: bool) -> None:
        """Begin, turned on or off."""
        self._on = on
        self._thread.start()

    def turn(self, *, on: bool) -> None:
        """Go on recording, or stop: what was recorded stays."""
        self._on = on

    def record(self, sample: Sample) -> None:
        """Take in one sample, if there is room for it."""
        if not self._on:
            return
        with self._changed:
            if len(self._samples) >= MOST_SAMPLES:
                self._dropped += 1
                return
            self._samples.append(replace(sample, processes=_NOBODY, find_connections=no_connections, traits=None))
            if self._waits_for_sample or len(self._samples) >= MOST_SAMPLES // 2:
                self._changed.notify()

    def append(self, incident: Incident) -> None:
        """Record a state of an incident, at once."""
        if self._on:
            self._put(lambda keeper, now_s: keeper.take_incident(incident, now_s))

    def append_failure(self, message: str, realtime_ns: int) -> None:
        """Record what went wrong inside the app itself, at once."""
        if self._on:
            note = Note(realtime_ns, "failure", message)
            self._put(lambda keeper, now_s: keeper.take_note(note, now_s))

    def write_now(self, timeout_s: float) -> bool:
        """Write what waits; whether that was done in time. Not for Qt's thread."""
        done = threading.Event()

        def write(keeper: Keeper, now_s: float) -> None:
            if self._on:
                keeper.write(now_s)
            done.set()

        self._put(write)
        return done.wait(timeout_s)

    def forget(self, answer: Callable[[str], object]) -> None:
        """Delete all that was recorded; `answer` gets what went wrong, "" for nothing, in the recorder's thread."""

        def forget(keeper: Keeper, _now_s: float) -> None:
            try:
                keeper.forget()
            except HistoryError as error:
                answer(str(error))
            else:
                answer("")

        self._put(forget)

    def close(self, timeout_s: float = CLOSE_S) -> bool:
        """Write the rest and end; whether that was done in time. A disk that hangs isn't waited for."""
        with self._changed:
            self._ending = True
            self._changed.notify()
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _put(self, work: Callable[[Keeper, float], None]) -> None:
        with self._changed:
            self._others.append(work)
            self._changed.notify()

    def _run(self) -> None:
        keeper = Keeper(self._folder, self.tell)
        while not self._turn(keeper):
            pass
        keeper.close(time.monotonic())

    def _must_turn(self, wait_s: float | None) -> bool:
        """Whether something waits that can't wait until the next writing."""
        due = len(self._samples) >= (1 if wait_s is None else MOST_SAMPLES // 2)
        return due or bool(self._others) or self._ending

    def _turn(self, keeper: Keeper) -> bool:
        """Do what waits; whether it is over."""
        with self._changed:
            wait_s = keeper.wait_s(time.monotonic())
            self._waits_for_sample = wait_s is None
            self._changed.wait_for(lambda: self._must_turn(wait_s), wait_s)
            samples, others, dropped, ending = [*self._samples], [*self._others], self._dropped, self._ending
            self._samples.clear()
            self._others.clear()
            self._dropped = 0
        now_s = time.monotonic()
        if dropped:
            words = f"{dropped} readings weren't recorded: the disk was too slow."
            keeper.take_note(Note(samples[0].realtime_ns, "lost", words), now_s)
            if not self._has_told:
                self._has_told = True
                self.tell(f"{words} If it happens again, only the History tab says so.")
        for sample in samples:
            keeper.take(sample, now_s)
        for work in others:
            work(keeper, now_s)
        keeper.tend(now_s)
        return ending
