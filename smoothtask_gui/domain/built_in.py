"""The tables of a rules file that have keys of their own: `[overheating]`, `[runaway]`, `[oom]`, `[notifications]`.

What they say beside that is what every rule says, under the same keys. A key of other rules that makes no sense here
is refused with the reason, and with the key that says it instead.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, TypeVar

from smoothtask_gui.domain.incident import Action, Severity
from smoothtask_gui.domain.judging.expression import Condition, condition
from smoothtask_gui.domain.judging.places import RulesError, nearest
from smoothtask_gui.domain.judging.reader import KEYS
from smoothtask_gui.domain.judging.rule import ENERGY
from smoothtask_gui.domain.judging.series import Scope, known_series
from smoothtask_gui.domain.judging.values import DAY_S, MOST_IGNORED, actions, flag, formula, number, strings, whole
from smoothtask_gui.domain.sensors import OwnLimits

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from smoothtask_gui.domain.judging.places import Places


_IN_USE: Final = condition("unused_s <= used_within_s")


class HeatSeverity(StrEnum):
    """What heat is: critical near a critical limit and a warning else, or always the same."""

    BY_LIMIT = "by_limit"
    WARNING = "warning"
    CRITICAL = "critical"


@dataclass(frozen=True, slots=True)
class Overheating:
    """A temperature near its own limit, a trip point crossed, or the processor throttled."""

    enabled: bool = True
    margin_c: float = 5.0  # fires at critical - margin; at max where the driver gives only that
    clear_margin_c: float = 8.0  # clears this far below the level it fired at
    limit_without_driver_c: float = 95.0  # fires there for a CPU sensor whose driver gives no limit (k10temp); 0: never
    limits_c: Mapping[str, float] = field(default_factory=dict)  # own limits, by sensor or pattern; 0: never
    for_s: float = 10.0
    keep_firing_for_s: float = 15.0
    cooldown_s: float = 300.0
    severity: HeatSeverity = HeatSeverity.BY_LIMIT
    critical_when: Condition | None = None
    unless: Condition | None = None
    blames: str = ENERGY  # "": nobody is named
    remedies: tuple[Action, ...] = (Action.SHOW, Action.STOP, Action.SNOOZE)
    ignore: tuple[str, ...] = ()  # sensors, by key, driver, label or pattern

    @property
    def own_limits(self) -> OwnLimits:
        return OwnLimits(self.limit_without_driver_c, self.limits_c)


@dataclass(frozen=True, slots=True)
class Runaway:
    """One app above a share of one core for long."""

    enabled: bool = True
    cores: float = 0.9  # 1.0 is one core
    clear_cores: float = 0.5
    used_within_s: float = 300.0  # an app whose window was in focus so lately is in use
    for_s: float = 60.0
    keep_firing_for_s: float = 15.0
    cooldown_s: float = 600.0
    severity: Severity = Severity.WARNING
    critical_when: Condition | None = None
    unless: Condition | None = _IN_USE
    remedies: tuple[Action, ...] = (Action.SHOW, Action.STOP, Action.SNOOZE)
    ignore: tuple[str, ...] = ()  # process names, as the kernel keeps them: at most 15 bytes


@dataclass(frozen=True, slots=True)
class Oom:
    """The kernel stopped a process because memory ran out."""

    enabled: bool = True
    open_for_s: float = 300.0  # how long the incident stays among the open ones
    cooldown_s: float = 0.0  # afterwards nothing is said about the same name for this long
    severity: Severity = Severity.CRITICAL
    critical_when: Condition | None = None
    unless: Condition | None = None
    remedies: tuple[Action, ...] = (Action.SHOW, Action.SNOOZE)
    ignore: tuple[str, ...] = ()  # names of processes and apps


@dataclass(frozen=True, slots=True)
class Notifications:
    """How often the rules together may speak; what exceeds it is only recorded."""

    per_hour: int = 12


Settings = TypeVar("Settings", Overheating, Runaway, Oom, Notifications)

_RANGES: Final[Mapping[str, tuple[float, float]]] = {
    "margin_c": (0, 40),
    "clear_margin_c": (1, 40),
    "limit_without_driver_c": (0, 150),
    "cores": (0.05, 1024),
    "clear_cores": (0.01, 1024),
    "used_within_s": (0, DAY_S),
    "for_s": (0, DAY_S),
    "keep_firing_for_s": (0, DAY_S),
    "cooldown_s": (0, DAY_S),
    "open_for_s": (1, DAY_S),
}
LIMIT_RANGE_C: Final = (30, 150)
MOST_LIMITS: Final = 256
_SEVERITIES: Final[Mapping[str, type[HeatSeverity | Severity]]] = {"overheating": HeatSeverity}
_SCOPES: Final = {"overheating": Scope.SENSOR, "runaway": Scope.APP, "oom": Scope.PROCESS}
_OF_AN_EVENT: Final = ("rss_bytes",)
"""The one series of a process that the kernel tells when it stops it."""

_TEXTS: Final = "its texts say which sensor, limit or event it was, which no fixed text could"
_FIXED: Final[Mapping[str, Mapping[str, str]]] = {
    "overheating": {
        **dict.fromkeys(
            ("when", "value", "level"), "each sensor has a limit of its own; margin_c and limits_c change it"
        ),
        "clear_when": "it is over clear_margin_c below the level it fired at",
        "share": "the shares are of the processor's energy",
        "lasting": "it is about sensors, which are of one piece",
        "forgives_dips": "below its level a sensor isn't too hot; what fires lasts until clear_margin_c below it",
        **dict.fromkeys(("title", "body", "over"), _TEXTS),
    },
    "runaway": {
        **dict.fromkeys(("when", "value", "level"), "they are made of `cores`"),
        "clear_when": "it is made of `clear_cores`",
        "blames": "it is for rules about neither apps nor processes",
        **dict.fromkeys(
            ("share", "lasting", "forgives_dips", "title", "body", "over"),
            "to have another, switch this rule off and make one under a name of your own",
        ),
    },
    "oom": {
        "for_s": "that the kernel stopped a process has no duration; it is told at once",
        "keep_firing_for_s": "what has happened doesn't end; open_for_s says how long it stays open",
        **dict.fromkeys(("when", "clear_when", "forgives_dips", "lasting"), "what is judged is an event, no value"),
        **dict.fromkeys(("value", "level", "share"), "its value is the memory of the process when it was stopped"),
        "blames": "whom the kernel stopped isn't who used the memory; memory_runs_out says who grew",
        **dict.fromkeys(("title", "body", "over"), "its texts say who was stopped, how big it was, and of which app"),
    },
    "notifications": {},
}
"""Keys of other rules that can't be set for these, and why."""


