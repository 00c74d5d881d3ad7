"""`smoothtask rules`: what is watched for, whether that can be judged here, and whether a rules file is right."""

from __future__ import annotations

import dataclasses
import json
from contextlib import aclosing
from typing import TYPE_CHECKING, Final

from smoothtask_gui.cli.alerts import known_rules
from smoothtask_gui.cli.failure import Failure
from smoothtask_gui.cli.items import items
from smoothtask_gui.domain.batch import Batch
from smoothtask_gui.domain.judging.status import State
from smoothtask_gui.domain.monitor import Monitor
from smoothtask_gui.domain.text import safe_text

if TYPE_CHECKING:
    import argparse

    from smoothtask_gui.domain.judging.status import RuleStatus
    from smoothtask_gui.domain.rules import Rules

_WORDS: Final = {State.OFF: "off", State.WATCHING: "watching", State.BLIND: "can't be judged here"}


async def rules(arguments: argparse.Namespace) -> int:
    """List the rules with their state, or with `--check` only read a file. Raises Failure."""
    if arguments.check is not None:
        checked = known_rules(arguments.check)
        print(safe_text(f"{arguments.check} is right: {len(checked.names)} rules.", 1000))
        return 0
    for status in await rule_statuses(known_rules(arguments.rules), arguments.source):
        print(json.dumps(dataclasses.asdict(status)) if arguments.json else _to_line(status))
    return 0


async def rule_statuses(known: Rules, source: str, *, quiet: bool = False) -> list[RuleStatus]:
    """Each rule's state after two readings of a source. Raises Failure if it ends before."""
    monitor = Monitor(known)
    async with aclosing(items(source, 250, quiet=quiet)) as found:
        async for item in found:
            if isinstance(item, Batch):
                monitor.receive_batch(item)
            if monitor.sample is not None:
                return monitor.rule_statuses()
    raise Failure("the source ended before two readings had come")


def _to_line(status: RuleStatus) -> str:
    lacks = f": {'; '.join(status.missing)}" if status.missing else ""
    return safe_text(f"{status.name:<18} {status.scope:<12} {_WORDS[status.state]}{lacks}", 600)
