"""Promises of `adapters/cpu_limits.py`: on a real bus with a stand-in of systemd, and on real priorities."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from smoothtask_gui.adapters.cpu_limits import CpuLimits
from smoothtask_gui.adapters.leases import LimitFile
from smoothtask_gui.adapters.process_control import ControlError, OwnProcesses
from smoothtask_gui.adapters.session_bus import SessionBus
from smoothtask_gui.domain.incident import ProcessIdentity
from smoothtask_gui.domain.target import Target
from tests.fakes.session_systemd import UNLIMITED, FakeSystemd
from tests.unit.adapters.test_pauses import identity

UNIT = "app-HandBrake-1.scope"
PLACE = f"user.slice/user-1000.slice/user@1000.service/app.slice/{UNIT}"


@pytest.fixture
def coder() -> Iterator[ProcessIdentity]:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)"]) as process:
        yield identity(process.pid)
        process.kill()


class Place:
    """A cgroup tree with one unit, and the real /proc but for /proc/PID/cgroup."""

    def __init__(self, folder: Path, who: ProcessIdentity) -> None:
        self.folder, self.who = folder, who
        self.unit = folder / "cgroup" / PLACE
        self.unit.mkdir(parents=True)
        self.controllers = folder / "cgroup" / PLACE.partition("/app.slice")[0] / "cgroup.controllers"
        self.controllers.write_text("cpu memory pids\n")
        self.hold(who.pid)
        proc = folder / "proc" / str(who.pid)
        proc.mkdir(parents=True)
        (proc / "cgroup").write_text(f"0::/{PLACE}\n")
        (proc / "task").symlink_to(f"/proc/{who.pid}/task")

    def hold(self, *pids: int) -> None:
        (self.unit / "cgroup.procs").write_text("".join(f"{pid}\n" for pid in pids))

    def limits(self, bus: SessionBus | None) -> CpuLimits:
        roots = {"cgroup_root": self.folder / "cgroup", "proc_root": self.folder / "proc"}
        return CpuLimits(bus, OwnProcesses(), LimitFile(self.folder), **roots)


@pytest.fixture
def place(tmp_path: Path, coder: ProcessIdentity) -> Place:
    return Place(tmp_path, coder)


def play(address: str, systemd: FakeSystemd, story: Callable[[SessionBus], Awaitable[None]]) -> None:
    async def run() -> None:
        server = await systemd.serve(address)
        bus = await SessionBus.connect()
        try:
            async with asyncio.timeout(60):
                await story(bus)
        finally:
            await bus.close()
            server.disconnect()

    asyncio.run(run())


def test_a_unit_of_its_own_gets_half_of_what_it_used_and_all_of_it_back(address: str, place: Place) -> None:
    systemd = FakeSystemd({place.who.pid: UNIT})

    async def story(bus: SessionBus) -> None:
        limits = place.limits(bus)
        said = await limits.limit(Target("HandBrake", (place.who,), cores=2.8))
        assert said == "HandBrake may use 1.4 cores from now on, half of what it used."
        assert systemd.quotas[UNIT] == 1_400_000
        with pytest.raises(ControlError, match="limited already"):
            await limits.limit(Target("HandBrake", (place.who,), cores=2.8))
        await limits.unlimit(place.who)
        assert systemd.quotas[UNIT] == UNLIMITED
        with pytest.raises(ControlError, match="isn't limited any more"):
            await limits.unlimit(place.who)

    play(address, systemd, story)
    assert systemd.runtime == [True, True]  # nothing that outlives the unit


def test_the_next_start_undoes_a_limit_that_a_crash_left(address: str, place: Place) -> None:
    systemd = FakeSystemd({place.who.pid: UNIT})

    async def story(bus: SessionBus) -> None:
        await place.limits(bus).limit(Target("HandBrake", (place.who,), cores=2.0))
        assert await place.limits(bus).undo_leftovers() == [UNIT]
        assert systemd.quotas[UNIT] == UNLIMITED
        assert await place.limits(bus).undo_leftovers() == []

    play(address, systemd, story)


def test_the_end_of_the_app_undoes_its_limits(address: str, place: Place) -> None:
    systemd = FakeSystemd({place.who.pid: UNIT})

    async def story(bus: SessionBus) -> None:
        limits = place.limits(bus)
        await limits.limit(Target("HandBrake", (place.who,), cores=2.0))
        await limits.close()
        assert systemd.quotas[UNIT] == UNLIMITED

    play(address, systemd, story)


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda place: place.hold(place.who.pid, 1), "its unit holds 1 other processes"),
        (lambda place: place.controllers.write_text("memory pids\n"), "this session's systemd may not divide the CPU"),
    ],
)
def test_without_a_unit_that_can_be_limited_the_priority_is_lowered_and_raised_again(
    address: str, place: Place, spoil: Callable[[Place], None], why: str
) -> None:
    spoil(place)
    systemd = FakeSystemd({place.who.pid: UNIT})

    async def story(bus: SessionBus) -> None:
        await lower_and_raise(place.limits(bus), place.who, why)

    play(address, systemd, story)
    assert systemd.quotas[UNIT] == UNLIMITED


def test_an_app_that_systemd_does_not_know_gets_a_lower_priority(address: str, place: Place) -> None:
    async def story(bus: SessionBus) -> None:
        await lower_and_raise(place.limits(bus), place.who, "it has no unit of its own in this session's systemd")

    play(address, FakeSystemd({}), story)


async def lower_and_raise(limits: CpuLimits, who: ProcessIdentity, why: str) -> None:
    """As root priorities may be raised again; an ordinary user is told that they couldn't be."""
    if os.geteuid() != 0:
        with pytest.raises(ControlError, match=rf"{why}, and a lower priority could not be undone"):
            await limits.limit(Target("HandBrake", (who,), cores=2.0))
        return
    before = os.getpriority(os.PRIO_PROCESS, who.pid)
    assert await limits.limit(Target("HandBrake", (who,))) == f"HandBrake runs at a lower priority now: {why}."
    assert os.getpriority(os.PRIO_PROCESS, who.pid) == min(19, before + 10)
    await limits.unlimit(who)
    assert os.getpriority(os.PRIO_PROCESS, who.pid) == before


@pytest.mark.parametrize("text", ["", "[", "[[]]", '[["a.scope", -1]]', '[["passwd", 5]]', '[["a.scope", "5"]]', "{}"])
def test_a_damaged_file_of_limits_undoes_nothing(place: Place, text: str) -> None:
    (place.folder / "limited.json").write_text(text)
    assert asyncio.run(place.limits(None).undo_leftovers()) == []
