"""What a person can set, and what values make sense.

One frozen `Settings` goes from the settings window to the app and to disk and back. Rules have their own reader and
ranges (`domain/rules.py`); `problems` judges the rest, and what only holds between two values. A setting is refused
with a reason, never bent into shape.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from smoothtask_gui.domain.quiet_hours import parse_quiet_hours
from smoothtask_gui.domain.rules import Rules

PERIODS_MS: Final = (250, 10_000)
GRAPH_SPANS_S: Final = (30, 600)
PAUSES_MIN: Final = (1, 24 * 60)


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything the settings window shows."""

    rules: Rules = field(default_factory=Rules)
    period_ms: int = 1_000
    graph_span_s: int = 60
    cpu_per_core: bool = True  # whether 100 % is one core or the whole machine
    autostart: bool = False
    record_history: bool = True
    respect_do_not_disturb: bool = True
    respect_full_screen: bool = True
    quiet_hours: str = ""  # "22:00-07:00" in local time, "" for none
    pause_minutes: int = 30  # how long a paused app stays so if nobody resumes it


def problems(settings: Settings) -> dict[str, str]:
    """What can't be used, by setting ("runaway.clear_cores"): what is wrong, what is allowed; empty if all is well."""
    runaway = settings.rules.runaway
    found = {
        **_outside("period_ms", settings.period_ms, PERIODS_MS, "ms"),
        **_outside("graph_span_s", settings.graph_span_s, GRAPH_SPANS_S, "s"),
        **_outside("pause_minutes", settings.pause_minutes, PAUSES_MIN, "min"),
    }
    try:
        parse_quiet_hours(settings.quiet_hours)
    except ValueError as error:
        found["quiet_hours"] = f"quiet_hours: {error}"
    if runaway.clear_cores > runaway.cores:
        found["runaway.clear_cores"] = (
            f"runaway.clear_cores is {runaway.clear_cores:g}; it must not be above runaway.cores ({runaway.cores:g})."
        )
    return found


def _outside(key: str, value: int, allowed: tuple[int, int], unit: str) -> dict[str, str]:
    low, high = allowed
    return {} if low <= value <= high else {key: f"{key} is {value} {unit}; allowed is {low} to {high} {unit}."}
