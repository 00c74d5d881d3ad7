"""The shipped rules over the recordings that ship: are they good enough to be kept on? (docs/laboratory.md)

Marks are the same on every machine; how fast they are found is a figure of `./dev scenarios`, and no test.
"""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from laboratory import score
from laboratory.judge import mark_all
from laboratory.keeping import MOST_BYTES, all_bytes, kept, unpacked
from laboratory.situation import read_situations
from smoothtask_gui.adapters.shipped_rules import shipped_rules
from smoothtask_gui.cli.alerts import judge
from smoothtask_gui.domain.batch import Batch
from smoothtask_gui.domain.effects import Notify
from smoothtask_gui.domain.monitor import Monitor
from smoothtask_gui.sources.recording import RecordingReader

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


def test_the_game_is_left_alone_for_its_focus_and_for_nothing_else() -> None:
    monitor = Monitor(shipped_rules())
    told = []
    with unpacked("game") as recording:
        for item in RecordingReader(recording).items():
            unfocused = replace(item, focus=None) if isinstance(item, Batch) else item
            told += [each.incident.rule for each in judge(monitor, unfocused) if isinstance(each, Notify)]
    assert told[:1] == ["runaway"]


@pytest.mark.parametrize("name", ["game", "game-left", "game-hangs"])
def test_the_games_are_seen_in_focus_by_the_x_server_s_word(name: str) -> None:
    began_in_focus = False
    with unpacked(name) as recording:
        for item in RecordingReader(recording).items():
            if isinstance(item, Batch) and item.focus is not None and item.focus.active_pid is not None:
                of_active = item.processes["comm"][item.processes["pid"] == item.focus.active_pid]
                began_in_focus |= of_active.tolist() == [b"game"]
    assert began_in_focus
