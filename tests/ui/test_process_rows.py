import numpy as np

from smoothtask_gui.ui import process_rows
from tests.ui.samples import processes


def pids(rows: np.ndarray) -> list[int]:
    return [int(row["pid"]) for row in rows]


def test_readings_are_renewed_without_moving_a_row() -> None:
    shown = processes((1, "a", 0.1), (2, "b", 0.2), (3, "c", 0.3))[[2, 0, 1]]
    step = process_rows.merge(shown, processes((1, "a", 0.9), (2, "b", 0.8), (3, "c", 0.7)), held=False)
    assert pids(step.rows) == [3, 1, 2]
    assert step.rows["cpu_ratio"].tolist() == [0.7, 0.9, 0.8]
    assert not len(step.gone)
    assert not len(step.added)


def test_a_reused_pid_is_another_process() -> None:
    step = process_rows.merge(processes((5, "old", 0.1)), processes((5, "new", 0.1), start_ns=9), held=False)
    assert step.gone.tolist() == [0]
    assert pids(step.added) == [5]


def test_while_held_an_ended_process_keeps_its_place() -> None:
    step = process_rows.merge(processes((1, "a", 0), (2, "b", 0)), processes((2, "b", 0)), held=True)
    assert pids(step.rows) == [1, 2]
    assert step.ended.tolist() == [True, False]
    assert not len(step.gone)


def test_a_long_hold_keeps_only_so_many_ended_rows() -> None:
    many = processes(*((pid, "x", 0.0) for pid in range(1, 1001)))
    step = process_rows.merge(many, processes(), held=True)
    assert len(step.gone) == 1000 - process_rows.ENDED_KEPT


def test_an_empty_sample_ends_every_row() -> None:
    assert process_rows.merge(processes((1, "a", 0)), processes(), held=False).gone.tolist() == [0]


def test_missing_numbers_come_last_in_either_direction() -> None:
    keys = np.array([1.0, np.nan, 3.0])
    assert process_rows.sorted_places(keys, descending=False).tolist() == [0, 2, 1]
    assert process_rows.sorted_places(keys, descending=True).tolist() == [2, 0, 1]


def test_equal_rows_keep_their_order_in_either_direction() -> None:
    numbers, names = np.zeros(5), np.array([b"a"] * 5)
    for keys in (numbers, names):
        for descending in (False, True):
            assert process_rows.sorted_places(keys, descending=descending).tolist() == [0, 1, 2, 3, 4]


def test_runs_are_removed_from_the_end() -> None:
    assert process_rows.runs_from_the_end(np.array([0, 1, 4, 6, 7])) == [(6, 7), (4, 4), (0, 1)]
    assert process_rows.runs_from_the_end(np.array([], int)) == []
