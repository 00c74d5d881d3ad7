"""`smoothtask record`: a source's items into a file, to be judged again."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING

from smoothtask_gui.cli.failure import Failure
from smoothtask_gui.cli.items import items
from smoothtask_gui.cli.span import Span
from smoothtask_gui.sources.recording import RecordingError, RecordingWriter

if TYPE_CHECKING:
    import argparse


async def record(arguments: argparse.Namespace, version: str) -> int:
    """Write items for `--seconds` (of boot time); a signal ends the recording in order."""
    span = Span(arguments.seconds)
    made_by = f"smoothtask {version}"
    try:
        with RecordingWriter(arguments.file, arguments.period_ms, made_by, overwrite=arguments.force) as writer:
            async with aclosing(items(arguments.source, arguments.period_ms, arguments.opt_in)) as found:
                async for item in found:
                    if span.ends_before(item):
                        break
                    writer.write(item)
    except RecordingError as error:
        raise Failure(str(error)) from error
    return 0
