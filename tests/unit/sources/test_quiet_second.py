"""What a second in which nothing happens may cost: turns of the loop and threads are counted, since each costs more
than most of what is read.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from smoothtask_gui.adapters.application_names import ApplicationNames
from smoothtask_gui.adapters.desktop_entries import DesktopEntries
from smoothtask_gui.domain.batch import Batch
from smoothtask_gui.domain.sensors import kind_of
from smoothtask_gui.sources.auto import AutoSource
from smoothtask_gui.sources.focus.source import FocusSource
from smoothtask_gui.sources.helper_stream import HelperSource
from smoothtask_gui.sources.open_stream import OpenStream
from smoothtask_gui.sources.origins import OriginReader, OriginSource
from smoothtask_gui.sources.pressure import PressureSource
from smoothtask_gui.sources.procfs import ProcfsSource
from smoothtask_gui.sources.surroundings import Surroundings
from tests.fakes.focus import FakeFocus
from tests.fakes.stream import FakeHelper, frame, tasks
from tests.fakes.trees import plant

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pytest

    from smoothtask_gui.sources.protocol import Source

TICKS = 8
MOST_TURNS = 8
PATIENCE_S = 30.0
PROCESSOR: Final[dict[str, str | int | bytes | Path]] = {
    "class/hwmon/hwmon0/name": "coretemp",
    "class/hwmon/hwmon0/temp1_input": 61000,
    "class/hwmon/hwmon0/temp1_label": "Package id 0",
}
DISK: Final[dict[str, str | int | bytes | Path]] = {
    "class/hwmon/hwmon1/name": "nvme",
    "class/hwmon/hwmon1/temp1_input": 38000,
}


class Counted:
    """Turns of asyncio's loop and threads sent, until they are asked for."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._turns = self._threads = 0
        run, to_thread = asyncio.Handle._run, asyncio.to_thread

        def counted_run(handle: asyncio.Handle) -> None:
            self._turns += 1
            run(handle)

        async def counted_to_thread(function: Callable[[], object]) -> object:
            self._threads += 1
            return await to_thread(function)

        monkeypatch.setattr(asyncio.Handle, "_run", counted_run)
        monkeypatch.setattr(asyncio, "to_thread", counted_to_thread)

    def take(self) -> tuple[int, int]:
        found, self._turns, self._threads = (self._turns, self._threads), 0, 0
        return found


def least_of_a_second(sysfs_root: Path, counted: Counted) -> tuple[int, int]:
    """(turns, threads) of a tick, the least of several: some things are done every few seconds only."""
    helper = FakeHelper()

    def source() -> Source:
        surroundings = Surroundings(kind_of, sysfs_root=sysfs_root, wants_gpus=lambda: False)
        auto = AutoSource(
            lambda: HelperSource(helper, surroundings), lambda: ProcfsSource(surroundings), patience_s=PATIENCE_S
        )
        reader = OriginReader(ApplicationNames(DesktopEntries(())), sysfs_root)
        return PressureSource(OriginSource(FocusSource(auto, FakeFocus()), reader), thresholds=())

    async def play() -> list[tuple[int, int]]:
        seen = []
        items = source().items(1000)
        for at in range(1, TICKS):
            following = asyncio.ensure_future(anext(items))
            while helper.end is None:  # noqa: ASYNC110 - the stream is opened when it is first read
                await asyncio.sleep(0)
            for _ in range(4 * MOST_TURNS):  # until all that read the stream wait for it
                await asyncio.sleep(0)
            counted.take()
            helper.tick(frame((1, tasks({"pid": 5, "start_ns": 50})), boottime_ns=(1000 + at) * 10**9))
            while not isinstance(await following, Batch):
                following = asyncio.ensure_future(anext(items))
            seen.append(counted.take())
        await items.aclose()
        return seen

    seen = asyncio.run(play())
    return min(turns for turns, _ in seen), min(threads for _, threads in seen)


def test_a_quiet_second_takes_few_turns_of_the_loop_and_no_thread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    turns, threads = least_of_a_second(plant(tmp_path, PROCESSOR), Counted(monkeypatch))
    assert threads == 0
    assert turns <= MOST_TURNS


def test_a_disk_s_sensor_is_asked_in_a_thread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert least_of_a_second(plant(tmp_path, PROCESSOR | DISK), Counted(monkeypatch))[1] == 1


def test_a_packet_that_nobody_reads_yet_lets_the_loop_sleep(monkeypatch: pytest.MonkeyPatch) -> None:
    counted = Counted(monkeypatch)
    helper = FakeHelper()

    async def play() -> tuple[int, list[bytes]]:
        with OpenStream(await helper.open_stream(1000, 1), 1000) as opened:
            await opened.receive()  # its greeting
            reading = asyncio.ensure_future(opened.receive())
            await asyncio.sleep(0)
            for octets in (b"first", b"second", b"third"):
                helper.send(octets)
            found = [(await reading)[0]]
            counted.take()
            await asyncio.sleep(0.2)
            turns = counted.take()[0]
            following = [(await opened.receive())[0], (await opened.receive())[0]]
        await helper.close()
        return turns, [*found, *following]

    turns, found = asyncio.run(play())
    assert turns <= MOST_TURNS
    assert found == [b"first", b"second", b"third"]
