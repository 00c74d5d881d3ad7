"""The CPU time of processes that are gone: the part of an interval that no row of a snapshot shows.

Two things say it (docs/api/stream-format.md): the EXITED roll-up, for processes that lived between two snapshots of
the helper, cumulative per row; and one `ProcessExit` for each process that a snapshot may have seen, with the totals
of its whole life, from which what was seen is subtracted here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from smoothtask_gui.domain.batch import EXITED
from smoothtask_gui.domain.matching import positions
from smoothtask_gui.domain.sample import ExitedRate
from smoothtask_gui.domain.system_rates import most_run_ns
from smoothtask_gui.domain.text import safe_text

if TYPE_CHECKING:
    from smoothtask_gui.domain.batch import Batch, ProcessExit

_KEY_BYTES: Final = EXITED.fields["first_ns"][1] if EXITED.fields is not None else 0
"""parent_pid, uid, cgroup_id and comm stand first in a row: their bytes are its key."""

Spent = tuple[str, int, int, int, int, int]  # comm, parent_pid, uid, count, run_ns, cgroup_id


def exited_rates(previous: Batch, current: Batch, interval_ns: int) -> tuple[ExitedRate, ...]:
    """What ended in the interval by name and parent, most CPU time first.

    () where the source doesn't see short-lived processes (/proc): what vanished contributes nothing. A row whose time
    ran backwards, or exceeds what all CPUs can give, is no reading and is left out.
    """
    if current.exited is None:
        return ()
    merged: dict[tuple[str, int], list[int]] = {}
    most_ns = most_run_ns(previous.system, current.system, interval_ns)
    for comm, parent_pid, uid, count, run_ns, cgroup_id in (
        *_rolled_up(previous, current),
        *_single(previous, current),
    ):
        if run_ns > most_ns:
            continue
        entry = merged.setdefault((comm, parent_pid), [uid, 0, 0, cgroup_id])
        entry[1] += count
        entry[2] += run_ns
    found = [
        ExitedRate(comm, parent_pid, uid, count, run_ns / interval_ns, cgroup_id)
        for (comm, parent_pid), (uid, count, run_ns, cgroup_id) in merged.items()
    ]
    return tuple(sorted(found, key=lambda row: (-row.cpu_ratio, row.comm, row.parent_pid)))


def _rolled_up(previous: Batch, current: Batch) -> list[Spent]:
    """The rows' growth. A row not seen before counts whole, but only if it began after the previous batch."""
    now = current.exited
    if now is None or not len(now):
        return []
    index = _key_positions(previous.exited, now)
    seen = index >= 0
    base_run = np.zeros(len(now), np.uint64)
    base_count = np.zeros(len(now), np.uint64)
    if previous.exited is not None and seen.any():
        before = previous.exited[np.maximum(index, 0)]
        seen &= before["first_ns"] == now["first_ns"]
        base_run[seen] = before["run_ns"][seen]
        base_count[seen] = before["count"][seen]
    fresh = ~seen & (now["first_ns"] >= max(0, previous.boottime_ns))
    grown = (seen | fresh) & (now["run_ns"] >= base_run) & (now["count"] > base_count)
    return [
        (
            safe_text(bytes(now["comm"][at])),
            int(now["parent_pid"][at]),
            int(now["uid"][at]),
            int(now["count"][at] - base_count[at]),
            int(now["run_ns"][at] - base_run[at]),
            int(now["cgroup_id"][at]),
        )
        for at in np.flatnonzero(grown)
    ]


def _key_positions(before: npt.NDArray[np.void] | None, now: npt.NDArray[np.void]) -> npt.NDArray[np.intp]:
    if before is None or not len(before):
        return np.full(len(now), -1, np.intp)
    known, wanted = _keys(before), _keys(now)
    if len(known) == len(wanted) and (known == wanted).all():
        return np.arange(len(now))
    order = np.argsort(known, kind="stable")
    index = order[np.minimum(np.searchsorted(known, wanted, sorter=order), len(known) - 1)]
    return np.where(known[index] == wanted, index, -1)


def _keys(rows: npt.NDArray[np.void]) -> npt.NDArray[np.bytes_]:
    flat = np.ascontiguousarray(rows).view(np.uint8).reshape(len(rows), EXITED.itemsize)[:, :_KEY_BYTES]
    return np.ascontiguousarray(flat).view(f"S{_KEY_BYTES}").ravel()


def _single(previous: Batch, current: Batch) -> list[Spent]:
    """Each exit's time beyond what a row already showed, in this batch or in the previous one.

    One that neither shows counts whole if it was born at most one interval before the previous batch: the kernel
    reports an exit a few ms after the row went, so it may fall between. An older one was shown by earlier batches.
    """
    exits = list({(event.pid, event.start_ns): event for event in current.exits if _fits(event)}.values())
    if not exits:
        return []
    pids = np.array([event.pid for event in exits], np.uint32)
    starts = np.array([event.start_ns for event in exits], np.uint64)
    shown = [(batch.processes, positions(batch.processes, pids, starts)) for batch in (current, previous)]
    oldest_ns = 2 * previous.boottime_ns - current.boottime_ns
    spent: list[Spent] = []
    for at, event in enumerate(exits):
        base = next((int(rows["run_ns"][index[at]]) for rows, index in shown if index[at] >= 0), None)
        if base is None:
            base = 0 if event.start_ns >= oldest_ns else event.run_ns
        run_ns = max(0, event.run_ns - base)
        spent.append((safe_text(event.comm), event.parent_pid, event.uid, 1, run_ns, 0))
    return spent


def _fits(event: ProcessExit) -> bool:
    return 0 <= event.pid < 1 << 32 and 0 <= event.start_ns < 1 << 64
