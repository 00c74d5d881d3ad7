"""Promises of `pump.py`."""

import asyncio
from collections.abc import AsyncGenerator

import pytest

from smoothtask_gui import pump as pump_module
from smoothtask_gui.pump import pump
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


class Recording:
    name = "recording"

    async def items(self, period_ms: int) -> AsyncGenerator[Item]:
        yield SourceChanged("helper", "recorded")


def test_a_failed_source_is_told_and_opened_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pump_module, "Backoff", lambda: Backoff(0.0, 0.0))
    got: list[Item] = []

    async def run() -> None:
        enough = asyncio.Event()

        def deliver(item: Item) -> None:
            got.append(item)
            if len(got) == 4:
                enough.set()

        task = asyncio.ensure_future(pump(FailingSource, 250, deliver))
        await enough.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(run())
    told = [(item.source, item.reason) for item in got[:4] if isinstance(item, SourceChanged)]
    assert told == [("helper", "every 250 ms"), ("none", "the helper went away")] * 2
    assert FailingSource.opened == FailingSource.closed


def test_a_recording_ends_and_says_so() -> None:
    got: list[Item] = []
    asyncio.run(pump(Recording, 1_000, got.append))
    assert got[-1] == SourceChanged("none", "The recording has ended.")
