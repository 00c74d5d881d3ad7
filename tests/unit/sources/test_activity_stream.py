"""The stream of the activity tab: what it asks for, what it makes of ticks, and how it ends."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from smoothtask_gui.adapters.sampler_client import SamplerFacts
from smoothtask_gui.domain.activity_reading import Others
from smoothtask_gui.domain.own_cost import HelperCost, ProbeCost
from smoothtask_gui.sources import activity_stream, records
from smoothtask_gui.sources.activity import STRUCTS, ActivitySection
from smoothtask_gui.sources.activity_kinds import ActivityKinds
from smoothtask_gui.sources.activity_stream import COST_EVERY_TICKS, activity_readings
from smoothtask_gui.sources.auto import Backoff
from smoothtask_gui.sources.frames import SEALS
from smoothtask_gui.sources.records import Kinds, Visibility
from tests.fakes.descriptors import open_descriptors
from tests.fakes.stream import FakeHelper, frame, packet, struct

if TYPE_CHECKING:
    import pytest

    from smoothtask_gui.domain.activity_reading import ActivityReading

SECOND = 10**9
COST = HelperCost(1, 2, 3, 4, 5, 1, (ProbeCost("sockets", "running", "", 1, 1, 1),))


def calls(second: int) -> bytes:
    """A process that has made 500 calls a second, since the first."""
    rows = np.zeros(1, STRUCTS["st_caller"])
    rows["actor"]["pid"], rows["actor"]["start_ns"], rows["actor"]["first_ns"] = 7, 1, 2
    rows["actor"]["comm"], rows["calls"] = b"busy", 500 * second
    return frame((int(ActivitySection.CALLERS), rows), boottime_ns=second * SECOND)


class Helper(FakeHelper):
    """Sends `ticks` seconds' worth as soon as the stream is open; tells what the probe has cost until now."""

    def __init__(self, ticks: int, *refusals: str) -> None:
        super().__init__(refusals)
        self.ticks, self.told = ticks, 0
        self.may_prompt: list[bool] = []

    async def open_stream(self, period_ms: int, kinds: int, *, interactive: bool = False) -> int:
        self.may_prompt.append(interactive)
        fd = await super().open_stream(period_ms, kinds)
        for second in range(1, self.ticks + 1):
            self.tick(calls(second))
        return fd

    def hello(self, visibility: int = Visibility.AS_PROC, kinds: int = 0) -> None:
        """Who asks for all and gets the stream sees all."""
        super().hello(Visibility.ALL if kinds & Kinds.OTHERS_IN_FULL else visibility, kinds)

    async def facts(self) -> SamplerFacts:
        self.told += 1
        mine = ProbeCost("syscalls", "running", "", 1000 * self.told, 1000 * self.told, 4096)
        cost = HelperCost(1, 2, 3, 4, 5, 1, (*COST.probes, mine))
        return SamplerFacts("1", 1, "core", cost, ())


def readings(helper: Helper, count: int, others: Others = Others.UNSEEN) -> list[ActivityReading]:
    async def play() -> list[ActivityReading]:
        found: list[ActivityReading] = []
        asked = activity_readings(helper, ActivityKinds.SYSCALLS, 1000, Backoff(0.01), others)
        async with aclosing(asked) as items:
            async for item in items:
                found.append(item)
                if len(found) == count:
                    break
        return found

    return asyncio.run(play())


def test_it_asks_for_the_parts_that_are_on_and_nothing_else() -> None:
    helper = Helper(2)
    [first] = readings(helper, 1)
    assert helper.asked == [(1000, int(ActivityKinds.SYSCALLS))]
    assert first.rates.callers is not None
    assert (first.rates.callers[0].comm, first.rates.callers[0].calls_per_s) == ("busy", 500.0)
    assert first.rates.file_users is None


def test_costs_are_those_of_its_own_probes_and_are_asked_for_now_and_then() -> None:
    helper = Helper(2 + COST_EVERY_TICKS)
    found = readings(helper, 1 + COST_EVERY_TICKS)
    assert [use.probe.name for use in found[0].costs] == ["syscalls"]
    assert found[0].costs[0].busy_ratio is None, "there is nothing before it"
    assert found[-1].costs[0].busy_ratio is not None
    assert helper.told == 2


def test_a_refusal_is_a_reading_with_its_reason_and_the_stream_is_asked_for_again() -> None:
    said = [item.reason for item in readings(Helper(2, "The helper refused: not from here.", "Not yet."), 3)]
    assert said == ["The helper refused: not from here.", "Not yet.", ""]


