"""What streams are told and what they lose: events, broken probes, callers that leave, periods, memory, descriptors."""

import asyncio
import contextlib
import os
import socket

import pytest

from helper.sampler import kept_frames, packets
from helper.sampler.activity import Activity
from helper.sampler.probe_set import Slot, State, kinds_of
from tests.fakes.descriptors import open_descriptors
from tests.fakes.probes import FakeEvents
from tests.unit.helper.test_hub import ALICE, BOB, Desk, FakePart, closed_record, exit_record, run, taken


def test_an_event_is_for_those_who_asked_for_its_kind_only() -> None:
    async def scene() -> None:
        with Desk() as desk:
            exits, closes = FakeEvents(), FakeEvents("socket_events")
            for events in (exits, closes):
                desk.listen(events)
            asked = desk.open(ALICE, packets.KIND_PROCESS_EXITS)
            other = desk.open(ALICE, packets.KIND_SOCKET_CLOSES)
            exits.put(exit_record(uid=1000))
            await desk.next(asked, packets.EVENT)
            closes.put(closed_record(uid=1000))
            first = (await desk.next(other, packets.EVENT))[0]
            assert packets.EVENT_HEAD.unpack_from(first)[0] == 6, "an exit comes first to who didn't ask for it"

    run(scene())


def test_a_record_that_is_not_as_long_as_it_says_is_dropped_and_the_next_one_comes() -> None:
    async def scene() -> None:
        with Desk() as desk:
            events = FakeEvents()
            desk.listen(events)
            stream = desk.open(ALICE, packets.KIND_PROCESS_EXITS)
            whole = exit_record(uid=1000)
            events.put(whole[:-8])
            events.put(whole)
            assert (await desk.next(stream, packets.EVENT))[0] == whole

    run(scene())


def test_a_probe_whose_events_or_losses_cannot_be_read_has_failed_and_says_why() -> None:
    async def scene() -> None:
        with Desk() as desk:
            events, uncounted = FakeEvents(), FakeEvents("socket_events")
            slots = [desk.listen(events), desk.listen(uncounted)]
            events.broken = uncounted.broken_count = True
            desk.hub.events.drain_now(packets.KIND_PROCESS_EXITS)
            desk.hub.events.lost(packets.KIND_SOCKET_CLOSES)
            assert [slot.state for slot in slots] == [State.FAILED] * 2
            assert all("step: read" in slot.reason for slot in slots)
            desk.hub.events.drain_now(packets.KIND_PROCESS_EXITS)
            loop = asyncio.get_running_loop()
            assert not any(loop.remove_reader(descriptor) for descriptor in desk.descriptors), "nobody listens to it"

    run(scene())


def test_a_stream_is_found_by_its_own_caller_only() -> None:
    async def scene() -> None:
        with Desk() as desk:
            stream = desk.open(ALICE)
            assert desk.hub.find(stream.stream_id, stream.caller) is stream
            assert desk.hub.find(stream.stream_id, ":1.1001") is None

    run(scene())


def test_all_streams_of_a_caller_that_left_end_and_nobody_elses() -> None:
    async def scene() -> None:
        with Desk() as desk:
            streams = [desk.open(seen) for seen in (ALICE, BOB, ALICE)]
            desk.hub.end_all_of(streams[0].caller)
            assert desk.ended == [streams[0], streams[2]]
            assert desk.hub.callers() == {streams[1].caller}

    run(scene())


def test_a_shorter_period_holds_at_once_and_not_after_the_tick_of_the_old_one() -> None:
    async def scene() -> None:
        with Desk() as desk:
            stream = desk.open(ALICE, period_ms=60_000)
            await desk.next(stream, packets.TICK)
            desk.hub.change_period(stream, 100)
            await asyncio.wait_for(desk.next(stream, packets.TICK), 30)

    run(scene())


