"""The rules a person can set: frozen settings, and their reader.

A rules file is TOML, as documented in resources/rules/default.toml. What it leaves out keeps its default; what it
says wrong is refused as a whole with `RulesError`, naming file, line and key: half-read rules would watch for
something that nobody asked for.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from smoothtask_gui.domain.built_in import Notifications, Oom, Overheating, Runaway, read_built_in
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
            rules = replace(rules, **{name: read_built_in(name, getattr(rules, name), table, where)})
        else:
            declared[name] = read_rule(name, table, declared.get(name), where)
    if len(declared) > MOST_RULES:
        raise RulesError(f"{file}: there may be at most {MOST_RULES} rules, not {len(declared)}")
    return replace(rules, declared=tuple(declared[name] for name in sorted(declared)))
