"""All open streams together: who shares a frame, who gets which event, and what happens when a probe breaks."""

import asyncio
import contextlib
import os
import resource
import socket
import struct
from collections.abc import Callable, Coroutine
from typing import Any, Self

from helper.probes.visibility import Mode, Visibility
from helper.sampler import kept_frames, packets
from helper.sampler.activity import Activity
from helper.sampler.hub import Hub
from helper.sampler.message_watch import never
from helper.sampler.probe_set import Slot, State, kinds_of
from helper.sampler.readings import Part, Readings
from helper.sampler.stream import Request, Stream
from tests.fakes.probes import ROW_BYTES, FakeEvents, FakeTasks

ALICE, BOB = (Visibility(Mode.SEES_AS_PROC, uid) for uid in (1000, 1001))
BOB_ALONE = Visibility(Mode.SEES_OWN, 1001)
EXIT_EVENT_BYTES = 112


class Desk:
    """A hub on fake probes; `run` gives it a loop. What it and its probes hold is closed at the block's end."""

    def __init__(
        self,
        tasks: FakeTasks | None = None,
        parts: tuple[Part, ...] = (),
        look: Callable[[int], int | None] = never,
        activity: Activity | None = None,
    ) -> None:
        self.event_slots: list[Slot] = []
        self.descriptors: list[int] = []
        self.tasks = tasks or FakeTasks()
        self.slot = Slot(self.tasks, kinds_of(self.tasks.name))
        self.slot.open()
        self.ended: list[Stream] = []
        self.someone_ended = asyncio.Event()
        self.hub = Hub(Readings((self.slot, self.tasks, ROW_BYTES), None, parts, activity), self._note_end, look)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for slot in self.event_slots:
            slot.close()
        self.hub.close(packets.BYE_SHUTDOWN)

    def listen(self, events: FakeEvents) -> Slot:
        """The hub hears of `events` from now on."""
        slot = Slot(events, kinds_of(events.name))
        slot.open()
        self.hub.events.listen(slot, events)
        self.event_slots.append(slot)
        self.descriptors.append(events.fileno())
        return slot

    def _note_end(self, stream: Stream) -> None:
        self.ended.append(stream)
        self.someone_ended.set()

    def open(self, visibility: Visibility, kinds: int = packets.KIND_TASKS, period_ms: int = 100) -> Stream:
        return self.hub.open(Request(f":1.{visibility.uid}", visibility.uid, period_ms, kinds, visibility))

    async def next(self, stream: Stream, kind: int) -> tuple[bytes, int]:
        """The body of the next packet of `kind` and the size of its frame."""
        stream.other_end.setblocking(False)
        while True:
            try:
                text, fds, _, _ = socket.recv_fds(stream.other_end, 65536, 1)
            except BlockingIOError:
                await asyncio.sleep(0.005)
                continue
            size = os.fstat(fds[0]).st_size if fds else 0
            for fd in fds:
                os.close(fd)
            if packets.PACKET.unpack_from(text)[2] == kind:
                return text[packets.PACKET.size :], size


def closed_record(uid: int) -> bytes:
    record = bytearray(packets.EVENT_HEAD.pack(6, 16 + 128, 5) + bytes(128))
    struct.pack_into("@I", record, 100, uid)
    return bytes(record)


def run(scene: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(scene, 60))


def exit_record(uid: int) -> bytes:
    head = packets.EVENT_HEAD.pack(1, EXIT_EVENT_BYTES, 5)
    return head + struct.pack("@4I", 42, 1, uid, 0) + bytes(EXIT_EVENT_BYTES - 32)


def test_one_snapshot_serves_all_streams_that_are_due_however_many_users_and_periods_they_have() -> None:
    async def scene() -> None:
        with Desk() as desk:
            for _ in range(3):
                desk.open(ALICE, period_ms=30_000)  # long ones: no second tick comes in between
            last = desk.open(ALICE, period_ms=60_000)
            desk.open(BOB, period_ms=60_000)
            await desk.next(last, packets.TICK)
            assert len(desk.tasks.asked) == 1

    run(scene())


def test_the_buffer_grows_until_all_rows_fit() -> None:
    async def scene() -> None:
        with Desk(FakeTasks(rows=5000)) as desk:
            _, size = await desk.next(desk.open(ALICE), packets.TICK)
            assert size == packets.FRAME.size + packets.SECTION.size + 5000 * ROW_BYTES

    run(scene())


def test_a_stream_without_tasks_ticks_with_empty_frames() -> None:
    async def scene() -> None:
        with Desk() as desk:
            _, size = await desk.next(desk.open(ALICE, kinds=packets.KIND_OOM), packets.TICK)
            assert size == packets.FRAME.size
            assert desk.tasks.asked == []

    run(scene())


