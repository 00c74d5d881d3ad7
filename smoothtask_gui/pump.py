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
    from collections.abc import Awaitable, Callable

    from smoothtask_gui.sources.protocol import Item, Source

LONGEST_GAP_NS: Final = 10_000_000_000
"""A recording's pauses (the machine slept) aren't sat through."""


class Pump:
    """One source after another, made by `make_source`; items go to `deliver`, which may hold the source back."""

    def __init__(
        self, make_source: Callable[[], Source], period_ms: int, deliver: Callable[[Item], Awaitable[None]]
    ) -> None:
        self._make_source = make_source
        self._period_ms = period_ms
        self._deliver = deliver
        self._source: Source | None = None

    async def run(self) -> None:
        """Deliver items until cancelled, or until a recording's end."""
        backoff = Backoff()
        while True:
            started_s = time.monotonic()
            self._source = source = self._make_source()
            try:
                await self._carry(source)
                reason = "The recording has ended." if source.name == "recording" else "The readings ended."
            except SourceError as error:
                reason = str(error)
            await self._deliver(SourceChanged("none", reason))
            if source.name == "recording":  # it would say the same again
                return
            await asyncio.sleep(backoff.pause_s(time.monotonic() - started_s))

    async def change_period(self, period_ms: int) -> None:
        """The open source goes on with it: nothing that is known is lost."""
        self._period_ms = period_ms
        if self._source is not None:
            await self._source.change_period(period_ms)

    async def _carry(self, source: Source) -> None:
        before_ns: int | None = None
        async with aclosing(source.items(self._period_ms)) as items:
            async for item in items:
                if source.name == "recording" and isinstance(item, Batch):
                    if before_ns is not None:
                        await asyncio.sleep(min(max(item.boottime_ns - before_ns, 0), LONGEST_GAP_NS) / 1e9)
                    before_ns = item.boottime_ns
                await self._deliver(item)
