"""`smoothtask doctor`: what works, what doesn't, why, what to do. Exit code 1 if anything has failed."""

from __future__ import annotations

import dataclasses
import functools
import json
from typing import TYPE_CHECKING, Final

import platformdirs

from smoothtask_gui.cli import check_buses, check_focus, check_machine, check_software
from smoothtask_gui.cli.alerts import known_rules
from smoothtask_gui.cli.checks import Row, State, failed, guarded, ok
from smoothtask_gui.cli.failure import Failure
from smoothtask_gui.cli.rules import rule_statuses
from smoothtask_gui.domain.judging.status import State as RuleState
from smoothtask_gui.domain.text import safe_text
from smoothtask_gui.sources.names import AUTO

if TYPE_CHECKING:
    import argparse

_MARKS: Final = {State.OK: "ok     ", State.WARNING: "warning", State.FAILED: "FAILED "}


async def doctor(arguments: argparse.Namespace, version: str) -> int:
    """Run every check and print the rows."""
    rows: list[Row] = []
    folder = platformdirs.user_config_path("smoothtask")
    for name, check in (
        ("software", check_software.software),
        ("kernel", check_machine.kernel),
        ("proc", check_machine.machine),
        ("sensors", check_machine.sensors),
        ("hardware", check_machine.hardware),
        ("helper", functools.partial(check_buses.helper, version)),
        ("desktop", check_buses.desktop),
        ("windows", check_focus.windows),
        ("watching", watching),
        ("settings", functools.partial(check_machine.settings, folder)),
    ):
        rows += await guarded(name, check)
    if arguments.json:
        print(json.dumps([dataclasses.asdict(row) for row in rows], indent=1))
    else:
        print("\n".join(_to_line(row) for row in rows))
    return 1 if any(row.state is State.FAILED for row in rows) else 0


async def watching() -> list[Row]:
    """How many rules can be judged here."""
    try:
        found = await rule_statuses(known_rules(None), AUTO, quiet=True)
    except Failure as error:
        return [failed("watching", str(error))]
    blind = [status.name for status in found if status.state is RuleState.BLIND]
    said = f"{len(found) - len(blind)} of {len(found)} rules can be judged here"
    return [ok("watching", f"{said}; `smoothtask rules` says why {', '.join(blind)} can't" if blind else said)]


def _to_line(row: Row) -> str:
    remedy = f"\n                          → {safe_text(row.remedy)}" if row.remedy else ""
    return f"{_MARKS[row.state]} {row.check:<17} {safe_text(row.detail, 1000)}{remedy}"