def read_built_in(name: str, settings: Settings, table: dict[str, Any], where: Places) -> Settings:
    """`settings` as `table` changes them. Raises RulesError naming file, line and key."""
    known = [entry.name for entry in fields(settings)]
    for key, value in table.items():
        place = f"{where.of(name, key)}: {name}.{key}"
        if key == "scope" and value == _SCOPES.get(name):
            continue
        if key not in known:
            raise RulesError(_not_known(name, key, known, where))
        try:
            read: Any = _limits(value, where) if key == "limits_c" else _value(name, key, getattr(settings, key), value)
            changed: dict[str, Any] = {key: read}
            settings = replace(settings, **changed)
        except RulesError as error:
            raise RulesError(str(error) if key == "limits_c" else f"{place} {error}") from None
        _check_names(name, read, place)
    if isinstance(settings, Runaway) and settings.clear_cores > settings.cores:
        raise RulesError(
            f"{where.of(name, 'clear_cores')}: runaway.clear_cores ({settings.clear_cores:g}) must not be above "
            f"runaway.cores ({settings.cores:g})"
        )
    return settings


def _not_known(name: str, key: str, known: list[str], where: Places) -> str:
    place = where.of(name, key)
    if key == "scope" and name in _SCOPES:
        return f"{place}: {name}.scope is {str(_SCOPES[name])!r} and can't be changed"
    reason = _FIXED[name].get(key)
    if reason is not None and key in KEYS:
        return f"{place}: {name}.{key} can't be set: {reason}"
    return f"{place}: unknown key {name}.{key}{nearest(key, known)}"


def _value(name: str, key: str, default: object, value: object) -> Any:
    if key in _READERS:
        return _READERS[key](name, value)
    if isinstance(default, bool):
        return flag(value)
    return number(value, *_RANGES[key])


def _severity(name: str, value: object) -> HeatSeverity | Severity:
    choices = _SEVERITIES.get(name, Severity)
    known = [str(choice) for choice in choices]
    if not isinstance(value, str) or value not in known:
        raise RulesError(f"must be one of {', '.join(map(repr, known))}, not {value!r}")
    return choices(value)


def _remedies(name: str, value: object) -> tuple[Action, ...]:
    found = actions(value)
    if name == "oom" and not set(found) <= set(Oom().remedies):
        raise RulesError("may hold 'show' and 'snooze' alone: the process is gone already")
    return found


def _blames(value: object) -> str:
    if value not in (ENERGY, ""):
        raise RulesError(f"must be {ENERGY!r}, or '' to name nobody, not {value!r}: nothing else heats a processor")
    return str(value)


_READERS: Final[Mapping[str, Callable[[str, object], Any]]] = {
    "severity": _severity,
    "remedies": _remedies,
    "blames": lambda _, value: _blames(value),
    "ignore": lambda _, value: strings(value, MOST_IGNORED),
    "per_hour": lambda _, value: whole(value, 0, 3600),
    **dict.fromkeys(("unless", "critical_when"), lambda _, value: None if value == "" else formula(condition, value)),
}


def _limits(value: object, where: Places) -> dict[str, float]:
    """Own limits by sensor. Raises RulesError with file, line and the sensor's name."""
    name = "overheating.limits_c"
    if not isinstance(value, dict):
        raise RulesError(f"{where.of('overheating', 'limits_c')}: {name} must be a table of sensors: write [{name}]")
    if len(value) > MOST_LIMITS:
        raise RulesError(f"{where.of(name)}: {name} may hold at most {MOST_LIMITS} sensors, not {len(value)}")
    limits: dict[str, float] = {}
    for sensor, limit_c in value.items():
        try:
            limits[sensor] = 0.0 if limit_c == 0 and limit_c is not False else number(limit_c, *LIMIT_RANGE_C)
        except RulesError as error:
            raise RulesError(f"{where.of(name, sensor)}: {name}.{sensor!r} {error} (°C; 0 for no alert)") from None
    return limits


def _check_names(name: str, read: object, place: str) -> None:
    """Every name in a formula is a series that is known when the rule is judged, or one of the rule's own numbers."""
    if not isinstance(read, Condition):
        return
    scope = _SCOPES[name]
    series = (*known_series(Scope.MACHINE), *_OF_AN_EVENT) if scope is Scope.PROCESS else tuple(known_series(scope))
    known = [*series, *(number for number in _RANGES if hasattr(_TABLES[name], number))]
    for series_name in read.names:
        if series_name not in known:
            raise RulesError(f"{place} names {series_name!r}, which is no series here{nearest(series_name, known)}")


_TABLES: Final = {"overheating": Overheating(), "runaway": Runaway(), "oom": Oom()}
