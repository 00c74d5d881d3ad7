"""The rules a person can set: frozen settings, and their reader.

A rules file is TOML, as documented in resources/rules/default.toml. What it leaves out keeps its default; what it
says wrong is refused as a whole with `RulesError`, naming file, line and key: half-read rules would watch for
something that nobody asked for.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from smoothtask_gui.domain.incident import Severity

SECOND_NS: Final = 1_000_000_000


class RulesError(ValueError):
    """The rules can't be used; the message says what is wrong, where, and what is allowed."""


@dataclass(frozen=True, slots=True)
class Overheating:
    """A temperature near its own limit, a trip point crossed, or the processor throttled."""

    enabled: bool = True
    margin_c: float = 5.0  # fires at critical - margin; at max where the driver gives only that
    clear_margin_c: float = 8.0  # clears this far below the level it fired at
    for_s: float = 10.0
    keep_firing_for_s: float = 15.0
    cooldown_s: float = 300.0


@dataclass(frozen=True, slots=True)
class Runaway:
    """One process above a share of one core for long."""

    enabled: bool = True
    cores: float = 0.9  # 1.0 is one core
    clear_cores: float = 0.5
    for_s: float = 60.0
    keep_firing_for_s: float = 15.0
    cooldown_s: float = 600.0
    severity: Severity = Severity.WARNING
    ignore: tuple[str, ...] = ()  # process names, as the kernel keeps them: at most 15 bytes


@dataclass(frozen=True, slots=True)
class Oom:
    """The kernel stopped a process because memory ran out."""

    enabled: bool = True
    open_for_s: float = 300.0  # how long the incident stays among the open ones


@dataclass(frozen=True, slots=True)
class Rules:
    """All rules, and how often they may speak."""

    overheating: Overheating = field(default_factory=Overheating)
    runaway: Runaway = field(default_factory=Runaway)
    oom: Oom = field(default_factory=Oom)
    notifications_per_hour: int = 12


RULE_NAMES: Final = ("overheating", "runaway", "oom")
