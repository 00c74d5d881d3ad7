"""Who is looking: how much of other users' processes a reading may show.

The task snapshot is masked in the kernel, before a byte reaches the helper; roll-ups and events are masked here, by
the same three rules (`enum st_visibility` in bpf/records.h). A process is one's own only if its real, effective and
saved uid are all the viewer's.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class Mode(IntEnum):
    """`enum st_visibility`."""

    SEES_ALL = 1
    SEES_AS_PROC = 2
    SEES_OWN = 3


@dataclass(frozen=True, slots=True)
class Visibility:
    """One class of viewers; `uid` has no meaning in SEES_ALL."""

    mode: Mode
    uid: int
