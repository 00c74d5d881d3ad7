"""Who has most of a series, and how much of the whole that is.

Where all processes are seen, the whole is what they add up to. Where some are hidden (another user's under hidepid;
the disk use of others without consent) their sum says nothing about the machine: then the whole is the machine's own
count. If those that are seen explain little of it, hidden ones are the cause, and named first; else what they don't
explain is the rest. Where the machine has no such count, shares are unknown, and nobody is named as the cause.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np

from smoothtask_gui.domain.culprit import BLAME_RATIO, HIDDEN, SEEN_RATIO
from smoothtask_gui.domain.judging.table import Target
from smoothtask_gui.domain.judging.watched import Blamed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from smoothtask_gui.domain.judging.table import Table
    from smoothtask_gui.domain.sample import Sample

MOST_BLAMED: Final = 3
COUNTED_RATIO: Final = 2 / 3
"""How much of a machine's count its processes come to where all of them are seen: the kernel's own memory, a file
system's journal and threads among the new processes are in it too. On a machine with 16 GB, 12.6 of them in use, the
resident memory of all processes was 69 %."""
_IO: Final = ("read_bps", "write_bps")


def unseen(sample: Sample, machine: Mapping[str, float]) -> dict[str, float]:
    """Of each series that not all processes can be asked for: the machine's own count, NaN where it has none.

    Empty where everything is seen. `machine` are the machine's series.
    """
    hides_all, hides_io = "processes" in sample.unavailable, "io" in sample.unavailable
    if not hides_all and not hides_io:
        return {}
    system = sample.system
    io = {"read_bps": _or_nan(system.disk_read_bps), "write_bps": _or_nan(system.disk_write_bps)}
    if not hides_all:
        return io
    busy_cores = machine["cpu_busy_ratio"] * machine["cpus"]
    return {
        **io,
        "rss_bytes": machine["memory_used_bytes"],
        "grown_bytes": machine["memory_grown_bytes"],
        "major_faults_per_s": machine["all_major_faults_per_s"],
        "exited_per_s": machine["forks_per_s"],  # in the long run as many end as begin
        "cpu_cores": busy_cores,
        "sent_bps": _or_nan(system.network_sent_bps),
        "received_bps": _or_nan(system.network_received_bps),
        "gpu_ratio": max((card.busy_ratio for card in sample.gpus if card.busy_ratio is not None), default=math.nan),
        **dict.fromkeys(_WITHOUT_COUNT, math.nan),
    }


_WITHOUT_COUNT: Final = (
    "spinning_cores",
    "run_delay_ratio",
    "growth_bps",
    "connections",
    "connections_per_min",
    "passed_bps",
    "processes",
)
"""What the machine has no count of its own of."""


def blamed(suspects: Table | None, series: str, wholes: Mapping[str, float]) -> tuple[Blamed, ...]:
    """The MOST_BLAMED rows with most of a series, each with its part of the whole; see `unseen` for `wholes`."""
    column = None if suspects is None else suspects.columns.get(series)
    if suspects is None or column is None:
        return ()
    amounts = np.maximum(np.nan_to_num(np.atleast_1d(column), nan=0.0, posinf=0.0), 0.0)
    seen, whole = float(amounts.sum()), wholes.get(series, 0.0)
    total = max(seen, whole) if not math.isnan(whole) else math.nan
    if seen <= 0 and not total > 0:
        return ()
    first = [int(row) for row in np.argsort(-amounts, kind="stable")[:MOST_BLAMED] if amounts[row] > 0]
    found = [
        Blamed(suspects.rows.target(row, series), float(amounts[row]), float(amounts[row]) / total) for row in first
    ]
    if math.isnan(total) or seen >= SEEN_RATIO * COUNTED_RATIO * total:
        return tuple(found)
    hidden = total - seen
    others = [one for one in found if one.ratio >= BLAME_RATIO]
    return (Blamed(Target(HIDDEN.app_id, HIDDEN.name, app_id=HIDDEN.app_id), hidden, hidden / total), *others)[
        :MOST_BLAMED
    ]


def _or_nan(value: float | None) -> float:
    return math.nan if value is None else value
