"""The shipped rules over the recordings that ship: are they good enough to be kept on? (docs/laboratory.md)

Marks are the same on every machine; how fast they are found is a figure of `./dev scenarios`, and no test.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from laboratory import score
from laboratory.judge import mark_all
from laboratory.keeping import MOST_BYTES, all_bytes, kept
from laboratory.situation import read_situations

if TYPE_CHECKING:
    from collections.abc import Mapping

    from laboratory.judge import Marks

SITUATIONS = read_situations()


@pytest.fixture(scope="module")
def marks() -> Mapping[str, Marks]:
    """Of every situation, by its name."""
    found = mark_all(SITUATIONS, len(os.sched_getaffinity(0)))
    return {each.situation.name: each for each in found}


def test_every_situation_is_recorded() -> None:
    assert [each.name for each in SITUATIONS if not kept(each.name).exists()] == []


def test_all_recordings_together_are_small() -> None:
    assert 0 < all_bytes() <= MOST_BYTES


def test_eight_hours_of_ordinary_work_are_recorded(marks: Mapping[str, Marks]) -> None:
    assert score.add_up(list(marks.values())).ordinary_s >= 8 * 3600


def test_the_rules_reach_their_targets(marks: Mapping[str, Marks]) -> None:
    found = list(marks.values())
    assert score.shortfalls(score.add_up(found)) == [], score.table(found)
