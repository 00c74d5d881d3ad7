"""Finding the same process again: by pid and start time, never by pid alone."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

START_TOLERANCE_NS = 20_000_000
"""/proc gives start times in ticks of 10 ms (proc_pid_stat(5), USER_HZ), the kernel's iterator in ns."""


def positions(
    rows: npt.NDArray[np.void], pids: npt.NDArray[np.unsignedinteger], starts_ns: npt.NDArray[np.unsignedinteger]
) -> npt.NDArray[np.intp]:
    """Where each (pid, start) stands in `rows`, shape (len(pids),); -1 where it doesn't.

    `rows` has fields pid and start_ns and is ordered by pid; if it isn't, it is ordered here at some cost.
    """
    if not len(rows) or not len(pids):
        return np.full(len(pids), -1, np.intp)
    if _are_these(rows, pids, starts_ns):
        return np.arange(len(rows))  # the usual second: nobody came or went
    known = np.ascontiguousarray(rows["pid"])
    order = None
    if not (known[1:] >= known[:-1]).all():
        order = np.argsort(known, kind="stable")
        known = known[order]
    index = np.minimum(np.searchsorted(known, pids), len(known) - 1)
    if order is not None:
        index = order[index]
    same = (rows["pid"][index] == pids) & (rows["start_ns"][index] == starts_ns)
    return np.where(same, index, -1)


def are_of_same(one: npt.NDArray[np.void], other: npt.NDArray[np.void]) -> bool:
    """Whether two sets of rows are of the same processes in one order."""
    return _are_these(one, other["pid"], other["start_ns"])


def _are_these(
    rows: npt.NDArray[np.void], pids: npt.NDArray[np.unsignedinteger], starts_ns: npt.NDArray[np.unsignedinteger]
) -> bool:
    return len(rows) == len(pids) and bool((rows["pid"] == pids).all() and (rows["start_ns"] == starts_ns).all())


def are_same(one: npt.NDArray[np.void], other: npt.NDArray[np.void]) -> bool:
    """As `are_of_same`, and under the same names in the same cgroups."""
    return are_of_same(one, other) and all((one[name] == other[name]).all() for name in ("cgroup_id", "comm"))


def have_ended(rows: npt.NDArray[np.void]) -> npt.NDArray[np.bool_]:
    """Which processes have ended and only wait for their parent to ask how: zombies (proc_pid_stat(5), state).

    One whose first thread has ended is none while its others run.
    """
    ended: npt.NDArray[np.bool_] = np.isin(rows["state"], (b"Z", b"X")) & (rows["threads"] <= 1)
    return ended


def row_of(rows: npt.NDArray[np.void], pid: int, start_ns: int) -> int | None:
    """The row of one process, its start time told by any source; None if it is gone."""
    for index in np.flatnonzero(rows["pid"] == pid):
        if is_same_start(int(rows["start_ns"][index]), start_ns):
            return int(index)
    return None


def is_same_start(one_ns: int | None, other_ns: int) -> bool:
    """Whether two sources may have told the same start; None is no start."""
    return one_ns is not None and abs(one_ns - other_ns) <= START_TOLERANCE_NS
