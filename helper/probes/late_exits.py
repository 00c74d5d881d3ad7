"""Exits of which nobody heard: processes that have exited, were reaped, and are not freed a long time after.

The kernel frees a task some ten milliseconds after it was reaped, up to ten seconds with CONFIG_RCU_LAZY. A later one
is counted as lost; should it come all the same, it is counted in both. Costs a pass over all tasks only when the number
of old exits has changed, and once a minute while there are any.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import mmap
    from collections.abc import Callable

LATE_NS: Final = 15 * 10**9
EPOCHS: Final = 16  # ST_EPOCHS, bpf/settings.h
YOUNG_EPOCHS: Final = 4  # the one that runs, and three whole ones
WAITING: Final = struct.Struct(f"@{EPOCHS}q")
COUNTING: Final = struct.Struct("@II")  # first_young_epoch and unreaped, which follow `waiting`
AGAIN_NS: Final = 60 * 10**9


class LateExits:
    """Reads the epochs in `settings` (struct st_process_settings) at `offset`."""

    def __init__(self, settings: mmap.mmap, offset: int, late_ns: int, pass_over_tasks: Callable[[], object]) -> None:
        """`late_ns` as the programs have it: three of their epochs. `pass_over_tasks` runs count_unreaped."""
        self._settings = settings
        self._offset = offset
        self._epoch_ns = epoch_ns(late_ns)
        self._pass_over_tasks = pass_over_tasks
        self._settled = [0] * EPOCHS
        self._seen = 0
        self._again_ns = 0
        self._lost = 0

    def lost(self, now_ns: int) -> int:
        """How many so far; `now_ns` is boot time. Never less than before. Raises LoaderError if the pass fails."""
        young = now_ns // self._epoch_ns - YOUNG_EPOCHS + 1
        young_slots = {(young + index) % EPOCHS for index in range(YOUNG_EPOCHS)}
        for slot, waiting in enumerate(WAITING.unpack_from(self._settings, self._offset)):
            if slot not in young_slots:
                self._settled[slot] = waiting
        old = sum(self._settled)
        if old > self._lost and (old != self._seen or now_ns >= self._again_ns):
            self._seen, self._again_ns = old, now_ns + AGAIN_NS
            self._lost = max(self._lost, old - self._count_unreaped(young))
        return self._lost

    def _count_unreaped(self, young: int) -> int:
        COUNTING.pack_into(self._settings, self._offset + WAITING.size, young, 0)
        self._pass_over_tasks()
        return int(COUNTING.unpack_from(self._settings, self._offset + WAITING.size)[1])


def epoch_ns(late_ns: int) -> int:
    """The length of an epoch with which an exit is called late after `late_ns` at the earliest."""
    return late_ns // (YOUNG_EPOCHS - 1)
