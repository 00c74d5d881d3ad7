"""Situations side by side: what may run beside what, and that one failure costs one recording."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from laboratory.lanes import side_by_side
from laboratory.record import RecordError
from laboratory.situation import Situation

if TYPE_CHECKING:
    from collections.abc import Sequence


def situation(name: str, cores: float, *, alone: bool = False) -> Situation:
    return Situation(name, "", (), 1, 1, 1000, (), frozenset(), False, False, cores, alone)


def beside(situations: Sequence[Situation], cores: float, patience_s: float = 0.3) -> dict[str, set[str]]:
    """Who ran at the same time as whom; each waits so long for company."""
    running: set[str] = set()
    seen: dict[str, set[str]] = {each.name: set() for each in situations}
    changed = threading.Condition()

    def work(one: Situation) -> None:
        with changed:
            running.add(one.name)
            for name in running:
                seen[name] |= running - {name}
            changed.notify_all()
            changed.wait_for(lambda: len(running) > 1, timeout=patience_s)
            running.discard(one.name)

    assert side_by_side(situations, cores, work) == []
    return seen


def test_situations_run_side_by_side_as_far_as_the_cores_go() -> None:
    seen = beside([situation("one", 1), situation("two", 1)], 2, patience_s=30)
    assert seen == {"one": {"two"}, "two": {"one"}}


def test_a_situation_that_needs_all_cores_waits_for_them() -> None:
    assert beside([situation("half", 1), situation("whole", 2)], 2) == {"half": set(), "whole": set()}


def test_nothing_runs_beside_one_that_is_alone() -> None:
    assert beside([situation("alone", 0.1, alone=True), situation("other", 0.1)], 2) == {"alone": set(), "other": set()}


def test_one_that_needs_more_than_there_is_runs_by_itself() -> None:
    assert beside([situation("huge", 64)], 2) == {"huge": set()}


def test_a_failure_is_told_and_the_others_go_on() -> None:
    done: list[str] = []

    def work(one: Situation) -> None:
        if one.name == "bad":
            raise RecordError("the actor ended by itself")
        done.append(one.name)

    failed = side_by_side([situation("bad", 2), situation("good", 2)], 2, work)
    assert (failed, done) == (["bad: the actor ended by itself"], ["good"])


def test_a_mistake_in_the_program_is_no_failure_of_a_situation() -> None:
    def work(_one: Situation) -> None:
        raise KeyError("oops")

    with pytest.raises(KeyError, match="oops"):
        side_by_side([situation("any", 1)], 2, work)
