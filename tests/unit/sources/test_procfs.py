from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import psutil
import pytest

from smoothtask_gui.domain.batch import PROCESS, Batch, Missing
from smoothtask_gui.domain.sensors import kind_of
from smoothtask_gui.sources.procfs import ProcessTable, ProcfsSource
from smoothtask_gui.sources.protocol import SourceError
from smoothtask_gui.sources.surroundings import Surroundings
from tests.fakes.descriptors import no_free_descriptor
from tests.fakes.trees import plant

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np

TICK_NS = 10**9 // os.sysconf("SC_CLK_TCK")


def stat_line(pid: int, comm: str = "x", *, utime: int = 10, threads: int = 1, start: int = 500, flags: int = 0) -> str:
    return (
        f"{pid} ({comm}) S 1 {pid} {pid} 0 -1 {flags} 11 0 3 0 {utime} 5 0 0 20 0 {threads} 0 {start} 1000 7 "
        "18446744073709551615 1 1 0 0 0 0 0 0 0 0 0 0 17 0 0 0 0 0 0"
    )


def row_of(rows: np.ndarray, pid: int) -> np.void:
    return rows[rows["pid"] == pid][0]


def test_the_fields_are_those_of_proc_pid_stat(tmp_path: Path) -> None:
    plant(
        tmp_path,
        {
            "7/stat": stat_line(7, "a) R (b", flags=0x200000),
            "7/schedstat": "900000000 33 12",
            "7/io": "rchar: 1\nread_bytes: 50\nwrite_bytes: 30\ncancelled_write_bytes: 10",
            "5/stat": stat_line(5),
            "self/stat": "not a pid",
        },
    )
    rows = ProcessTable(tmp_path).read()
    assert rows.dtype == PROCESS
    assert rows["pid"].tolist() == [5, 7]
    row = row_of(rows, 7)
    assert row["comm"] == b"a) R (b"
    assert row["state"] == b"S"
    assert row["is_kernel"]
    assert row["start_ns"] == 500 * TICK_NS
    assert row["run_ns"] == 900_000_000  # exact, and more than the whole ticks
    assert row["run_delay_ns"] == 33
    assert row["rss_bytes"] == 7 * os.sysconf("SC_PAGE_SIZE")
    assert (row["minor_faults"], row["major_faults"]) == (11, 3)
    assert (row["read_bytes"], row["write_bytes"]) == (50, 20)
    assert not row["missing"] & (Missing.IO | Missing.RUN_DELAY)


def test_what_can_not_be_read_is_flagged_and_not_zero(tmp_path: Path) -> None:
    row = ProcessTable(plant(tmp_path, {"5/stat": stat_line(5)})).read()[0]
    assert row["missing"] == Missing.IO | Missing.RUN_DELAY | Missing.SWITCHES | Missing.CGROUP
    assert row["run_ns"] == 15 * TICK_NS


def test_cpu_time_never_goes_back_when_a_second_thread_starts(tmp_path: Path) -> None:
    plant(tmp_path, {"5/stat": stat_line(5, utime=10), "5/schedstat": "168000000 0 1"})
    table = ProcessTable(tmp_path)
    assert table.read()["run_ns"].tolist() == [168_000_000]
    plant(tmp_path, {"5/stat": stat_line(5, utime=11, threads=2)})
    row = table.read()[0]
    assert row["run_ns"] == 168_000_000
    assert row["missing"] & Missing.RUN_DELAY  # schedstat knows the main thread only


def test_a_reused_pid_starts_afresh(tmp_path: Path) -> None:
    plant(tmp_path, {"5/stat": stat_line(5, utime=1000)})
    table = ProcessTable(tmp_path)
    table.read()
    plant(tmp_path, {"5/stat": stat_line(5, utime=1, start=900)})
    assert table.read()["run_ns"].tolist() == [6 * TICK_NS]


@pytest.mark.parametrize("line", ["", "5", "5 (x", "5 (x) S", "5 x S 1", "5 (x) S one two"])
def test_a_broken_stat_line_costs_its_own_row_only(line: str, tmp_path: Path) -> None:
    plant(tmp_path, {"5/stat": line, "6/stat": stat_line(6)})
    assert ProcessTable(tmp_path).read()["pid"].tolist() == [6]


def test_a_folder_that_is_no_proc_gives_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="Is /proc mounted"):
        ProcessTable(tmp_path / "nowhere").read()


def test_without_a_free_descriptor_the_reason_is_that_and_not_a_missing_proc() -> None:
    table = ProcessTable()
    with no_free_descriptor(), pytest.raises(SourceError) as raised:
        table.read()
    assert str(raised.value).startswith("/proc can't be listed: Too many open files. SmoothTask has as many files open")
    assert "mounted" not in str(raised.value)


def test_it_agrees_with_psutil_on_a_busy_process() -> None:
    busy = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        process = psutil.Process(busy.pid)
        while sum(process.cpu_times()[:2]) < 0.2:
            os.sched_yield()
        before_s = sum(process.cpu_times()[:2])
        row = row_of(ProcessTable().read(), busy.pid)
        after_s = sum(process.cpu_times()[:2])
        assert before_s - 0.03 <= row["run_ns"] / 1e9 <= after_s + 0.03
        assert row["parent_pid"] == os.getpid()
        assert row["uid"] == os.geteuid()
        assert abs(row["start_ns"] / 1e9 - (process.create_time() - time.time() + time.clock_gettime(7))) < 1
        assert 0.5 < row["rss_bytes"] / process.memory_info().rss < 2
    finally:
        busy.kill()
        busy.wait()


def test_the_source_yields_at_once_and_says_what_it_can_not_see(tmp_path: Path) -> None:
    async def first_two() -> list[Batch]:
        items = ProcfsSource(Surroundings(kind_of)).items(100)
        found = [await anext(items), await anext(items)]
        await items.aclose()
        return found

    first, second = asyncio.run(first_two())
    assert first.source == "procfs"
    assert first.exited is None
    assert {"exited", "events"} <= set(first.unavailable)
    assert second.boottime_ns - first.boottime_ns >= 90_000_000
    assert os.getpid() in first.processes["pid"]


def test_a_change_of_the_period_counts_from_now() -> None:
    async def read() -> None:
        source = ProcfsSource(Surroundings(kind_of))
        items = source.items(60_000)
        await anext(items)
        following = asyncio.ensure_future(anext(items))
        await asyncio.sleep(0)
        await source.change_period(100)
        async with asyncio.timeout(20):
            assert isinstance(await following, Batch)
        await items.aclose()

    asyncio.run(read())
