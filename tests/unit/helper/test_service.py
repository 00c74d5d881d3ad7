"""The sampler apart from its bus: what a refused stream costs its user, and what the service says of itself."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

import pytest

from helper.bus.errors import LIMITS_EXCEEDED, UNAVAILABLE, Refusal
from helper.bus.operations import Caller
from helper.bus.quotas import Limits
from helper.loaders.choice import Choice
from helper.sampler import packets
from helper.sampler.assembly import Assembly
from helper.sampler.probe_set import ProbeSet, Slot, kinds_of
from helper.sampler.readings import Readings
from helper.sampler.revocation import Recheck
from helper.sampler.service import INTERFACE, Sampler
from helper.sampler.visibility import ProcMount
from tests.fakes.probes import ROW_BYTES, FakeTasks

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from typing import Any

ALICE = Caller(":1.5", 1000)


async def nobody_asks(_caller: str) -> None:
    """No stream is open for so long."""


def sampler(tasks: FakeTasks) -> Sampler:
    """Who allows two streams to a user."""
    slot = Slot(tasks, kinds_of(tasks.name))
    parts = Assembly(ProbeSet((slot,), Choice("core", "")), Readings((slot, tasks, ROW_BYTES), None), {})
    return Sampler(parts, Limits(streams_per_uid=2), "<node/>", Recheck(nobody_asks), lambda: ProcMount(0, 0))


async def opened(service: Sampler, kinds: int = packets.KIND_TASKS) -> int:
    """The caller's end of a new stream of Alice's."""
    async with service.table[INTERFACE, "OpenStream"].attempt(ALICE, (60_000, kinds)) as attempt:
        reply = await attempt.act()
    return reply.descriptors[0]


def run(scene: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(scene, 60))


def test_streams_that_could_not_be_opened_do_not_count_as_held() -> None:
    async def scene() -> None:
        tasks = FakeTasks()
        service = sampler(tasks)
        tasks.broken = True
        for _ in range(5):
            with pytest.raises(Refusal) as refused:
                await opened(service)
            assert refused.value.name == UNAVAILABLE
        ends = [await opened(service, packets.KIND_OOM) for _ in range(2)]
        with pytest.raises(Refusal) as refused:
            await opened(service, packets.KIND_OOM)
        assert refused.value.name == LIMITS_EXCEEDED
        for end in ends:
            os.close(end)
        service.close()

    run(scene())


def test_it_is_idle_from_the_end_of_the_last_stream_and_not_from_its_start() -> None:
    async def scene() -> None:
        service = sampler(FakeTasks())
        started_s = service.idle_since_s
        end = await opened(service)
        assert service.is_needed()
        os.close(end)
        while service.is_needed():  # noqa: ASYNC110 - the hang-up wakes the loop, nothing else tells of it
            await asyncio.sleep(0.005)
        assert service.idle_since_s > started_s
        service.close()

    run(scene())


def test_frames_that_readers_keep_are_told_as_its_own_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scene() -> None:
        service = sampler(FakeTasks())
        monkeypatch.setattr("helper.sampler.own_cost.resident_bytes", lambda: 1000)
        monkeypatch.setattr(service.hub, "kept_bytes", lambda: 234)
        assert service.readers["OwnCost"]().value[2] == 1234
        service.close()

    run(scene())
