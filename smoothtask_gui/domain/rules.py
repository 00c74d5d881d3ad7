"""The rules a person can set: frozen settings, and their reader.

A rules file is TOML, as documented in resources/rules/default.toml. What it leaves out keeps its default; what it
says wrong is refused as a whole with `RulesError`, naming file, line and key: half-read rules would watch for
something that nobody asked for.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, Final, TypeVar

from smoothtask_gui.domain.incident import Severity
from smoothtask_gui.domain.judging.places import Places, RulesError, nearest
from smoothtask_gui.domain.judging.reader import read_rule

if TYPE_CHECKING:
    from smoothtask_gui.domain.judging.rule import Rule

__all__ = [
    "BUILT_IN",
    "Notifications",
    "Oom",
    "Overheating",
    "Rules",
    "RulesError",
    "Runaway",
    "parse_rules",
]


@dataclass(frozen=True, slots=True)
class Overheating:
    """A temperature near its own limit, a trip point crossed, or the processor throttled."""

    enabled: bool = True
    margin_c: float = 5.0  # fires at critical - margin; at max where the driver gives only that
    clear_margin_c: float = 8.0  # clears this far below the level it fired at
    limit_without_driver_c: float = 95.0  # fires there for a CPU sensor whose driver gives no limit (k10temp); 0: never
    for_s: float = 10.0
    keep_firing_for_s: float = 15.0
    cooldown_s: float = 300.0


@dataclass(frozen=True, slots=True)
class Runaway:
    """One process above a share of one core for long."""

    enabled: bool = True
    cores: float = 0.9  # 1.0 is one core
    clear_cores: float = 0.5
    used_within_s: float = 300.0  # an app whose window was in focus so lately is in use
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
class Notifications:
    """How often the rules together may speak; what exceeds it is only recorded."""

    per_hour: int = 12


@dataclass(frozen=True, slots=True)
class Rules:
    """All that a rules file says."""

    overheating: Overheating = field(default_factory=Overheating)
    runaway: Runaway = field(default_factory=Runaway)
    oom: Oom = field(default_factory=Oom)
    notifications: Notifications = field(default_factory=Notifications)
    declared: tuple[Rule, ...] = ()  # by name

    @property
    def names(self) -> tuple[str, ...]:
        """What `Incident.rule` may be."""
        return (*BUILT_IN, *(rule.name for rule in self.declared))


BUILT_IN: Final = ("overheating", "runaway", "oom")
"""Rules that are judged by code of their own: events that need no `for`, and groups of sensors."""

MOST_RULES: Final = 128


def parse_rules(text: str, file: str, shipped: Rules | None = None) -> Rules:
    """The rules that `text` says, those of `shipped` for what it leaves out.

    `file` is only named in messages. Raises RulesError: not TOML, a table or key that doesn't exist (with the nearest
    that does), a value of another type or out of its range, a formula that can't be read or names no series.
    """
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise RulesError(f"{file}: not valid TOML: {error}") from error
    where = Places(file, text)
    rules = shipped or Rules()
    typed = [*BUILT_IN, "notifications"]
    declared = {rule.name: rule for rule in rules.declared}
    for name, table in tables.items():
        is_new = name not in typed and name not in declared
        if is_new and not (isinstance(table, dict) and "when" in table):
            hint = nearest(name, [*typed, *declared])
            raise RulesError(f"{where.of(name)}: unknown table or key {name!r}{hint} (a new rule needs scope and when)")
        if not isinstance(table, dict):
            raise RulesError(f"{where.of(name)}: {name} must be a table: write [{name}] on a line of its own")
        if name in typed:
            rules = replace(rules, **{name: _settings(getattr(rules, name), name, table, where)})
        else:
            declared[name] = read_rule(name, table, declared.get(name), where)
    if len(declared) > MOST_RULES:
        raise RulesError(f"{file}: there may be at most {MOST_RULES} rules, not {len(declared)}")
    return replace(rules, declared=tuple(declared[name] for name in sorted(declared)))


_Settings = TypeVar("_Settings", Overheating, Runaway, Oom, Notifications)
_DAY_S: Final = 86_400

# key: lowest and highest value allowed
_RANGES: Final[dict[str, tuple[float, float]]] = {
    "margin_c": (0, 40),
    "clear_margin_c": (1, 40),
    "limit_without_driver_c": (0, 150),
    "cores": (0.05, 1024),
    "clear_cores": (0.01, 1024),
    "used_within_s": (0, _DAY_S),
    "for_s": (0, _DAY_S),
    "keep_firing_for_s": (0, _DAY_S),
    "cooldown_s": (0, _DAY_S),
    "open_for_s": (1, _DAY_S),
    "per_hour": (0, 3600),
}
_MOST_IGNORED: Final = 256


def _settings(settings: _Settings, name: str, table: dict[str, Any], where: Places) -> _Settings:
    known = [entry.name for entry in fields(settings)]
    for key, value in table.items():
        place = f"{where.of(name, key)}: {name}.{key}"
        if key not in known:
            raise RulesError(f"{where.of(name, key)}: unknown key {name}.{key}{nearest(key, known)}")
        try:
            settings = replace(settings, **{key: _value(key, getattr(settings, key), value)})
        except RulesError as error:
            raise RulesError(f"{place} {error}") from None
    if isinstance(settings, Runaway) and settings.clear_cores > settings.cores:
        raise RulesError(
            f"{where.of(name, 'clear_cores')}: runaway.clear_cores ({settings.clear_cores:g}) must not be above "
            f"runaway.cores ({settings.cores:g})"
        )
    return settings


def _value(key: str, default: object, value: object) -> Any:
    if isinstance(default, Severity):
        if value not in list(Severity):
            raise RulesError(f"must be one of {', '.join(repr(str(level)) for level in Severity)}, not {value!r}")
        return Severity(str(value))
    if isinstance(default, tuple):
        return _names(value)
    if isinstance(default, bool):
        if not isinstance(value, bool):
            raise RulesError(f"must be true or false, not {value!r}")
        return value
    low, high = _RANGES[key]
    whole = isinstance(default, int)
    number = "a whole number" if whole else "a number"
    if isinstance(value, bool) or not isinstance(value, int if whole else int | float):
        raise RulesError(f"must be {number} from {low:g} to {high:g}, not {value!r}")
    if not low <= value <= high:  # NaN fails it too
        raise RulesError(f"must be {number} from {low:g} to {high:g}, not {value!r}")
    return value if whole else float(value)


def _names(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise RulesError(f'must be a list of process names such as ["cc1", "rustc"], not {value!r}')
    if len(value) > _MOST_IGNORED:
        raise RulesError(f"may hold at most {_MOST_IGNORED} names, not {len(value)}")
    return tuple(value)
