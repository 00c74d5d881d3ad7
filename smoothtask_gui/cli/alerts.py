"""`smoothtask alerts`: the rules over a source, live or recorded; the same recording gives the same lines."""

from __future__ import annotations

import dataclasses
import json
import math
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from smoothtask_gui.adapters.files import FileError, read_text
from smoothtask_gui.adapters.shipped_rules import shipped_rules
from smoothtask_gui.cli.failure import Failure
from smoothtask_gui.cli.items import items
from smoothtask_gui.cli.span import Span
from smoothtask_gui.domain.batch import Batch
from smoothtask_gui.domain.effects import Effect, Record
from smoothtask_gui.domain.monitor import Monitor
from smoothtask_gui.domain.rules import Rules, RulesError, parse_rules
from smoothtask_gui.domain.text import safe_text
from smoothtask_gui.sources.protocol import SourceChanged

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    from smoothtask_gui.domain.incident import Incident
    from smoothtask_gui.sources.protocol import Item


async def alerts(arguments: argparse.Namespace) -> int:
    """Print each incident when it begins and when it ends, until `--seconds`, the recording's end or a signal."""
    monitor = Monitor(known_rules(arguments.rules))
    span = Span(arguments.seconds)
    async with aclosing(items(arguments.source, arguments.period_ms)) as found:
        async for item in found:
            if span.ends_before(item):
                break
            for effect in judge(monitor, item):
                if isinstance(effect, Record):
                    line = (
                        json.dumps(incident_to_json(effect.incident))
                        if arguments.json
                        else incident_to_line(effect.incident)
                    )
                    print(line, flush=True)
    return 0


def known_rules(path: Path | None) -> Rules:
    """The shipped rules, changed by what a file says. Raises Failure, naming file, line and key."""
    try:
        shipped = shipped_rules()
        if path is None:
            return shipped
        text = read_text(path)
        if text is None:
            raise Failure(f"the rules in {path} can't be read: there is no such file")
        return parse_rules(text, str(path), shipped)
    except (FileError, RulesError) as error:
        raise Failure(str(error)) from error


def judge(monitor: Monitor, item: Item) -> tuple[Effect, ...]:
    """What `monitor` makes of one item of a source."""
    if isinstance(item, Batch):
        return monitor.receive_batch(item)
    if isinstance(item, SourceChanged):
        return monitor.source_changed(item.source, item.reason)
    return monitor.receive_event(item)


def incident_to_json(incident: Incident) -> dict[str, Any]:
    """An incident as docs/cli.md promises it."""
    target = incident.target
    return {
        **_finite(dataclasses.asdict(incident)),
        "target": None if target is None else dataclasses.asdict(target),
    }


def _finite(value: Any) -> Any:
    """The same without NaN and infinity, which JSON doesn't have."""
    if isinstance(value, dict):
        return {name: _finite(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def incident_to_line(incident: Incident) -> str:
    """An incident in one line, for a terminal."""
    body = incident.body.replace("\n", "; ")
    return safe_text(f"{incident.state} ({incident.severity}): {incident.title}: {body}", 600)