def test_a_tick_without_a_frame_is_missed_in_the_numbers_of_ticks() -> None:
    async def scene() -> None:
        with Desk() as desk:
            stream = desk.open(ALICE, period_ms=60_000)
            first = packets.TICK_BODY.unpack((await desk.next(stream, packets.TICK))[0])
            stream.lose_tick()
            desk.hub.change_period(stream, 100)
            later = packets.TICK_BODY.unpack((await desk.next(stream, packets.TICK))[0])
            assert later[0] - first[0] == 2
            assert later[1] - first[1] == 1

    run(scene())


def test_events_that_are_in_no_table_are_lost_to_those_who_asked_for_its_kind() -> None:
    class Uncounted:
        def tables(self) -> tuple[()]:
            return ()

        def lost(self) -> int:
            return lost[0]

        def forget_idle(self) -> None:
            """Nothing is idle."""

    lost = [5]

    async def scene() -> None:
        syscalls = Slot(FakeEvents("syscalls"), kinds_of("syscalls"))
        activity = Activity([(syscalls, Uncounted())])
        with Desk(activity=activity) as desk:
            desk.event_slots.append(syscalls)
            syscalls.open()
            asked, other = desk.open(ALICE, packets.KIND_SYSCALLS), desk.open(ALICE, packets.KIND_TASKS)
            lost[0] = 9
            told = [packets.TICK_BODY.unpack((await desk.next(who, packets.TICK))[0])[2] for who in (asked, other)]
            assert told == [4, 0]

    run(scene())


def test_hubs_that_come_and_go_leave_no_descriptors() -> None:
    async def scene() -> None:
        async def one() -> None:
            with Desk() as desk:
                stream = desk.open(ALICE)
                for _ in range(3):
                    await desk.next(stream, packets.TICK)

        await one()
        before = open_descriptors()
        for _ in range(3):
            await one()
        assert open_descriptors() <= before

    run(scene())


def test_a_tick_that_breaks_is_followed_by_the_next_one() -> None:
    failures: list[object] = []

    def look(_slowest_ms: int) -> None:
        if not failures:
            raise RuntimeError("the look failed")

    async def scene() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _loop, context: failures.append(context["exception"]))
        with Desk(look=look) as desk:
            await desk.next(desk.open(ALICE), packets.TICK)
            assert [str(failure) for failure in failures] == ["the look failed"]

    run(scene())


def test_when_kept_frames_take_too_much_memory_each_class_still_has_its_latest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_frames, "MOST_BYTES", 1)

    async def scene() -> None:
        with Desk() as desk:
            greedy, other = desk.open(ALICE), desk.open(BOB)
            kept: list[int] = []
            greedy.other_end.setblocking(False)
            for _ in range(10):
                await desk.next(other, packets.TICK)
                kept += taken(greedy.other_end)
            assert len(kept) == kept_frames.PER_STREAM
            for descriptor in kept:
                os.close(descriptor)

    run(scene())


def test_what_closed_while_a_tick_was_begun_is_told_before_it() -> None:
    """The loop hears of it only after the tick: so the ring buffer is looked into."""

    async def scene() -> None:
        closes = FakeEvents("socket_events")

        def close_one(_slowest_ms: int) -> None:
            closes.put(closed_record(uid=1000))

        with Desk(parts=(FakePart(),), look=close_one) as desk:
            desk.listen(closes)
            stream = desk.open(ALICE, kinds=packets.KIND_SOCKETS | packets.KIND_SOCKET_CLOSES, period_ms=60_000)
            told = []
            while packets.TICK not in told:
                await asyncio.sleep(0.005)
                told += kinds_told(stream.other_end)
            assert told[:3] == [packets.HELLO, packets.EVENT, packets.TICK]

    run(scene())


def kinds_told(reader: socket.socket) -> list[int]:
    """Of all packets that wait there."""
    found = []
    reader.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        while True:
            text, descriptors, _, _ = socket.recv_fds(reader, 65536, 1)
            found.append(packets.PACKET.unpack_from(text)[2])
            for descriptor in descriptors:
                os.close(descriptor)
    return found