def test_a_stream_that_ends_says_so_the_connection_is_let_go_and_a_new_one_goes_on() -> None:
    helper = Helper(2)

    async def play() -> list[str]:
        said = []
        async with aclosing(activity_readings(helper, ActivityKinds.SYSCALLS, 1000, Backoff(0.01))) as items:
            async for item in items:
                said.append(item.reason)
                if len(said) == 1:
                    await helper.close()
                elif not item.reason:
                    break
        return said

    said = asyncio.run(play())
    assert [said[0], said[-1]] == ["", ""]
    assert "closed the stream" in said[1]
    assert len(helper.asked) == len(said) - 1, "a stream each time"


IN_FULL = int(ActivityKinds.SYSCALLS) | Kinds.OTHERS_IN_FULL


def test_without_a_click_nothing_that_needs_consent_is_asked_for_and_no_prompt_allowed() -> None:
    helper = Helper(2)
    [reading] = readings(helper, 1)
    assert not reading.sees_all
    assert helper.asked == [(1000, int(ActivityKinds.SYSCALLS))]
    assert helper.may_prompt == [False]


def test_after_a_click_the_first_try_may_prompt_and_no_later_one() -> None:
    helper = Helper(2)

    async def play() -> None:
        asked = activity_readings(helper, ActivityKinds.SYSCALLS, 1000, Backoff(0.01), Others.ASKED_FOR)
        async with aclosing(asked) as items:
            await anext(items)
            await helper.close()  # the helper restarts
            while (await anext(items)).reason:
                pass

    asyncio.run(play())
    assert {kinds for _, kinds in helper.asked} == {IN_FULL}
    assert helper.may_prompt == [True] + [False] * (len(helper.asked) - 1)
    assert len(helper.asked) > 1


def test_a_refused_consent_is_told_once_and_the_stream_goes_on_without_it() -> None:
    helper = Helper(2, "No administrator has agreed.")
    refused, own = readings(helper, 2, Others.ASKED_FOR)
    assert (refused.refusal, refused.reason) == ("No administrator has agreed.", "")
    assert (own.refusal, own.reason, own.sees_all) == ("", "", False)
    assert helper.asked == [(1000, IN_FULL), (1000, int(ActivityKinds.SYSCALLS))]
    assert helper.may_prompt == [True, False]


def test_consent_of_before_is_taken_without_a_prompt() -> None:
    helper = Helper(2)
    [reading] = readings(helper, 1, Others.AGREED)
    assert reading.sees_all
    assert helper.asked == [(1000, IN_FULL)]
    assert helper.may_prompt == [False]


def test_the_helpers_reason_for_ending_the_stream_is_told() -> None:
    class Ending(Helper):
        async def open_stream(self, period_ms: int, kinds: int, *, interactive: bool = False) -> int:
            fd = await super().open_stream(period_ms, kinds, interactive=interactive)
            self.send(packet(records.PacketKind.BYE, struct(records.BYE, reason=records.ByeReason.REVOKED)))
            return fd

    _, ended = readings(Ending(2), 2)
    assert ended.reason == "The helper ended the stream: the permission to watch processes was taken back."


def test_rates_are_over_the_time_that_lay_between_two_ticks_however_long() -> None:
    class Late(Helper):
        def tick(self, octets: bytes, lost_ticks: int = 0, lost_events: int = 0, seals: int = SEALS) -> None:
            if self.sequence:
                octets = calls(5)  # four seconds after the first, though one a second was asked for
            super().tick(octets, lost_ticks, lost_events, seals)

    [reading] = readings(Late(2), 1)
    assert reading.rates.callers is not None
    assert reading.rates.callers[0].calls_per_s == 500.0


def test_costs_are_those_since_they_were_asked_for_last(monkeypatch: pytest.MonkeyPatch) -> None:
    """1,000, 3,000 and 5,000 more runs, two seconds apart."""

    class Busier(Helper):
        async def facts(self) -> SamplerFacts:
            facts = await super().facts()
            runs = 1000 * self.told**2
            mine = ProbeCost("syscalls", "running", "", runs, runs, 4096)
            return replace(facts, cost=replace(facts.cost, probes=(mine,)))

    moments = iter(range(10**6))
    monkeypatch.setattr(
        activity_stream.time, "clock_gettime_ns", lambda _clock: 100 * SECOND + 2 * SECOND * next(moments)
    )
    found = readings(Busier(2 + 2 * COST_EVERY_TICKS), 1 + 2 * COST_EVERY_TICKS)
    uses = [found[at].costs[0] for at in (COST_EVERY_TICKS, 2 * COST_EVERY_TICKS)]
    assert [use.events_per_s for use in uses] == [1500.0, 2500.0]


def test_no_descriptor_stays_open_after_many_ticks() -> None:
    readings(Helper(20), 19)
    before = open_descriptors()
    readings(Helper(20), 19)
    assert open_descriptors() <= before
