from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from smoothtask_gui.domain.batch import Batch
from smoothtask_gui.sources.auto import STEADY_S, AutoSource, Backoff
from smoothtask_gui.sources.protocol import Item, SourceChanged, SourceError
from tests.fakes.recordable import batch

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

IMPATIENT = 0.001


class Steady:
    """Yields batches for ever."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.periods_ms: list[int] = []

    async def change_period(self, period_ms: int) -> None:
        self.periods_ms.append(period_ms)

    async def items(self, period_ms: int) -> AsyncGenerator[Item]:
        at = 0
        while True:
            at += 10**9
            yield batch(at, source=self.name)
            await asyncio.sleep(0.001)


class Brief(Steady):
    """Yields `count` batches, then fails."""

    def __init__(self, count: int, why: str) -> None:
        super().__init__("helper")
        self.count, self.why = count, why

    async def items(self, period_ms: int) -> AsyncGenerator[Item]:
        for at in range(self.count):
            yield batch((at + 1) * 10**9)
        raise SourceError(self.why)


class Silent(Steady):
    async def items(self, period_ms: int) -> AsyncGenerator[Item]:
        await asyncio.Event().wait()
        yield batch()


def told(
    helpers: Callable[[], Steady],
    until: Callable[[list[Item]], bool],
    patience_s: float = 0.0,
    procfs: Steady | None = None,
) -> list[Item]:
    async def listen() -> list[Item]:
        source = AutoSource(
            helpers, lambda: procfs or Steady("procfs"), patience_s=patience_s, backoff=Backoff(IMPATIENT, IMPATIENT)
        )
        items = source.items(100)
        found: list[Item] = []
        async with asyncio.timeout(60):
            async for item in items:
                found.append(item)
                if until(found):
                    break
        await items.aclose()
        return found

    return asyncio.run(listen())


def sources(found: list[Item]) -> list[str]:
    """Where each run of items came from: "→x" for a change, "x" for batches."""
    names = [
        f"→{item.source}" if isinstance(item, SourceChanged) else item.source
        for item in found
        if not isinstance(item, str)
    ]
    return [name for at, name in enumerate(names) if at == 0 or names[at - 1] != name]


def test_it_starts_on_proc_at_once_and_moves_to_the_helper() -> None:
    def fine() -> Steady:
        return Steady("helper")

    found = told(fine, lambda items: isinstance(items[-1], Batch) and items[-1].source == "helper")
    assert isinstance(found[0], SourceChanged)
    assert sources(found)[-2:] == ["→helper", "helper"]
    assert sources(found)[0] == "→procfs"


def test_it_falls_back_says_why_and_tries_again() -> None:
    helpers = iter([Brief(2, "it crashed"), Brief(0, "still down"), Steady("helper")])
    found = told(lambda: next(helpers), lambda items: sources(items).count("→helper") == 2)
    reasons = [item.reason for item in found if isinstance(item, SourceChanged) and item.source == "procfs"]
    assert any("it crashed" in reason or "still down" in reason for reason in reasons)


def test_no_batch_of_another_source_comes_without_a_change_before_it() -> None:
    helpers = iter([Brief(3, "a"), Brief(1, "b"), Brief(2, "c"), Steady("helper")])
    found = told(lambda: next(helpers), lambda items: sources(items).count("→helper") == 4)
    current = ""
    for item in found:
        if isinstance(item, SourceChanged):
            current = item.source
        elif isinstance(item, Batch):
            assert item.source == current


def test_a_patient_source_does_not_change_midway() -> None:
    found = told(lambda: Steady("helper"), lambda items: len(items) == 3, patience_s=5.0)
    assert sources(found) == ["→helper", "helper"]


def test_patience_ends_at_once_when_the_helper_refuses() -> None:
    found = told(lambda: Brief(0, "polkit said no"), lambda items: len(items) == 2, patience_s=60.0)
    assert found[0] == SourceChanged("procfs", "polkit said no")


def test_a_helper_that_does_not_answer_is_waited_for_no_longer_than_said() -> None:
    found = told(lambda: Silent("helper"), lambda items: len(items) == 2, patience_s=0.05)
    assert found[0] == SourceChanged("procfs", "the helper did not answer within 0.05 s")


def test_without_either_source_the_failure_is_told() -> None:
    with pytest.raises(SourceError, match="no /proc"):
        told(lambda: Silent("helper"), lambda items: False, procfs=Brief(1, "no /proc"))


def test_pauses_double_up_to_a_minute_and_begin_small_after_a_steady_run() -> None:
    backoff = Backoff()
    assert [backoff.pause_s(0) for _ in range(8)] == [1, 2, 4, 8, 16, 32, 60, 60]
    assert backoff.pause_s(STEADY_S) == 1


def test_a_bug_in_the_helper_source_is_raised_and_does_not_freeze_the_picture() -> None:
    class Buggy(Steady):
        async def items(self, period_ms: int) -> AsyncGenerator[Item]:
            yield batch()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        told(lambda: Buggy("helper"), lambda items: False)


def test_while_all_is_normal_nothing_is_said() -> None:
    found = told(lambda: Steady("helper"), lambda items: sources(items)[-1] == "helper")
    assert {item.reason for item in found if isinstance(item, SourceChanged)} == {""}


def test_that_the_helper_answers_is_news_only_after_it_had_failed() -> None:
    helpers = iter([Brief(2, "it crashed"), Steady("helper")])
    found = told(lambda: next(helpers), lambda items: sources(items).count("→helper") == 2)
    reasons = [item.reason for item in found if isinstance(item, SourceChanged) and item.source == "helper"]
    assert reasons == ["", "The helper answers now. Before: it crashed"]


def test_why_there_is_no_helper_is_told_as_soon_as_it_is_known() -> None:
    class Late(Steady):
        async def items(self, period_ms: int) -> AsyncGenerator[Item]:
            await asyncio.sleep(0.02)
            raise SourceError("it is not installed")
            yield batch()

    found = told(lambda: Late("helper"), lambda items: SourceChanged("procfs", "it is not installed") in items)
    assert found[0] == SourceChanged("procfs", "")


def test_a_change_of_the_period_reaches_both_sources_and_every_later_try() -> None:
    async def change() -> tuple[list[int], list[int], list[int]]:
        made: list[Steady] = []
        asked_ms: list[int] = []

        class Asked(Steady):
            async def items(self, period_ms: int) -> AsyncGenerator[Item]:
                asked_ms.append(period_ms)
                await asyncio.Event().wait()
                yield batch()

        def helper() -> Steady:
            made.append(Asked("helper") if not made else Brief(0, "gone"))
            return made[-1]

        procfs = Steady("procfs")
        source = AutoSource(helper, lambda: procfs, backoff=Backoff(IMPATIENT, IMPATIENT))
        items = source.items(1000)
        while not isinstance(await anext(items), Batch):
            pass
        await source.change_period(250)
        await items.aclose()
        return made[0].periods_ms, procfs.periods_ms, asked_ms

    assert asyncio.run(change()) == ([250], [250], [1000])
