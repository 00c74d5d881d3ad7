"""Describes a process off Qt's thread: /proc may block on a process that is stuck, and desktop files lie on a disk.

One daemon thread and no queue: the latest question replaces one that waits, since a person looks at one process at a
time. Should a read block for good, details say "reading…", and nothing else suffers; the app still ends.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from smoothtask_gui.domain.description import Description

if TYPE_CHECKING:
    from smoothtask_gui.domain.incident import ProcessIdentity

Answer = Callable[[Description], None]


class Describer:
    """Asks `describe` in its own thread, which starts with the first question."""

    def __init__(self, describe: Callable[[ProcessIdentity], Description]) -> None:
        self._describe = describe
        self._wanted: tuple[ProcessIdentity, Answer] | None = None
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def ask(self, identity: ProcessIdentity, answer: Answer) -> None:
        """Call `answer` with the description, from the other thread, unless a newer question comes first."""
        with self._changed:
            self._wanted = (identity, answer)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="describer", daemon=True)
                self._thread.start()
            self._changed.notify()

    def _run(self) -> None:
        while True:
            with self._changed:
                while self._wanted is None:
                    self._changed.wait()
                identity, answer = self._wanted
                self._wanted = None
            answer(self._describe(identity))
