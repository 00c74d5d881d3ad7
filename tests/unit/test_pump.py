"""Promises of `pump.py`."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable

import pytest

from smoothtask_gui import pump as pump_module
from smoothtask_gui.pump import Pump
from smoothtask_gui.sources.auto import Backoff
from smoothtask_gui.sources.protocol import Item, SourceChanged, SourceError


class FailingSource:
    """Yields one item, then fails; counts openings and closings."""

    name = "helper"
    opened = 0
    closed = 0

    async def items(self, period_ms: int) -> AsyncGenerator[Item]:
        type(self).opened += 1
        try:
            yield SourceChanged("helper", f"every {period_ms} ms")
            raise SourceError("the helper went away")
        finally:
            type(self).closed += 1


def into(got: list[Item]) -> Callable[[Item], Awaitable[None]]:
    async def deliver(item: Item) -> None:
        got.append(item)

    return deliver


class Recording:
    name = "recording"

    async def items(self, period_ms: int) -> AsyncGenerator[Item]:
        yield SourceChanged("helper", "recorded")


def test_a_failed_source_is_told_and_opened_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pump_module, "Backoff", lambda: Backoff(0.0, 0.0))
    got: list[Item] = []

    async def run() -> None:
        enough = asyncio.Event()

        async def deliver(item: Item) -> None:
            got.append(item)
            if len(got) == 4:
                enough.set()

        task = asyncio.ensure_future(Pump(FailingSource, 250, deliver).run())
        await enough.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(run())
    told = [(item.source, item.reason) for item in got[:4] if isinstance(item, SourceChanged)]
    assert told == [("helper", "every 250 ms"), ("none", "the helper went away")] * 2
    assert FailingSource.opened == FailingSource.closed


def test_a_recording_ends_and_says_so() -> None:
    got: list[Item] = []
    asyncio.run(Pump(Recording, 1_000, into(got)).run())
    assert got[-1] == SourceChanged("none", "The recording has ended.")


def test_a_damaged_recording_is_told_once() -> None:
    class Damaged(Recording):
        async def items(self, period_ms: int) -> AsyncGenerator[Item]:
            yield SourceChanged("helper", "recorded")
            raise SourceError("damaged at byte 9")

    got: list[Item] = []
    asyncio.run(Pump(Damaged, 1_000, into(got)).run())
    assert got[1:] == [SourceChanged("none", "damaged at byte 9")]


class Lasting:
    """Says its period once, then waits; counts openings."""

    name = "procfs"
    opened = 0
    changed: asyncio.Queue[int]

    async def items(self, period_ms: int) -> AsyncGenerator[Item]:
        type(self).opened += 1
        type(self).changed = asyncio.Queue()
        yield SourceChanged("procfs", f"every {period_ms} ms")
        while True:
            yield SourceChanged("procfs", f"every {await self.changed.get()} ms")

    async def change_period(self, period_ms: int) -> None:
        self.changed.put_nowait(period_ms)


def test_a_change_of_the_period_does_not_open_the_source_again() -> None:
    async def run() -> list[str]:
        got: asyncio.Queue[Item] = asyncio.Queue()
        pump = Pump(Lasting, 1000, got.put)
        task = asyncio.ensure_future(pump.run())
        first = await got.get()
        await pump.change_period(250)
        second = await got.get()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return [item.reason for item in (first, second) if isinstance(item, SourceChanged)]

    assert asyncio.run(run()) == ["every 1000 ms", "every 250 ms"]
    assert Lasting.opened == 1
