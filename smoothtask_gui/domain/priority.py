"""How much a process gets when others want it too, in the steps that a person chooses from."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from smoothtask_gui.domain.incident import Action


class IoClass(IntEnum):
    """include/uapi/linux/ioprio.h; realtime isn't offered."""

    BY_NICE = 0
    BEST_EFFORT = 2
    IDLE = 3


@dataclass(frozen=True, slots=True)
class Priority:
    """`nice` -20 (first) to 19; `io_level` 0 (first) to 7 within BEST_EFFORT, else 0."""

    nice: int
    io_class: IoClass = IoClass.BY_NICE
    io_level: int = 0


STEPS: Final = {
    Action.NORMAL: Priority(0),
    Action.LOWER: Priority(10),
    Action.LOWEST: Priority(19, IoClass.IDLE),
}
