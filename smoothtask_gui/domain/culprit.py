"""Who spent the CPU time of the last minute: the evidence behind every blame.

An estimate by CPU time, not by energy, and said so. What no process accounts for is the rest and is shown as such;
where nobody stands out or the CPU was hardly busy, nobody is blamed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from smoothtask_gui.domain.incident import Share

METHOD: Final = "estimated from CPU time"
BLAME_RATIO: Final = 0.2
"""Below this share of the CPU time nobody is named as the cause."""

BLAME_CORES: Final = 0.3
"""While all processes together use less than this, the CPU isn't what makes the heat."""


@dataclass(frozen=True, slots=True)
class Culprits:
    """The shares of a window, the largest first; `rest_ratio` is None while nothing has been measured."""

    shares: tuple[Share, ...] = ()
    rest_ratio: float | None = None
    window_ns: int = 0  # how much of the asked window was really measured
    busy_cores: float | None = None  # mean number of busy cores in the window

    @property
    def blamed(self) -> Share | None:
        """The share that stands out, None if none does."""
        if not self.shares or self.busy_cores is None or self.busy_cores < BLAME_CORES:
            return None
        return self.shares[0] if self.shares[0].ratio >= BLAME_RATIO else None
