from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from smoothtask_gui.domain.activity import UNIX_READING
from smoothtask_gui.domain.batch import Batch, CoolingEvent, Lost, OomKill
from smoothtask_gui.domain.network import SOCKET, TRAFFIC
from smoothtask_gui.domain.sensors import kind_of
from smoothtask_gui.sources import records
from smoothtask_gui.sources.activity import ActivitySection
from smoothtask_gui.sources.helper_stream import KINDS, HelperSource
from smoothtask_gui.sources.protocol import Item, SourceError
from smoothtask_gui.sources.surroundings import Surroundings
from tests.fakes.batches import rows
from tests.fakes.networks import socket_row
from tests.fakes.stream import FakeHelper, event, exited, frame, packet, struct, tasks
from tests.fakes.trees import plant

Next = Callable[[], Awaitable[Item]]
Kind = records.PacketKind
COUNTERS = records.COUNTERS
HELLO = packet(Kind.HELLO, struct(records.HELLO, stream_id=1, period_ms=1000, kinds=127, visibility=2, uid=1000))
FRAME = frame((1, tasks({"pid": 5, "start_ns": 50}, {"pid": 6, "start_ns": 60})), boottime_ns=100)


def without_sysfs() -> Surroundings:
    """A machine that is throttled would tell it in between."""
    return Surroundings(kind_of, sysfs_root=Path("/nowhere"))


def run(helper: FakeHelper, story: Callable[[Next], Awaitable[None]]) -> None:
    async def play() -> None:
        items = HelperSource(helper, without_sysfs()).items(1000)
        try:
            await story(lambda: anext(items))
        finally:
            await items.aclose()

    asyncio.run(play())


class Scripted(FakeHelper):
    """Sends its script as soon as the stream is open."""

    def __init__(self, *script: Callable[[FakeHelper], None]) -> None:
        super().__init__()
        self.script = script

    async def open_stream(self, period_ms: int, kinds: int, *, interactive: bool = False) -> int:
        fd = await super().open_stream(period_ms, kinds)
        for step in self.script:
            step(self)
        return fd


def send(octets: bytes) -> Callable[[FakeHelper], None]:
    return lambda helper: helper.send(octets)


def tick(octets: bytes = FRAME, **lost: int) -> Callable[[FakeHelper], None]:
    return lambda helper: helper.tick(octets, **lost)


def hang_up(helper: FakeHelper) -> None:
    assert helper.end is not None
    helper.end.close()


def test_a_tick_becomes_a_batch_with_the_machine_beside_it() -> None:
    helper = Scripted(tick(lost_ticks=3, lost_events=2))

    async def story(following: Next) -> None:
        batch = await following()
        assert isinstance(batch, Batch)
        assert (batch.source, batch.boottime_ns) == ("helper", 100)
        assert batch.processes["pid"].tolist() == [5, 6]
        assert batch.lost == Lost(3, 2, 0)
        assert batch.system.cpus >= 1
        assert "exited" in batch.unavailable  # this frame has no such section

    run(helper, story)
    assert helper.asked == [(1000, KINDS)]
    assert helper.closed == 1


def test_events_come_at_once_and_in_order() -> None:
    cooling = event(records.EVENT_COOLING, 5, device_id=1, target_state=1, max_state=3, device_type=b"Processor")

    async def story(following: Next) -> None:
        assert isinstance(await following(), CoolingEvent)
        assert isinstance(await following(), Batch)

    run(Scripted(send(cooling), tick()), story)


def test_a_processor_that_is_throttled_already_is_told_after_the_first_tick(tmp_path: Path) -> None:
    folder = "class/thermal/cooling_device4"
    plant(tmp_path, {f"{folder}/type": "Processor", f"{folder}/cur_state": 2, f"{folder}/max_state": 10})

    async def play() -> None:
        helper = Scripted(tick(), tick(lost_events=1), tick(lost_events=1))
        items = HelperSource(helper, Surroundings(kind_of, sysfs_root=tmp_path)).items(1000)
        found = [await anext(items) for _ in range(5)]
        await items.aclose()
        seen = [(item.device_id, item.target_state) if isinstance(item, CoolingEvent) else type(item) for item in found]
        assert seen == [Batch, (4, 2), Batch, (4, 2), Batch], "again after the tick that says what was lost"

    asyncio.run(play())


