"""Answers questions off Qt's thread: a file or a process may block, and a person looks at one thing at a time.

One daemon thread and no queue: the latest question replaces one that waits. Should a read block for good, its view goes
on saying that it waits, and nothing else suffers; the app still ends.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

Asked = TypeVar("Asked")
Answered = TypeVar("Answered")


class LatestAnswer(Generic[Asked, Answered]):
    """Asks `find` in its own thread, which is called `name` and starts with the first question."""

    def __init__(self, find: Callable[[Asked], Answered], name: str) -> None:
        self._find, self._name = find, name
        self._wanted: tuple[Asked, Callable[[Answered], object]] | None = None
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def ask(self, question: Asked, answer: Callable[[Answered], object]) -> None:
        """Call `answer` with what was found, from the other thread, unless a newer question comes first."""
        with self._changed:
            self._wanted = (question, answer)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
                self._thread.start()
            self._changed.notify()

    def _run(self) -> None:
        while True:
            with self._changed:
                while self._wanted is None:
                    self._changed.wait()
                question, answer = self._wanted
                self._wanted = None
            answer(self._find(question))