def test_a_snapshot_that_breaks_ends_its_streams_with_the_reason_and_no_others() -> None:
    async def scene() -> None:
        with Desk() as desk:
            doomed, other = desk.open(ALICE), desk.open(BOB, kinds=packets.KIND_OOM)
            await desk.next(doomed, packets.TICK)
            with socket.socket(fileno=os.dup(doomed.other_end.fileno())) as spare:
                desk.tasks.broken = True
                await desk.someone_ended.wait()
                await desk.next(other, packets.TICK)
                spare.setblocking(False)
                text = spare.recv(65536)
                while packets.PACKET.unpack_from(text)[2] == packets.TICK:  # sent while the test was waiting
                    text = spare.recv(65536)
            assert desk.ended == [doomed]
            assert desk.slot.state is State.FAILED
            assert "step: read" in desk.slot.reason

    run(scene())


def test_a_frame_that_cannot_be_made_is_a_lost_tick_and_the_next_one_comes() -> None:
    async def scene() -> None:
        with Desk() as desk:
            stream = desk.open(ALICE)
            await desk.next(stream, packets.TICK)
            limits = resource.getrlimit(resource.RLIMIT_NOFILE)
            resource.setrlimit(resource.RLIMIT_NOFILE, (3, limits[1]))  # no descriptor is free for a frame
            try:
                snapshots = len(desk.tasks.asked)
                while len(desk.tasks.asked) < snapshots + 2:  # noqa: ASYNC110 - the fake has no event to wait for
                    await asyncio.sleep(0.005)
            finally:
                resource.setrlimit(resource.RLIMIT_NOFILE, limits)
            lost_ticks = 0
            while not lost_ticks:
                text, _ = await desk.next(stream, packets.TICK)
                lost_ticks = struct.unpack_from("@QQ", text)[1]

    run(scene())


def test_an_event_reaches_those_who_asked_masked_for_each() -> None:
    async def scene() -> None:
        with Desk() as desk:
            events = FakeEvents()
            desk.listen(events)
            kinds = packets.KIND_PROCESS_EXITS
            alice, bob, alone = (desk.open(seen, kinds) for seen in (ALICE, BOB, BOB_ALONE))
            events.put(exit_record(uid=1000))
            events.put(exit_record(uid=1001))
            missing = [
                struct.unpack_from("@I", (await desk.next(who, packets.EVENT))[0], 88)[0] for who in (alice, bob)
            ]
            assert missing == [0, 1], "another user's bytes are flagged as missing"
            first_for_alone = (await desk.next(alone, packets.EVENT))[0]
            assert struct.unpack_from("@I", first_for_alone, 24)[0] == 1001, "under hidepid another's end isn't told"

    run(scene())


def test_what_a_ring_buffer_loses_is_told_to_those_who_asked_for_its_events() -> None:
    async def scene() -> None:
        with Desk() as desk:
            events = FakeEvents(lost_count=10)
            desk.listen(events)
            asked, other = desk.open(ALICE, packets.KIND_PROCESS_EXITS), desk.open(ALICE, packets.KIND_TASKS)
            events.lost_count = 17
            lost = [packets.TICK_BODY.unpack((await desk.next(who, packets.TICK))[0])[2] for who in (asked, other)]
            assert lost == [7, 0]

    run(scene())


class FakePart:
    """A section of the kind SOCKETS that counts how often it was read."""

    kind = packets.KIND_SOCKETS

    def __init__(self) -> None:
        self.asked: list[Visibility] = []

    def sections(self, visibility: Visibility, _moment_ns: int) -> tuple[packets.Section, ...]:
        self.asked.append(visibility)
        return (packets.Section(packets.SECTION_SOCKETS, 128, bytes(128)),)


def test_what_streams_of_one_class_have_in_common_is_read_once_and_nobody_else_pays() -> None:
    async def scene() -> None:
        part = FakePart()
        with Desk(parts=(part,)) as desk:
            tasks_bytes = packets.SECTION.size + desk.tasks.rows * ROW_BYTES
            socket_bytes = packets.SECTION.size + 128
            both = packets.KIND_TASKS | packets.KIND_SOCKETS
            asked = [desk.open(ALICE, kinds, 60_000) for kinds in (packets.KIND_TASKS, both, packets.KIND_SOCKETS)]
            bob = desk.open(BOB, packets.KIND_TASKS, 60_000)
            sizes = [(await desk.next(stream, packets.TICK))[1] - packets.FRAME.size for stream in (*asked, bob)]
            assert sizes == [tasks_bytes, tasks_bytes + socket_bytes, socket_bytes, tasks_bytes]
            assert part.asked == [ALICE]
            assert len(desk.tasks.asked) == 1

    run(scene())


def test_what_closed_before_a_snapshot_is_told_before_its_tick() -> None:
    async def scene() -> None:
        with Desk(parts=(FakePart(),)) as desk:
            closes = FakeEvents("socket_events")
            desk.listen(closes)
            stream = desk.open(ALICE, kinds=packets.KIND_SOCKETS | packets.KIND_SOCKET_CLOSES)
            closes.put(closed_record(uid=1000))
            stream.other_end.setblocking(False)
            kinds = []
            while packets.TICK not in kinds:
                await asyncio.sleep(0.005)
                with contextlib.suppress(BlockingIOError):
                    while True:
                        text, fds, _, _ = socket.recv_fds(stream.other_end, 65536, 1)
                        kinds.append(packets.PACKET.unpack_from(text)[2])
                        for fd in fds:
                            os.close(fd)
            assert kinds[:3] == [packets.HELLO, packets.EVENT, packets.TICK]

    run(scene())


