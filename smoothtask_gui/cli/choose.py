"""From `--source` to items, with the command line's own way of telling where they come from."""

from __future__ import annotations

import sys
from contextlib import aclosing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from smoothtask_gui.cli.arguments import RECORDING
from smoothtask_gui.cli.failure import Failure
from smoothtask_gui.domain.sensors import kind_of
from smoothtask_gui.domain.text import safe_text
from smoothtask_gui.sources.auto import AutoSource
from smoothtask_gui.sources.helper_stream import HelperSource
from smoothtask_gui.sources.procfs import ProcfsSource
from smoothtask_gui.sources.protocol import SourceChanged, SourceError
from smoothtask_gui.sources.recording import RecordingSource
from smoothtask_gui.sources.surroundings import Surroundings

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from smoothtask_gui.sources.protocol import Item, Source

PATIENCE_S: Final = 1.5
"""How long `auto` waits for the helper: a command may end after a few ticks, so it had better not change midway."""


def choose(name: str, patience_s: float = PATIENCE_S, wants_gpus: Callable[[], bool] = lambda: True) -> Source:
    """The source that `--source` names; with 0 s of patience `auto` starts on /proc at once.

    `wants_gpus` says whether anyone looks at graphics cards now.
    """
    if name.startswith(RECORDING):
        return RecordingSource(Path(name.removeprefix(RECORDING)))
    procfs, helper = partial(_procfs, wants_gpus), partial(_helper, wants_gpus)
    if name == "procfs":
        return procfs()
    if name == "helper":
        return helper()
    return AutoSource(helper, procfs, patience_s=patience_s)


async def items(name: str, period_ms: int) -> AsyncGenerator[Item]:
    """Yield the source's items; changes and a recording's missing end go to stderr too. Raises Failure."""
    source = choose(name)
    try:
        async with aclosing(source.items(period_ms)) as found:
            async for item in found:
                if isinstance(item, SourceChanged) and name == "auto" and item.source != "helper":
                    tell(f"reading from {'/proc' if item.source == 'procfs' else item.source}: {item.reason}")
                yield item
    except SourceError as error:
        raise Failure(str(error)) from error
    if isinstance(source, RecordingSource) and source.notice:
        tell(source.notice)


def tell(message: str) -> None:
    """One line on stderr, for people; the command goes on."""
    print(f"smoothtask: {safe_text(message, 1000)}", file=sys.stderr, flush=True)


def _procfs(wants_gpus: Callable[[], bool]) -> Source:
    return ProcfsSource(Surroundings(kind_of, wants_gpus=wants_gpus))


def _helper(wants_gpus: Callable[[], bool]) -> Source:
    from smoothtask_gui.adapters.sampler_client import SamplerClient  # noqa: PLC0415 - D-Bus, for the helper only

    return HelperSource(SamplerClient(), Surroundings(kind_of, wants_gpus=wants_gpus))
