"""The source that chooses: /proc at once, the helper as soon as it answers, /proc again when it goes.

Each change is an item (`SourceChanged`) before the first batch of the new source, so that no rate spans two sources
and the person can be told why; while all is normal there is nothing to tell, and the reason is empty. The helper is
tried again after a pause that doubles up to a minute, so that a broken helper isn't started over and over (systemd
would give up on it).
"""

from __future__ import annotations

import asyncio
import time
from contextlib import aclosing
from typing import TYPE_CHECKING, Final

from smoothtask_gui.domain.batch import Batch
from smoothtask_gui.sources.protocol import SourceChanged, SourceError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from smoothtask_gui.sources.protocol import Item, Source

FIRST_PAUSE_S: Final = 1.0
LONGEST_PAUSE_S: Final = 60.0
STEADY_S: Final = 60.0
"""A helper that ran this long was healthy: the pause begins small again."""


class Backoff:
    """Pauses between tries: 1, 2, 4 … 60 s; from the start again after a run of STEADY_S."""

    def __init__(self, first_s: float = FIRST_PAUSE_S, longest_s: float = LONGEST_PAUSE_S) -> None:
        self._first_s, self._longest_s = first_s, longest_s
        self._next_s = first_s

    def pause_s(self, ran_s: float) -> float:
        """How long to wait after a try that ran for `ran_s`."""
        if ran_s >= STEADY_S:
            self._next_s = self._first_s
        pause_s = self._next_s
        self._next_s = min(self._next_s * 2, self._longest_s)
        return pause_s


class AutoSource:
    """`Source` over two others; each is made anew by its factory for every try.

    With `patience_s` the first batch waits that long for the helper before /proc takes over: for commands that give
    a few ticks and end.
    """

    def __init__(
        self,
        helper: Callable[[], Source],
        procfs: Callable[[], Source],
        *,
        patience_s: float = 0.0,
        backoff: Backoff | None = None,
    ) -> None:
        self._make_helper = helper
        self._make_procfs = procfs
        self._patience_s = patience_s
        self._backoff = backoff or Backoff()
        self._helper: _Helper | None = None
        self._procfs: Source | None = None

    @property
    def name(self) -> str:
        return "auto"

    async def change_period(self, period_ms: int) -> None:
        """Both sources go on with it, and so does every later try."""
        if self._helper is not None:
            await self._helper.change_period(period_ms)
        if self._procfs is not None:
            await self._procfs.change_period(period_ms)

    async def items(self, period_ms: int) -> AsyncGenerator[Item]:
        """Yield batches and events of whichever source works. Raises SourceError if neither does."""
        self._helper = helper = _Helper(self._make_helper, period_ms, self._backoff)
        first = asyncio.ensure_future(helper.next())
        try:
            reason = await helper.answer(first, self._patience_s)
            while True:
                if not first.done():
                    yield SourceChanged("procfs", helper.failure or reason)
                    async with aclosing(self._procfs_until(first, helper)) as items:
                        async for item in items:
                            yield item
                yield SourceChanged("helper", helper.news)
                item_or_end = await first
                while item_or_end is not None:
                    yield item_or_end
                    item_or_end = await helper.next()
                first = asyncio.ensure_future(helper.next())
        finally:
            first.cancel()
            await helper.close()
            self._helper = None

    async def _procfs_until(self, first: asyncio.Future[Item | None], helper: _Helper) -> AsyncGenerator[Item]:
        """Yield from /proc until the helper's first batch is there; say it when why it isn't becomes known."""
        told = helper.failure
        self._procfs = source = self._make_procfs()
        try:
            async with aclosing(source.items(helper.period_ms)) as items:
                while True:
                    following = asyncio.ensure_future(anext(items))
                    try:
                        await asyncio.wait((following, first), return_when=asyncio.FIRST_COMPLETED)
                        if first.done():
                            return
                        if helper.failure != told:
                            told = helper.failure
                            yield SourceChanged("procfs", told)
                        yield following.result()
                    finally:
                        following.cancel()
                        await asyncio.gather(following, return_exceptions=True)
        finally:
            self._procfs = None


class _Helper:
    """Runs the helper source in a task: tries, pauses, tries again; hands its items over one by one.

    A run begins with a batch and ends with None; a try that never gave a batch leaves no trace but `failure`. The
    queue holds one item, so that a slow consumer stops the reading (and the helper counts what is lost).
    """

    def __init__(self, make: Callable[[], Source], period_ms: int, backoff: Backoff) -> None:
        self.failure = ""  # why the last run or try ended, "" before that and while one runs
        self.news = ""  # what to say when a run begins: nothing, unless something had failed before
        self.period_ms = period_ms
        self._make = make
        self._source: Source | None = None
        self._backoff = backoff
        self._failed = asyncio.Event()
        self._queue: asyncio.Queue[Item | None] = asyncio.Queue(1)
        self._task = asyncio.create_task(self._run())

    async def answer(self, first: asyncio.Future[Item | None], patience_s: float) -> str:
        """Wait for the first batch or the first failure; say why there is no batch yet."""
        if patience_s:
            failed = asyncio.ensure_future(self._failed.wait())
            await asyncio.wait((first, failed), timeout=patience_s, return_when=asyncio.FIRST_COMPLETED)
            failed.cancel()
            return f"the helper did not answer within {patience_s:g} s"
        return ""

    async def change_period(self, period_ms: int) -> None:
        self.period_ms = period_ms
        if self._source is not None:
            await self._source.change_period(period_ms)

    async def next(self) -> Item | None:
        """The next item, None when the helper has gone; what breaks the task itself is raised here, not kept."""
        if not self._queue.empty():
            return self._queue.get_nowait()
        item = asyncio.ensure_future(self._queue.get())
        try:
            await asyncio.wait((item, self._task), return_when=asyncio.FIRST_COMPLETED)
            if not item.done():
                self._task.result()
            return await item
        finally:
            item.cancel()

    async def close(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            started_s = time.monotonic()
            runs = False
            try:
                self._source = source = self._make()
                async with aclosing(source.items(self.period_ms)) as items:
                    async for item in items:
                        if not runs and isinstance(item, Batch):
                            runs = True
                            self.news = f"The helper answers now. Before: {self.failure}" if self.failure else ""
                            self.failure = ""
                        if runs:
                            await self._queue.put(item)
                self.failure = "the helper's stream ended"
            except SourceError as error:
                self.failure = str(error)
            self._failed.set()
            if runs:
                await self._queue.put(None)
            await asyncio.sleep(self._backoff.pause_s(time.monotonic() - started_s))