def test_a_closed_connection_is_told_to_its_user_and_to_those_who_see_all() -> None:
    async def scene() -> None:
        with Desk() as desk:
            closes = FakeEvents("socket_events")
            desk.listen(closes)
            everybody = Visibility(Mode.SEES_ALL, 0)
            alice, all_ = (desk.open(seen, kinds=packets.KIND_SOCKET_CLOSES) for seen in (ALICE, everybody))
            closes.put(closed_record(uid=1001))
            closes.put(closed_record(uid=1000))
            uids = [struct.unpack_from("@I", (await desk.next(who, packets.EVENT))[0], 100)[0] for who in (alice, all_)]
            assert uids == [1000, 1001]

    run(scene())


def test_losses_of_a_probe_that_failed_and_came_back_add_up() -> None:
    async def scene() -> None:
        with Desk() as desk:
            first, again = FakeEvents(lost_count=10), FakeEvents(lost_count=3)
            slot = desk.listen(first)
            assert desk.hub.events.lost(packets.KIND_PROCESS_EXITS) == 10
            slot.close()
            assert desk.hub.events.lost(packets.KIND_PROCESS_EXITS) == 10
            slot.probe = again
            slot.open()
            desk.hub.events.listen(slot, again)
            assert desk.hub.events.lost(packets.KIND_PROCESS_EXITS) == 13

    run(scene())


def test_a_reader_that_hangs_up_ends_its_stream_without_a_tick() -> None:
    async def scene() -> None:
        with Desk() as desk:
            stream = desk.open(ALICE, period_ms=60_000)
            await desk.next(stream, packets.TICK)
            stream.other_end.close()
            await desk.someone_ended.wait()
            assert desk.hub.count() == 0

    run(scene())


def test_a_reader_that_keeps_its_frames_gets_no_more_until_it_lets_go_and_others_do() -> None:
    async def scene() -> None:
        with Desk() as desk:
            greedy, other = desk.open(ALICE), desk.open(BOB)
            kept: list[int] = []
            greedy.other_end.setblocking(False)
            for _ in range(10):
                await desk.next(other, packets.TICK)
                kept += taken(greedy.other_end)
            assert len(kept) == kept_frames.PER_STREAM + kept_frames.SPARE
            assert desk.hub.kept_bytes() > 0
            for descriptor in kept:
                os.close(descriptor)
            _, lost_ticks, *_ = packets.TICK_BODY.unpack((await desk.next(greedy, packets.TICK))[0])
            assert lost_ticks > 0
        assert desk.hub.kept_bytes() == 0

    run(scene())


class Looks:
    """What is called before each tick, and by itself every so many ms if it wants to."""

    def __init__(self, again_ms: int | None) -> None:
        self.again_ms = again_ms
        self.slowest: list[int] = []

    def __call__(self, slowest_ms: int) -> int | None:
        self.slowest.append(slowest_ms)
        return self.again_ms

    async def until(self, count: int) -> None:
        while len(self.slowest) < count:  # noqa: ASYNC110 - the fake has no event to wait for
            await asyncio.sleep(0.005)


def test_before_each_tick_there_is_a_look_that_knows_who_reads_sockets_most_rarely() -> None:
    async def scene() -> None:
        looks = Looks(None)
        with Desk(look=looks) as desk:
            desk.open(BOB, kinds=packets.KIND_TASKS, period_ms=60_000)
            desk.open(BOB, kinds=packets.KIND_SOCKETS, period_ms=30_000)
            stream = desk.open(ALICE, kinds=packets.KIND_SOCKETS, period_ms=100)
            for ticks in range(1, 4):
                await desk.next(stream, packets.TICK)
                assert len(looks.slowest) >= ticks
            assert set(looks.slowest) == {60_000}, "twice the period: a frame may be late"

    run(scene())


def test_a_look_that_is_wanted_comes_without_a_tick_and_takes_no_snapshot() -> None:
    async def scene() -> None:
        looks = Looks(100)
        with Desk(look=looks) as desk:
            stream = desk.open(ALICE, period_ms=60_000)
            await desk.next(stream, packets.TICK)
            await looks.until(4)
            assert len(desk.tasks.asked) == 1
            desk.hub.end(stream)
            await looks.until(len(looks.slowest) + 2)
            assert looks.slowest[-1] == 0, "nobody reads"
            looks.again_ms = None
            count = len(looks.slowest) + 1
            await looks.until(count)
            assert desk.hub._timer is None

    run(scene())


def test_a_hub_that_is_closed_looks_no_more() -> None:
    async def scene() -> None:
        looks = Looks(100)
        with Desk(look=looks) as desk:
            await desk.next(desk.open(ALICE), packets.TICK)
        assert desk.hub._timer is None

    run(scene())


def taken(end: socket.socket) -> list[int]:
    """The descriptors of all packets that wait."""
    found: list[int] = []
    while True:
        try:
            _, fds, _, _ = socket.recv_fds(end, 65536, 1)
        except BlockingIOError:
            return found
        found += fds
