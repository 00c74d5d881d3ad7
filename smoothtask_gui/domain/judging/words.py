"""Texts of rules: {series} in braces becomes its value with its unit."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Final

from smoothtask_gui.domain.text import celsius, duration, percent, size, three_digits

if TYPE_CHECKING:
    from collections.abc import Mapping

_PLACEHOLDER: Final = re.compile(r"\{([a-z_0-9]*)\}")
TEXTS: Final = (
    "name",
    "process",
    "parent",
    "age",
    "lasted",
    "value",
    "mean",
    "peak",
    "level",
    "culprit",
    "culprit_value",
    "shares",
)
"""What a text may hold beside series: the target's name, its process that has most if that is called differently, its
parent's and its age, for how long it has lasted, the rule's own formulas, and who is blamed first."""

MOST: Final = "most_"
"""{most_SERIES} is the app with most of a series, with its value: who waits, who grew."""

_MEASURES: Final = {
    "cpu_cores": "CPU time",
    "spinning_cores": "CPU time",
    "rss_bytes": "resident memory",
    "grown_bytes": "growth of resident memory",
    "write_bps": "bytes written",
    "major_faults_per_s": "waits for memory from storage",
    "exited_per_s": "processes that ended",
    "gpu_ratio": "use of the graphics card",
}


def measure(series: str) -> str:
    """What a share of this series is a share of, as in "measured by CPU time"."""
    return f"measured by {counted(series)}"


def counted(series: str) -> str:
    """What a series counts, as in "CPU time"."""
    return _MEASURES.get(series, series.replace("_", " "))


def placeholders(text: str) -> tuple[str, ...]:
    return tuple(_PLACEHOLDER.findall(text))


def filled(text: str, words: Mapping[str, str]) -> str | None:
    """`text` with each {word} replaced; None if one of them is missing."""
    if any(not words.get(name) for name in placeholders(text)):
        return None
    return _PLACEHOLDER.sub(lambda found: words[found[1]], text)


def shown(name: str, value: float) -> str:
    """A value as people read it, by the unit in its series' name; "" if it is missing.

    Without any resident memory a process has ended: there is nothing to tell of it.
    """
    if math.isnan(value) or (name == "rss_bytes" and not value):
        return ""
    for suffix, show in _UNITS:
        if name.endswith(suffix):
            return show(value)
    return three_digits(value)


def _span(seconds: float) -> str:
    return duration(round(seconds * 1e9)) if math.isfinite(seconds) else ""  # no end in sight: nothing to say


_UNITS: Final = (
    ("_bytes", size),
    ("_bps", lambda value: f"{size(value)}/s"),
    ("_ratio", percent),
    ("_per_s", lambda value: f"{three_digits(value)} a second"),
    ("_per_min", lambda value: f"{three_digits(value)} a minute"),
    ("_ms", lambda value: f"{three_digits(value)} ms"),
    ("_s", _span),
    ("_c", celsius),
    ("_w", lambda value: f"{three_digits(value)} W"),
    ("_rpm", lambda value: f"{value:.0f} rpm"),
    ("_cores", lambda value: f"{three_digits(value)} {'core' if three_digits(value) == '1' else 'cores'}"),
)
