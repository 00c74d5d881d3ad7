"""Scale steps of a graph: round numbers that hold still.

A scale that follows each peak makes every curve lie about the one before. So the top grows at once when a value would
leave the graph, and shrinks only when the highest value in view has fallen below a third of it.
"""

from __future__ import annotations

import math
from typing import Final

_STEPS: Final = (1.0, 2.0, 5.0, 10.0)
_SHRINK_BELOW: Final = 0.33
_HEADROOM: Final = 1.1


def nice_top(peak: float) -> float:
    """The least 1, 2 or 5 times a power of ten that is not below `peak` (> 0)."""
    power = 10.0 ** math.floor(math.log10(peak))
    return next(step * power for step in _STEPS if step * power >= peak * (1 - 1e-9))


def next_top(top: float, peak: float, least: float, most: float = math.inf) -> float:
    """The scale's new top, given the old one and the highest value in view (NaN: nothing in view).

    `least` is the smallest top worth showing: below it a graph would only magnify noise. `most` is where the values
    end by nature.
    """
    if not math.isfinite(peak):
        return max(top, least)
    wanted = min(most, max(least, nice_top(peak * _HEADROOM))) if peak > 0 else least
    if peak > top or (wanted < top and peak < top * _SHRINK_BELOW):
        return wanted
    return max(top, least)
