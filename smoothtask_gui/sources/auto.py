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
_ENDED: Final = "the helper's stream ended"


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
        found = helper.search()
        try:
            reason = await helper.answer(found, self._patience_s)
            while True:
                if not found.done():
                    yield SourceChanged("procfs", helper.failure or reason)
                    async with aclosing(self._procfs_until(found, helper)) as items:
                        async for item in items:
                            yield item
                found.result()
                yield SourceChanged("helper", helper.news)
                async with aclosing(helper.run()) as items:
                    async for item in items:
                        yield item
                found = helper.search()
        finally:
            await helper.close()
            self._helper = None

    async def _procfs_until(self, found: asyncio.Future[None], helper: _Helper) -> AsyncGenerator[Item]:
        """Yield from /proc until the helper's first batch is there; say it when why it isn't becomes known."""
        told = helper.failure
        self._procfs = source = self._make_procfs()
        try:
            async with aclosing(source.items(helper.period_ms)) as items:
                while True:
                    following = asyncio.ensure_future(anext(items))
                    try:
                        await asyncio.wait((following, found), return_when=asyncio.FIRST_COMPLETED)
                        if found.done():
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
    """Tries the helper source until it gives a batch; then it is read without a task between, as its reader is ready.

    A run begins with a batch; a try that never gave one leaves no trace but `failure`.
    """

    def __init__(self, make: Callable[[], Source], period_ms: int, backoff: Backoff) -> None:
        self.failure = ""  # why the last run or try ended, "" before that and while one runs
        self.news = ""  # what to say when a run begins: nothing, unless something had failed before
        self.period_ms = period_ms
        self._make = make
        self._source: Source | None = None
        self._items: AsyncGenerator[Item] | None = None  # open: `search` has found it, `run` goes on with it
        self._first: Batch | None = None
        self._backoff = backoff
        self._began_s: float | None = None  # the last try
        self._failed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def search(self) -> asyncio.Task[None]:
        """Begin to try, after a pause if there was a try before; it ends when `run` has something to give."""
        self._task = asyncio.create_task(self._search())
        return self._task

    async def answer(self, found: asyncio.Future[None], patience_s: float) -> str:
        """Wait for the first batch or the first failure; say why there is no batch yet."""
        if patience_s:
            failed = asyncio.ensure_future(self._failed.wait())
            await asyncio.wait((found, failed), timeout=patience_s, return_when=asyncio.FIRST_COMPLETED)
            failed.cancel()
            return f"the helper did not answer within {patience_s:g} s"
        return ""

    async def change_period(self, period_ms: int) -> None:
        self.period_ms = period_ms
        if self._source is not None:
            await self._source.change_period(period_ms)

    async def run(self) -> AsyncGenerator[Item]:
        """Yield what the helper that was found says, until it fails or goes."""
        items, first = self._items, self._first
        if items is None or first is None:
            return
        try:
            yield first
            async for item in items:
                yield item
            self.failure = _ENDED
        except SourceError as error:
            self.failure = str(error)
        finally:
            await self._close_items()

    async def close(self) -> None:
        """End whatever goes on."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._close_items()

    async def _close_items(self) -> None:
        items, self._items, self._first = self._items, None, None
        if items is not None:
            await items.aclose()

    async def _search(self) -> None:
        while self._items is None:
            if self._began_s is not None:
                await asyncio.sleep(self._backoff.pause_s(time.monotonic() - self._began_s))
            self._began_s = time.monotonic()
            self._source = source = self._make()
            if not await self._begins(source.items(self.period_ms)):
                self._failed.set()

    async def _begins(self, items: AsyncGenerator[Item]) -> bool:
        """Whether they give a batch; `failure` says why not. What comes before it belongs to no run."""
        try:
            async for item in items:
                if isinstance(item, Batch):
                    self.news = f"The helper answers now. Before: {self.failure}" if self.failure else ""
                    self.failure = ""
                    self._items, self._first = items, item
                    return True
            self.failure = _ENDED
        except SourceError as error:
            self.failure = str(error)
        return False
