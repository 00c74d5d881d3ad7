"""What it costs to tell which app each of 1,000 processes belongs to: a tick's arithmetic, and the looks at /proc.

The rows are those of this machine, read from /proc beside 1,000 idle processes.
"""

import os
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from statistics import median

import numpy as np

from benchmarks import load
from benchmarks.row import Row
from smoothtask_gui.adapters.application_names import ApplicationNames
from smoothtask_gui.adapters.desktop_entries import DesktopEntries, application_folders
from smoothtask_gui.domain.apps import AppGrouper
from smoothtask_gui.domain.rates import rates
from smoothtask_gui.domain.sample import Sample
from smoothtask_gui.sources.origins import AGAIN_NS, OriginReader, Rows
from smoothtask_gui.sources.procfs import ProcessTable
from tests.fakes.batches import batch

SECOND = 1_000_000_000
TICKS = 60


def measure() -> list[Row]:
    with load.idle(1000):
        rows = ProcessTable().read()
        now_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME) + 60 * SECOND
        reader = OriginReader(ApplicationNames(DesktopEntries(application_folders(os.environ, Path.home()))))
        first_s = _spent_s(lambda: reader.read(rows, now_ns))
        all_again_s = _spent_s(lambda: reader.read(rows, now_ns + AGAIN_NS))
        quiet_s = median(_spent_s(lambda: reader.read(rows, now_ns + AGAIN_NS + SECOND)) for _ in range(TICKS))
        reader.forget()
        grouper = AppGrouper()
        grouper.learn(reader.read(rows, now_ns))
    sample = _sample(rows, now_ns)
    first_group_s = _spent_s(lambda: grouper.group(sample))
    tick_s = median(_spent_s(lambda: grouper.group(sample)) for _ in range(TICKS))
    kept = replace(sample, processes=sample.processes[np.arange(len(rows)) % 50 != 0])
    turns = [_spent_s(partial(grouper.group, turn)) for turn in (kept, sample) * (TICKS // 2)]
    note = f"{len(rows)} processes"
    return [
        Row("apps: one tick, nothing new", tick_s * 1000, "ms", "at most", 1.0, note),
        Row("apps: one tick, 2 % of them come or go", median(turns) * 1000, "ms", "at most", 2.0),
        Row("apps: one tick, all processes new", first_group_s * 1000, "ms", note="at the start"),
        Row("origins: one tick, nothing new", quiet_s * 1000, "ms", "at most", 0.5),
        Row("origins: first look at all", first_s * 1000, "ms", note="in a thread, at the start"),
        Row(
            "origins: looking at all again",
            all_again_s / (AGAIN_NS / SECOND) * 100,
            "% of a core",
            "at most",
            0.1,
            f"every {AGAIN_NS // SECOND} s",
        ),
    ]


def _sample(rows: Rows, now_ns: int) -> Sample:
    first = replace(batch(now_ns), processes=rows)
    made = rates(first, replace(batch(now_ns + SECOND), processes=rows))
    if made is None:
        raise AssertionError("two batches a second apart can be compared")
    return made


def _spent_s(work: Callable[[], object]) -> float:
    before_s = time.process_time()
    work()
    return time.process_time() - before_s
