"""What shows why busy processes are busy, as rates: the readings of two batches compared."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from smoothtask_gui.domain.matching import positions

if TYPE_CHECKING:
    import numpy.typing as npt

    from smoothtask_gui.domain.batch import Batch

TRAIT: Final = np.dtype(
    [
        ("pid", "u4"),
        ("start_ns", "u8"),
        ("is_background", "f8"),  # 1: nice above 0, or SCHED_BATCH or SCHED_IDLE: it gives way to others by itself
        ("is_foreground", "f8"),  # 1: its terminal's foreground job
        ("lost_terminal", "f8"),  # 1: its terminal was closed
        ("is_telling", "f8"),  # 1: what passes through it is known, or will be at the next look
        ("passed_bps", "f8"),  # bytes read and written per second, pipes and caches included
    ]
)
"""Ordered by pid; NaN where unknown."""

_POLITE: Final = (3, 5)  # SCHED_BATCH, SCHED_IDLE: include/uapi/linux/sched.h


def trait_rates(previous: Batch, current: Batch) -> npt.NDArray[np.void] | None:
    """Dtype TRAIT; None where the source reads no traits. What passed is NaN at the first look."""
    now = current.traits
    if now is None:
        return None
    rows = np.zeros(len(now), TRAIT)
    if not len(now):
        return rows
    rows["pid"], rows["start_ns"] = now["pid"], now["start_ns"]
    rows["is_background"] = (now["nice"] > 0) | np.isin(now["policy"], _POLITE)
    rows["is_foreground"] = now["is_foreground"]
    rows["lost_terminal"] = np.where(now["lost_known"], now["lost_terminal"], np.nan)
    rows["is_telling"] = now["passed_known"]
    rows["passed_bps"] = np.nan
    before = previous.traits
    if before is not None and len(before):
        place = positions(before, now["pid"], now["start_ns"])
        known = (place >= 0) & now["passed_known"]
        known[known] &= before["passed_known"][place[known]]
        known[known] &= now["passed_bytes"][known] >= before["passed_bytes"][place[known]]
        passed = now["passed_bytes"][known] - before["passed_bytes"][place[known]]
        rows["passed_bps"][known] = passed * 1e9 / (current.boottime_ns - previous.boottime_ns)
    return rows
