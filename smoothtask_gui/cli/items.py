"""From `--source` to items, with the command line's own way of telling where they come from."""

from __future__ import annotations

import asyncio
import os
import platform
import sys
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING, Final

from smoothtask_gui.adapters.application_names import ApplicationNames
from smoothtask_gui.adapters.desktop_entries import DesktopEntries, application_folders
from smoothtask_gui.cli.failure import Failure
from smoothtask_gui.domain.text import safe_text
from smoothtask_gui.sources.choose import choose
from smoothtask_gui.sources.focus.x11 import X11Focus
from smoothtask_gui.sources.helper_stream import NOTHING_MORE
from smoothtask_gui.sources.names import AUTO
from smoothtask_gui.sources.protocol import SourceChanged, SourceError
from smoothtask_gui.sources.recording import RecordingSource

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from smoothtask_gui.sources.activity_kinds import ActivityKinds
    from smoothtask_gui.sources.helper_stream import StreamOpener
    from smoothtask_gui.sources.protocol import Item

PATIENCE_S: Final = 1.5
"""How long `auto` waits for the helper: a command may end after a few ticks, so it had better not change midway."""


async def items(
    name: str, period_ms: int, opt_in: ActivityKinds = NOTHING_MORE, *, quiet: bool = False
) -> AsyncGenerator[Item]:
    """Yield the source's items; changes and a recording's missing end go to stderr too unless `quiet`.

    Raises Failure.
    """
    desktop = ApplicationNames(DesktopEntries(application_folders(os.environ, Path.home())))
    focus = X11Focus(os.environ, platform.node())
    source = choose(name, _opener, desktop, patience_s=PATIENCE_S, opt_in=opt_in, focus=focus)
    following = asyncio.ensure_future(focus.run())
    try:
        async with aclosing(source.items(period_ms)) as found:
            async for item in found:
                if isinstance(item, SourceChanged) and name == AUTO and item.source != "helper" and not quiet:
                    tell(f"reading from {'/proc' if item.source == 'procfs' else item.source}: {item.reason}")
                yield item
    except SourceError as error:
        raise Failure(str(error)) from error
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
    if isinstance(source, RecordingSource) and source.notice:
        tell(source.notice)


def tell(message: str) -> None:
    """One line on stderr, for people; the command goes on."""
    print(f"smoothtask: {safe_text(message, 1000)}", file=sys.stderr, flush=True)


def _opener() -> StreamOpener:
    from smoothtask_gui.adapters.sampler_client import SamplerClient  # noqa: PLC0415 - D-Bus, for the helper only

    return SamplerClient()
