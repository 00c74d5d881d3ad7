"""Answers questions about the history off Qt's thread, with what was recorded up to the last second.

One daemon thread and no queue: the latest question replaces one that waits, since a person looks at one span at a time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from smoothtask_gui.adapters.history import reader
from smoothtask_gui.adapters.history.schema import HistoryError
from smoothtask_gui.adapters.latest import LatestAnswer

if TYPE_CHECKING:
    from collections.abc import Callable

    from smoothtask_gui.adapters.history.recorder import Recorder
    from smoothtask_gui.domain.history.answers import Answer
    from smoothtask_gui.domain.history.question import Question

PATIENCE_S: Final = 1.0
"""How long an answer waits for the last seconds to be written."""


class Historian:
    """Asks the file that `recorder` writes."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._thread = LatestAnswer(self._look, "historian")

    def ask(self, question: Question, answer: Callable[[Answer | str], object]) -> None:
        """Call `answer` with an Answer, or with why there is none; from the other thread."""
        self._thread.ask(question, answer)

    def _look(self, question: Question) -> Answer | str:
        self._recorder.write_now(PATIENCE_S)
        try:
            return reader.ask(self._recorder.path, question)
        except HistoryError as error:
            return str(error)
