"""`smoothtask probes`: which eBPF programs run, why others don't, and what each costs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from smoothtask_gui.adapters.sampler_client import SamplerClient
from smoothtask_gui.cli.check_buses import facts_while_running
from smoothtask_gui.cli.failure import Failure
from smoothtask_gui.cli.plain import shown_byte_range, shown_bytes
from smoothtask_gui.domain.text import safe_text
from smoothtask_gui.sources.protocol import SourceError

if TYPE_CHECKING:
    import argparse

    from smoothtask_gui.domain.own_cost import ProbeCost


async def probes(arguments: argparse.Namespace) -> int:
    """Print a row a probe, all loaded for the moment, the opt-in ones too. Raises Failure without the helper."""
    client = SamplerClient()
    try:
        facts = await facts_while_running(client)
    except SourceError as error:
        raise Failure(str(error)) from error
    finally:
        await client.close()
    if arguments.json:
        for probe in facts.probes:
            print(json.dumps(_to_json(probe)))
        return 0
    head = f"{'PROBE':<15} {'STATE':<11} {'EVENTS':>10} {'NS EACH':>8} {'MEMORY':>9} {'MAPS':>9}"
    print(f"{head}  {'MAPS RECKONED':<20}  REASON")
    for probe in facts.probes:
        print(_to_line(probe))
    return 0


def _to_json(probe: ProbeCost) -> dict[str, Any]:
    return {
        "name": probe.name,
        "state": probe.state,
        "reason": probe.reason,
        "events": probe.runs,
        "cost_per_event_ns": None if probe.ns_per_event is None else round(probe.ns_per_event, 1),
        "memory_bytes": probe.memory_bytes,
        "maps_estimated_bytes": probe.estimated_map_bytes,
        "maps_bytes": probe.map_bytes,
        "maps_full_bytes": probe.full_map_bytes,
    }


def _to_line(probe: ProbeCost) -> str:
    events = "?" if probe.runs is None else str(probe.runs)
    cost = "?" if probe.ns_per_event is None else f"{probe.ns_per_event:.0f}"
    line = f"{probe.name:<15} {probe.state:<11} {events:>10} {cost:>8} {shown_bytes(probe.memory_bytes):>9}"
    reckoned = probe.reckoned_map_bytes
    said = "?" if reckoned is None else shown_byte_range(*reckoned)
    return f"{line} {shown_bytes(probe.map_bytes):>9}  {said:<20}  {safe_text(probe.why, 1000)}".rstrip()
