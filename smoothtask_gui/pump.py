"""Carries what a source yields to the rest of the app, for as long as the app lives.

A source that fails is opened again after a pause that doubles up to a minute; meanwhile the app is told that there are
no readings, and why. A recording is played at the pace it was made, then it has ended.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import aclosing
from typing import TYPE_CHECKING, Final

from smoothtask_gui.domain.batch import Batch
from smoothtask_gui.sources.auto import Backoff
from smoothtask_gui.sources.protocol import SourceChanged, SourceError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from smoothtask_gui.sources.protocol import Item, Source

LONGEST_GAP_NS: Final = 10_000_000_000
"""A recording's pauses (the machine slept) aren't sat through."""


async def pump(make_source: Callable[[], Source], period_ms: int, deliver: Callable[[Item], None]) -> None:
    """Deliver items until cancelled, or until a recording's end."""
    backoff = Backoff()
    while True:
        started_s = time.monotonic()
        try:
            source = make_source()
            if source.name == "recording":
                await _play(source, period_ms, deliver)
                return
            async with aclosing(_items(source, period_ms)) as items:
                async for item in items:
                    deliver(item)
            reason = "The readings ended."
        except SourceError as error:
            reason = str(error)
        deliver(SourceChanged("none", reason))
        await asyncio.sleep(backoff.pause_s(time.monotonic() - started_s))


async def _play(source: Source, period_ms: int, deliver: Callable[[Item], None]) -> None:
    before_ns: int | None = None
    async with aclosing(_items(source, period_ms)) as items:
        async for item in items:
            if isinstance(item, Batch):
                if before_ns is not None:
                    await asyncio.sleep(min(max(item.boottime_ns - before_ns, 0), LONGEST_GAP_NS) / 1e9)
                before_ns = item.boottime_ns
            deliver(item)
    deliver(SourceChanged("none", "The recording has ended."))


async def _items(source: Source, period_ms: int) -> AsyncGenerator[Item]:
    """The port promises an iterator; what closes it needs a generator."""
    async for item in source.items(period_ms):
        yield item