def test_a_cooling_event_without_a_device_tells_which_one_has_changed(tmp_path: Path) -> None:
    """The BCC loader's programs don't see it: the first of two that ends must not end both."""
    for number in (0, 1):
        folder = f"class/thermal/cooling_device{number}"
        plant(tmp_path, {f"{folder}/type": "Processor", f"{folder}/cur_state": 1, f"{folder}/max_state": 10})
    nameless = event(records.EVENT_COOLING, 5, device_id=-1, target_state=0, device_type=b"Processor")

    async def play() -> None:
        helper = Scripted(tick())
        items = HelperSource(helper, Surroundings(kind_of, sysfs_root=tmp_path)).items(1000)
        seen = [await anext(items) for _ in range(3)]
        for number in (1, 0):
            plant(tmp_path, {f"class/thermal/cooling_device{number}/cur_state": 0})
            helper.send(nameless)
            seen.append(await anext(items))
        await items.aclose()
        cooling = [(item.device_id, item.target_state) for item in seen if isinstance(item, CoolingEvent)]
        assert cooling == [(0, 1), (1, 1), (1, 0), (0, 0)]

    asyncio.run(play())


def test_an_exit_waits_for_the_first_batch_that_no_longer_shows_its_process() -> None:
    leaving = event(records.EVENT_EXIT, 1, pid=6, start_ns=60, run_ns=9)
    reused = event(records.EVENT_EXIT, 1, pid=5, start_ns=1, run_ns=8)
    later = frame((1, tasks({"pid": 5, "start_ns": 50})), boottime_ns=200)

    async def story(following: Next) -> None:
        first, second = await following(), await following()
        assert isinstance(first, Batch)
        assert isinstance(second, Batch)
        assert [gone.pid for gone in first.exits] == [5]
        assert [gone.pid for gone in second.exits] == [6]

    run(Scripted(send(leaving), send(reused), tick(), tick(later)), story)


def test_lost_exits_count_from_the_stream_s_start() -> None:
    def counted(lost: int) -> bytes:
        row = struct(COUNTERS, lost_exits=lost)
        import numpy as np

        return frame((1, tasks()), (2, exited({"count": 1})), (3, np.frombuffer(row, COUNTERS)))

    async def story(following: Next) -> None:
        lost = [batch.lost.exits for batch in (await following(), await following()) if isinstance(batch, Batch)]
        assert lost == [0, 4]

    run(Scripted(tick(counted(10)), tick(counted(14))), story)


def test_an_oom_victim_without_identity_is_the_process_that_was_seen() -> None:
    known = event(records.EVENT_OOM_KILL, 2, pid=6, missing=16)
    unknown = event(records.EVENT_OOM_KILL, 2, pid=77, missing=16)

    async def story(following: Next) -> None:
        await following()
        assert await following() == OomKill(5, 6, 0, 60, 0, "x")
        batch = await following()
        assert isinstance(batch, Batch)
        assert batch.lost.events == 1

    run(Scripted(tick(), send(unknown), send(known), tick()), story)


def network_frame(*sockets: dict[str, object], truncated: int = 0) -> bytes:
    table = rows(*sockets, dtype=SOCKET)
    return frame((1, tasks({"pid": 1})), (4, table), (6, rows(dtype=TRAFFIC)), truncated=truncated)


def test_closed_connections_come_with_the_next_batch() -> None:
    closed = rows(socket_row(5, sent=7), dtype=SOCKET)[0]
    steps = [
        send(HELLO),
        tick(network_frame(socket_row(5))),
        send(event(records.EVENT_SOCKET_CLOSED, 6, socket=closed)),
        tick(network_frame()),
        tick(network_frame()),
    ]

    async def story(following: Next) -> None:
        closes = []
        for _ in range(3):
            batch = await following()
            assert isinstance(batch, Batch)
            assert batch.network is not None
            assert batch.network.own_uid == 1000
            closes.append(batch.network.closes["sent_bytes"].tolist())
        assert closes == [[], [7], []]

    run(Scripted(*steps), story)


def test_without_the_probes_of_sockets_the_network_is_missing_with_its_reason() -> None:
    async def story(following: Next) -> None:
        batch = await following()
        assert isinstance(batch, Batch)
        assert batch.network is None
        assert "not running" in batch.unavailable["network"]
        batch = await following()
        assert isinstance(batch, Batch)
        assert "cut" in batch.unavailable["connections"] or "more than" in batch.unavailable["connections"]

    run(Scripted(send(HELLO), tick(), tick(network_frame(truncated=1))), story)


