"""Who used the processor in the last minute: the evidence behind every blame, with how it was found.

A share is an app's part of the processor's energy where that can be measured, else of its CPU time. Either is split by
CPU time and the clock that it was spent at, where that is known, and the method says which it was. What no app accounts
for is the rest and is shown as such; where nobody stands out or the CPU was hardly busy, nobody is blamed.
Where processes are hidden (hidepid) and those that are seen used less than half, the hidden ones are blamed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from smoothtask_gui.domain.incident import Share

HIDDEN: Final = Share("hidden processes", math.nan, None, "hidden")
"""Who stands for what only processes that can't be seen can have used; each with its own part."""


class Method(StrEnum):
    """How shares were found, in words for people."""

    MEASURED_CLOCK = "measured, split by CPU time and clock"
    MEASURED = "measured, split by CPU time"
    FREQUENCY = "estimated from CPU time and clock"
    CPU_TIME = "estimated from CPU time"

    @property
    def is_of_energy(self) -> bool:
        return self in (Method.MEASURED_CLOCK, Method.MEASURED)


BLAME_RATIO: Final = 0.2
"""Below this share nobody is named as the cause."""

SEEN_RATIO: Final = 1 / 2
"""Where processes are hidden and those that are seen used less than this of the CPU time, the hidden ones are the
cause: they did most of it, whoever they are (docs/laboratory.md)."""

BLAME_CORES: Final = 0.3
"""While all processes together use less than this, the CPU isn't what makes the heat."""


@dataclass(frozen=True, slots=True)
class Culprits:
    """The shares of a window, the largest first; `rest_ratio` is None while nothing has been measured."""

    shares: tuple[Share, ...] = ()
    rest_ratio: float | None = None
    window_ns: int = 0  # how much of the asked window was really measured
    busy_cores: float | None = None  # mean number of busy cores in the window
    method: Method = Method.CPU_TIME
    watts: float | None = None  # mean power of the processor in the window, None where it can't be measured

    @property
    def blamed(self) -> Share | None:
        """The share that stands out, None if none does."""
        if not self.shares or self.busy_cores is None or self.busy_cores < BLAME_CORES:
            return None
        return self.shares[0] if self.shares[0].ratio >= BLAME_RATIO else None
