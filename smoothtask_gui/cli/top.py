"""`smoothtask top`: one sample a tick, as JSON lines or as a table."""

from __future__ import annotations

import json
import os
import shutil
import sys
from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from smoothtask_gui.cli.items import items
from smoothtask_gui.cli.sample_json import sample_to_json
from smoothtask_gui.cli.table import table
from smoothtask_gui.domain.apps import AppGrouper
from smoothtask_gui.domain.batch import Batch, KernelEvent
from smoothtask_gui.domain.mounts import with_mounts
from smoothtask_gui.domain.rates import rates
from smoothtask_gui.sources.mounts import mount_points
from smoothtask_gui.sources.names import RECORDING

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from smoothtask_gui.domain.sample import Sample

HOME_AND_CLEAR: Final = "\x1b[H\x1b[J"
PLAIN_ROWS: Final = 20
"""Processes shown a tick where the output is no terminal."""


async def top(arguments: argparse.Namespace) -> int:
    """Print samples until `--count`, the end of a recording or a signal."""
    show = _show_json if arguments.json else _show_table
    previous: Batch | None = None
    grouper = AppGrouper()
    events: list[KernelEvent] = []
    left: int | None = arguments.count
    async with aclosing(items(arguments.source, arguments.period_ms, arguments.opt_in)) as found:
        async for item in found:
            if isinstance(item, KernelEvent):
                events.append(item)
            if not isinstance(item, Batch):
                continue
            grouper.learn(item.origins)
            sample = rates(previous, item) if previous is not None else None
            previous = item
            if sample is None:
                continue
            if sample.activity.file_systems and not arguments.source.startswith(RECORDING):
                sample = replace(sample, activity=with_mounts(sample.activity, mount_points()))
            show(grouper.group(sample), events)
            events.clear()
            if left is not None:
                left -= 1
                if left == 0:
                    break
    return 0


def _show_json(sample: Sample, events: Sequence[KernelEvent]) -> None:
    print(json.dumps(sample_to_json(sample, events), allow_nan=False), flush=True)


def _show_table(sample: Sample, _events: Sequence[KernelEvent]) -> None:
    if not sys.stdout.isatty():
        print("\n".join([*table(sample, None, PLAIN_ROWS), ""]), flush=True)
        return
    columns, lines = shutil.get_terminal_size()
    start = "" if os.environ.get("TERM") == "dumb" else HOME_AND_CLEAR
    print(start + "\n".join(table(sample, columns, max(1, lines - 6))), end="\n", flush=True)