def test_a_reading_of_unix_sockets_that_was_cut_short_is_told() -> None:
    def reading(truncated: int) -> bytes:
        made = rows({"read_ns": 1, "took_ns": 1, "truncated": truncated}, dtype=UNIX_READING)
        return frame((1, tasks({"pid": 1})), (ActivitySection.UNIX_READING, made))

    async def story(following: Next) -> None:
        batch = await following()
        assert isinstance(batch, Batch)
        assert "unix_sockets" not in batch.unavailable
        batch = await following()
        assert isinstance(batch, Batch)
        assert batch.unavailable["unix_sockets"].startswith("some unix sockets")

    run(Scripted(send(HELLO), tick(reading(0)), tick(reading(1))), story)


def test_a_narrower_view_is_said() -> None:
    async def story(following: Next) -> None:
        batch = await following()
        assert isinstance(batch, Batch)
        assert "io" in batch.unavailable

    run(Scripted(lambda helper: helper.hello(records.Visibility.AS_PROC), tick()), story)


@pytest.mark.parametrize(
    ("step", "message"),
    [
        (hang_up, "closed the stream"),
        (send(packet(Kind.BYE, struct(records.BYE, reason=1))), "ended the stream: the helper was stopped"),
        (send(b"nonsense"), "the packet's head"),
        (send(packet(Kind.TICK, struct(records.TICK))), "0 descriptors"),
        (tick(b"no frame at all"), "its head alone needs"),
        (lambda helper: helper.tick(FRAME, seals=0), "not sealed"),
        (send(packet(Kind.HELLO, version=9)), "version 9"),
    ],
)
def test_whatever_ends_or_breaks_the_stream_is_said(step: Callable[[FakeHelper], None], message: str) -> None:
    helper = Scripted(step)

    async def story(following: Next) -> None:
        with pytest.raises(SourceError, match=message):
            await following()

    run(helper, story)
    assert helper.closed == 1


def test_a_silent_helper_is_not_shown_as_live() -> None:
    async def play() -> None:
        items = HelperSource(Scripted(tick()), without_sysfs(), silent_at_least_s=0.0).items(100)
        await anext(items)
        with pytest.raises(SourceError, match=r"no sample for 0\.3 s"):
            await anext(items)

    asyncio.run(play())


def test_a_refusal_is_passed_on() -> None:
    async def story(following: Next) -> None:
        with pytest.raises(SourceError, match="polkit said no"):
            await following()

    run(FakeHelper(["polkit said no"]), story)


def test_nothing_stays_open_after_many_ticks_and_an_end() -> None:
    async def story(following: Next) -> None:
        for _ in range(20):
            await following()

    run(Scripted(*[tick()] * 20), story)
    before = len(list(Path("/proc/self/fd").iterdir()))
    run(Scripted(*[tick()] * 20), story)
    assert len(list(Path("/proc/self/fd").iterdir())) == before
    assert os.getpid()


def test_a_change_of_the_period_is_asked_for_on_the_open_stream() -> None:
    async def play() -> FakeHelper:
        helper = Scripted(tick(), tick())
        source = HelperSource(helper, without_sysfs())
        items = source.items(1000)
        await anext(items)
        await source.change_period(250)
        assert isinstance(await anext(items), Batch)
        await items.aclose()
        return helper

    helper = asyncio.run(play())
    assert helper.changed == [(7, 250)]
    assert helper.opened == 1


def test_a_period_that_the_helper_refuses_ends_the_stream_with_the_reason() -> None:
    async def play() -> None:
        helper = Scripted(tick())
        source = HelperSource(helper, without_sysfs())
        items = source.items(1000)
        await anext(items)
        helper._refusals.append("too fast for you")
        await source.change_period(250)
        with pytest.raises(SourceError, match="The period could not be changed: too fast for you"):
            await anext(items)

    asyncio.run(play())


def test_a_longer_period_is_not_taken_for_silence() -> None:
    async def play() -> None:
        helper = Scripted(tick())
        source = HelperSource(helper, without_sysfs(), silent_at_least_s=0.0)
        items = source.items(100)
        await anext(items)
        following = asyncio.ensure_future(anext(items))
        await source.change_period(60_000)
        assert not (await asyncio.wait({following}, timeout=0.5))[0]
        helper.tick(FRAME)
        assert isinstance(await following, Batch)
        await items.aclose()

    asyncio.run(play())
