"""Promises of `domain/history/answers.py`: each moment is told once, by the finest that is kept of it."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smoothtask_gui.domain.history import answers
from smoothtask_gui.domain.history.answers import Rows
from smoothtask_gui.domain.history.apps import VALUES, AppName
from smoothtask_gui.domain.history.clock import ClockWatch
from smoothtask_gui.domain.history.series import CPU, LEVELS, SERIES, SPENT
from tests.fakes.batches import SECOND, Machine
from tests.fakes.history import samples


def rows(level: int, first: int, count: int, start_s: int, cpu: float = 0.5) -> Rows:
    """`count` buckets in which "app" took half of what was spent."""
    length_s = LEVELS[level].length_s
    means = np.full((count, len(SERIES)), np.nan)
    means[:, CPU], means[:, SPENT] = cpu, 2.0
    values = np.full((count, len(VALUES)), np.nan)
    values[:, 0] = 1.0
    return Rows(
        level=level,
        serials=first + np.arange(count) * length_s,
        start_s=start_s + np.arange(count) * length_s,
        measured_ms=np.full(count, length_s * 1000),
        means=means,
        peaks=means.copy(),
        names=(AppName("app", "app"),),
        app_bucket=np.arange(count),
        app_name=np.zeros(count, np.intp),
        app_values=values,
        processes=np.ones(count, np.int64),
        ended=np.full(count, 2, np.int64),
    )


@settings(deadline=None)
@given(st.integers(1, 12), st.data())
def test_no_second_is_told_twice_and_none_is_left_out(minutes: int, chance: st.DataObject) -> None:
    """Whatever finer buckets are kept, at the end or anywhere else."""
    total_s = minutes * 60
    levels = [rows(level, 1, total_s // LEVELS[level].length_s, 0) for level in range(3)]
    kept = [
        each.only(np.array(chance.draw(st.lists(st.booleans(), min_size=len(each), max_size=len(each)))))
        for each in levels[:2]
    ]
    told = np.zeros(total_s, int)
    for part in answers.finest([*kept, levels[2]]):
        for start_s in part.start_s:
            told[start_s : start_s + LEVELS[part.level].length_s] += 1
    assert (told == 1).all()


def test_the_finest_level_that_tells_all_is_used() -> None:
    levels = [rows(0, 1, 120, 0), rows(1, 1, 12, 0), rows(2, 1, 2, 0)]
    assert [part.level for part in answers.finest(levels)] == [0]
    hole = levels[0].only(levels[0].start_s != 75)
    assert [(part.level, len(part)) for part in answers.finest([hole, *levels[1:]])] == [(0, 110), (1, 1)]
    assert [part.level for part in answers.finest([levels[0], None, None])] == [0]


def test_shares_are_of_all_that_was_spent_and_the_rest_is_told() -> None:
    uses, rest = answers.app_uses([rows(2, 1, 3, 0), rows(0, 181, 20, 180)])
    (use,) = uses
    assert use.cpu_s == pytest.approx(200)
    assert use.cpu_share == pytest.approx(0.5)
    assert rest == pytest.approx(0.5)
    assert (use.ended, use.processes) == (46, 1)
    assert use.memory_bytes is None


def test_a_line_has_about_as_many_points_as_asked_for_and_keeps_its_peaks() -> None:
    part = rows(0, 1, 600, 0)
    part.peaks[333, CPU] = 0.99
    found = answers.line([part], 0, 600, 50)
    assert 45 <= len(found) <= 51
    assert found.peaks[:, CPU].max() == 0.99
    assert found.means[:, CPU] == pytest.approx(0.5)


def test_a_gap_stays_a_gap() -> None:
    found = answers.line([rows(0, 1, 10, 0), rows(0, 11, 10, 100)], 0, 110, 1000)
    ends = found.start_s + found.length_s
    assert (found.start_s[1:] - ends[:-1]).max() == 90


def test_nothing_gives_an_empty_answer() -> None:
    assert answers.finest([None, None, None]) == []
    assert answers.app_uses([]) == ((), None)
    assert len(answers.NOTHING.line) == 0


@pytest.mark.parametrize(("jump_s", "way"), [(31_536_000, "forward"), (-3600, "back")])
def test_a_clock_that_was_set_is_noted_with_the_way_and_the_size(jump_s: int, way: str) -> None:
    watch, source = ClockWatch(), samples(Machine(), 3)
    assert watch.look(next(source)) is None
    assert watch.look(next(source)) is None
    late = next(source)
    note = watch.look(replace(late, realtime_ns=late.realtime_ns + jump_s * SECOND))
    assert note is not None
    assert way in note.text
