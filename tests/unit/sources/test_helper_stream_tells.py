"""What a batch of the helper's stream tells of itself: what is missing and why, when it was read; how streams end."""

from __future__ import annotations

import asyncio
import socket
import time
from pathlib import Path

import pytest

from smoothtask_gui.domain.activity import ENERGY
from smoothtask_gui.domain.batch import Batch
from smoothtask_gui.domain.network import SOCKET, TRAFFIC, SocketMissing
from smoothtask_gui.domain.sensors import kind_of
from smoothtask_gui.sources import records
from smoothtask_gui.sources.activity import ActivitySection
from smoothtask_gui.sources.frames import FrameError
from smoothtask_gui.sources.helper_stream import HelperSource
from smoothtask_gui.sources.open_stream import OpenStream
from smoothtask_gui.sources.packets import PACKET_BYTES
from smoothtask_gui.sources.protocol import SourceError
from smoothtask_gui.sources.surroundings import Surroundings
from tests.fakes.batches import rows
from tests.fakes.descriptors import open_descriptors
from tests.fakes.networks import traffic_row
from tests.fakes.stream import FakeHelper, frame, tasks
from tests.unit.sources.test_helper_stream import (
    FRAME,
    HELLO,
    Next,
    Scripted,
    hang_up,
    network_frame,
    run,
    send,
    tick,
    without_sysfs,
)


def test_what_did_not_fit_into_a_frame_is_told_of_processes_and_of_connections() -> None:
    async def story(following: Next) -> None:
        whole, cut = await following(), await following()
        assert isinstance(whole, Batch)
        assert isinstance(cut, Batch)
        assert whole.network is not None
        assert cut.network is not None
        assert (whole.network.truncated, cut.network.truncated) == (False, True)
        assert not {"rows", "connections"} & set(whole.unavailable)
        assert {"rows", "connections"} <= set(cut.unavailable)

    run(Scripted(send(HELLO), tick(network_frame()), tick(network_frame(truncated=1))), story)


def test_a_helper_that_cannot_tell_all_that_was_asked_for_is_said_to_be_older() -> None:
    async def story(following: Next) -> None:
        batch = await following()
        assert isinstance(batch, Batch)
        assert "kinds" not in batch.unavailable
        batch = await following()
        assert isinstance(batch, Batch)
        assert "update smoothtask-helper" in batch.unavailable["kinds"]

    run(Scripted(tick(), send(HELLO), tick()), story)


def test_datagrams_that_were_not_counted_are_told() -> None:
    def traffic(missing: int) -> bytes:
        table = rows(traffic_row(missing=missing), dtype=TRAFFIC)
        return frame((1, tasks({"pid": 1})), (4, rows(dtype=SOCKET)), (6, table))

    async def story(following: Next) -> None:
        counted, uncounted = await following(), await following()
        assert isinstance(counted, Batch)
        assert isinstance(uncounted, Batch)
        assert "datagrams" not in counted.unavailable
        assert "datagrams" in uncounted.unavailable

    run(Scripted(tick(traffic(0)), tick(traffic(int(SocketMissing.TRAFFIC)))), story)


def test_the_time_of_day_is_that_of_the_reading_and_not_of_its_arrival() -> None:
    async def story(following: Next) -> None:
        batch = await following()
        assert isinstance(batch, Batch)
        began_ns = time.time_ns() - time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        assert abs(batch.realtime_ns - batch.boottime_ns - began_ns) < 10 * 10**9, "ten seconds for a clock that is set"

    run(Scripted(tick()), story)


def test_the_helpers_reading_of_energy_comes_with_the_moment_at_which_it_was_made() -> None:
    energy = rows({"packages": 1, "read_ns": 77, "energy_uj": 5000}, dtype=ENERGY)

    async def story(following: Next) -> None:
        batch = await following()
        assert isinstance(batch, Batch)
        assert (batch.system.package_energy_uj, batch.system.package_energy_ns) == (5000, 77)
        assert "energy" not in batch.unavailable

    run(Scripted(tick(frame((1, tasks({"pid": 1})), (ActivitySection.ENERGY, energy)))), story)


def test_a_stream_that_ends_lets_go_of_what_the_machine_is_read_with() -> None:
    closed = []

    class Noted(Surroundings):
        def close(self) -> None:
            closed.append(True)
            super().close()

    async def play() -> None:
        items = HelperSource(Scripted(tick(), hang_up), Noted(kind_of, sysfs_root=Path("/nowhere"))).items(1000)
        await anext(items)
        with pytest.raises(SourceError):
            await anext(items)

    asyncio.run(play())
    assert closed == [True]


def test_a_period_that_was_changed_before_the_helper_said_hello_is_asked_for_then() -> None:
    class Slow(FakeHelper):
        def __init__(self) -> None:
            super().__init__()
            self.was_opened = asyncio.Event()

        def hello(self, visibility: int = records.Visibility.ALL, kinds: int = 0) -> None:
            """Later, when the test says so."""
            asyncio.get_running_loop().call_soon(self.was_opened.set)

    async def play() -> FakeHelper:
        helper = Slow()
        source = HelperSource(helper, without_sysfs())
        items = source.items(1000)
        following = asyncio.ensure_future(anext(items))
        await helper.was_opened.wait()
        await source.change_period(250)
        assert helper.changed == []
        FakeHelper.hello(helper)
        helper.tick(FRAME)
        assert isinstance(await following, Batch)
        await items.aclose()
        return helper

    assert asyncio.run(play()).changed == [(7, 250)]


def test_a_longer_period_gives_the_tick_that_is_waited_for_more_time() -> None:
    async def play() -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with ours, OpenStream(theirs.detach(), 100, silent_at_least_s=0.0) as opened:
            opened.heard_tick()
            opened.change_period(60_000)
            following = asyncio.ensure_future(opened.receive())
            assert not (await asyncio.wait({following}, timeout=0.6))[0]
            ours.send(b"tick")
            assert await following == (b"tick", [])

    asyncio.run(play())


def test_a_packet_that_does_not_fit_is_no_packet_and_its_descriptors_do_not_stay() -> None:
    async def play(octets: bytes, descriptors: int) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with ours, OpenStream(theirs.detach(), 100) as opened:
            before = open_descriptors()
            socket.send_fds(ours, [octets], [ours.fileno()] * descriptors)
            with pytest.raises(FrameError, match="more than"):
                await opened.receive()
            assert open_descriptors() == before

    asyncio.run(play(bytes(PACKET_BYTES + 1), 1))
    asyncio.run(play(b"tick", 2))
