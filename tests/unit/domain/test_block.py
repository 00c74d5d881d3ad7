"""Promises of `domain/block.py`: columns side by side are one table, and a view."""

import numpy as np
import pytest

from smoothtask_gui.domain.batch import PROCESS
from smoothtask_gui.domain.block import Block, picked


def rows() -> np.ndarray:
    made = np.zeros(4, PROCESS)
    made["pid"], made["run_ns"], made["run_delay_ns"], made["comm"] = [1, 2, 3, 4], [10, 20, 30, 40], 7, b"x"
    return made


def test_a_block_shows_its_columns_side_by_side_and_writes_through() -> None:
    table, block = rows(), Block(PROCESS, ("run_ns", "run_delay_ns", "rss_bytes"))
    assert block.of(table).tolist() == [[10, 7, 0], [20, 7, 0], [30, 7, 0], [40, 7, 0]]
    block.of(table)[:, block.place("rss_bytes")] = 5
    assert table["rss_bytes"].tolist() == [5, 5, 5, 5]
    assert block.of(table[::2]).tolist() == [[10, 7, 5], [30, 7, 5]]


@pytest.mark.parametrize("names", [("run_ns", "rss_bytes"), ("threads", "start_ns"), ("run_delay_ns", "run_ns")])
def test_columns_that_are_apart_or_differ_are_no_block(names: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="side by side"):
        Block(PROCESS, names)


def test_picked_rows_are_those_that_an_index_gives() -> None:
    table = rows()
    for places in (np.array([3, 0]), table["pid"] > 2, np.array([], np.intp)):
        assert picked(table, places).tolist() == table[places].tolist()
