"""What these examples share: a source by its name, and the samples, by app, that two of its batches make."""

from __future__ import annotations

import argparse
import os
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING

from smoothtask_gui.adapters.application_names import ApplicationNames
from smoothtask_gui.adapters.desktop_entries import DesktopEntries, application_folders
from smoothtask_gui.adapters.sampler_client import SamplerClient
from smoothtask_gui.domain.apps import AppGrouper
from smoothtask_gui.domain.batch import Batch
from smoothtask_gui.domain.rates import rates
from smoothtask_gui.sources.choose import choose

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from smoothtask_gui.domain.sample import Sample

PATIENCE_S = 2.0


def options(says: str | None) -> argparse.ArgumentParser:
    """The options that every example has; `says` is its docstring."""
    parser = argparse.ArgumentParser(description=says)
    parser.add_argument("--source", default="auto", help="auto, helper, procfs or recording:FILE")
    parser.add_argument("--period-ms", type=int, default=1000)
    parser.add_argument("--count", type=int, default=10, help="samples to take")
    return parser


async def samples(source: str, period_ms: int, count: int) -> AsyncGenerator[Sample]:
    """Yield `count` samples, fewer if a recording ends. Raises SourceError, whose message is for people."""
    previous: Batch | None = None
    desktop = ApplicationNames(DesktopEntries(application_folders(os.environ, Path.home())))
    grouper = AppGrouper()
    chosen = choose(source, SamplerClient, desktop, patience_s=PATIENCE_S)
    async with aclosing(chosen.items(period_ms)) as items:
        async for item in items:
            if not isinstance(item, Batch):
                continue  # an event of the kernel, or the source has changed
            grouper.learn(item.origins)
            sample = None if previous is None else rates(previous, item)
            previous = item
            if sample is None:
                continue  # there is no rate between batches of two sources
            yield grouper.group(sample)
            count -= 1
            if count <= 0:
                return
