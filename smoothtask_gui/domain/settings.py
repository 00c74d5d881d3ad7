"""What a person can set, and what values make sense.

One frozen `Settings` goes from the settings window to the app and to disk and back. Rules have their own reader and
ranges (`domain/rules.py`); `problems` judges the rest, and what only holds between two values. A setting is refused
with a reason, never bent into shape.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from smoothtask_gui.domain.rules import Rules

PERIODS_MS: Final = (250, 10_000)
GRAPH_SPANS_S: Final = (30, 600)


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything the settings window shows."""

    rules: Rules = field(default_factory=Rules)
    period_ms: int = 1_000
    graph_span_s: int = 60
    cpu_per_core: bool = True  # whether 100 % is one core or the whole machine
    autostart: bool = False
    record_history: bool = True


def problems(settings: Settings) -> dict[str, str]:
    """What can't be used, by setting ("runaway.clear_cores"): what is wrong, what is allowed; empty if all is well."""
    runaway = settings.rules.runaway
    found = {
        **_outside("period_ms", settings.period_ms, PERIODS_MS, "ms"),
        **_outside("graph_span_s", settings.graph_span_s, GRAPH_SPANS_S, "s"),
    }
    if runaway.clear_cores > runaway.cores:
        found["runaway.clear_cores"] = (
            f"runaway.clear_cores is {runaway.clear_cores:g}; it must not be above runaway.cores ({runaway.cores:g})."
        )
    return found


def _outside(key: str, value: int, allowed: tuple[int, int], unit: str) -> dict[str, str]:
    low, high = allowed
    return {} if low <= value <= high else {key: f"{key} is {value} {unit}; allowed is {low} to {high} {unit}."}
