"""How the window asks for the past: a question goes out, an answer comes later, on Qt's thread."""

from __future__ import annotations

from collections.abc import Callable

from smoothtask_gui.domain.history.answers import NOTHING, Answer
from smoothtask_gui.domain.history.question import Question

Remember = Callable[[Question, Callable[[Answer | str], object]], object]
"""The answer may be a sentence that says why there is none."""


def nothing_recorded(question: Question, answer: Callable[[Answer | str], object]) -> None:
    """Stands in where there is no history."""
    del question
    answer(NOTHING)
