"""What a person can set, and what values make sense.

One frozen `Settings` goes from the settings window to the app and to disk and back. Whoever reads one from outside
asks `problems` before using it: a setting is refused with a reason, never bent into shape.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Final

from smoothtask_gui.domain.rules import Overheating, Rules, Runaway

PERIODS_MS: Final = (250, 10_000)
GRAPH_SPANS_S: Final = (30, 600)
NOTIFICATIONS_PER_HOUR: Final = (0, 120)
MARGINS_C: Final = (0.0, 40.0)
CLEAR_MARGINS_C: Final = (1.0, 40.0)
CORES: Final = (0.05, 1024.0)
WAITS_S: Final = (0.0, 3_600.0)
COOLDOWNS_S: Final = (0.0, 86_400.0)


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything the settings window shows."""

    rules: Rules = field(default_factory=Rules)
    period_ms: int = 1_000
    graph_span_s: int = 60
    cpu_per_core: bool = True  # whether 100 % is one core or the whole machine
    autostart: bool = False


def problems(settings: Settings) -> dict[str, str]:
    """What can't be used, by setting ("runaway.clear_cores"): what is wrong and what is allowed; empty if all is well."""
    return {
        **_outside("period_ms", settings.period_ms, PERIODS_MS, "ms"),
        **_outside("graph_span_s", settings.graph_span_s, GRAPH_SPANS_S, "s"),
        **_outside("notifications_per_hour", settings.rules.notifications_per_hour, NOTIFICATIONS_PER_HOUR, "an hour"),
        **_overheating_problems(settings.rules.overheating),
        **_runaway_problems(settings.rules.runaway),
    }


def _overheating_problems(rule: Overheating) -> dict[str, str]:
    return {
        **_outside("overheating.margin_c", rule.margin_c, MARGINS_C, "°C"),
        **_outside("overheating.clear_margin_c", rule.clear_margin_c, CLEAR_MARGINS_C, "°C"),
        **_outside("overheating.for_s", rule.for_s, WAITS_S, "s"),
        **_outside("overheating.keep_firing_for_s", rule.keep_firing_for_s, WAITS_S, "s"),
        **_outside("overheating.cooldown_s", rule.cooldown_s, COOLDOWNS_S, "s"),
    }


def _runaway_problems(rule: Runaway) -> dict[str, str]:
    found = {
        **_outside("runaway.cores", rule.cores, CORES, "cores"),
        **_outside("runaway.clear_cores", rule.clear_cores, (0.0, CORES[1]), "cores"),
        **_outside("runaway.for_s", rule.for_s, WAITS_S, "s"),
        **_outside("runaway.keep_firing_for_s", rule.keep_firing_for_s, WAITS_S, "s"),
        **_outside("runaway.cooldown_s", rule.cooldown_s, COOLDOWNS_S, "s"),
    }
    if "runaway.clear_cores" not in found and rule.clear_cores > rule.cores:
        found["runaway.clear_cores"] = (
            f"The clear level ({rule.clear_cores:g} cores) is above the level that raises the alert "
            f"({rule.cores:g} cores); it must not be."
        )
    return found


def _outside(key: str, value: float, allowed: tuple[float, float], unit: str) -> dict[str, str]:
    low, high = allowed
    if math.isfinite(value) and low <= value <= high:
        return {}
    return {key: f"{key} is {value:g} {unit}; allowed is {low:g} to {high:g} {unit}."}
