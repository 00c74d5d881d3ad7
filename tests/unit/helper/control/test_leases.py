"""A paused process goes on: when its time is over, when its owner leaves, when the service ends or dies."""

import asyncio
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest

from helper.bus import errors
from helper.bus.errors import Refusal
from helper.bus.operations import Caller
from helper.control.keeper import Keeper, KeeperGone
from helper.control.leases import PER_UID, Leases
from helper.control.targets import Target
from tests.fakes.processes import sleeping, start_ns, state_of

ROOT = Path(__file__).parents[4]
ALICE, BOB = Caller(":1.1", 1000), Caller(":1.2", 1001)


class FakeKeeper:
    """Remembers what it holds, without a process."""

    def __init__(self) -> None:
        self.held: set[tuple[int, int]] = set()
        self.is_dead = False

    def hold(self, key: tuple[int, int], _pidfd: int) -> None:
        if self.is_dead:
            raise KeeperGone("the keeper has died")
        self.held.add(key)

    def release(self, key: tuple[int, int]) -> None:
        self.held.discard(key)


class Scene:
    """Leases, their keeper, and a process to pause."""

    def __init__(self, pid: int) -> None:
        self.keeper = FakeKeeper()
        self.changes = 0
        keeper: Any = self.keeper
        self.leases = Leases(keeper, self.count_change)
        self.target = Target(pid, start_ns(pid))

    def count_change(self) -> None:
        self.changes += 1

    def close(self) -> None:
        self.leases.close()
        self.target.close()


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    with sleeping() as process:
        yield process


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not holds():  # noqa: ASYNC110  it is another process that changes
            await asyncio.sleep(0.01)


def stopped(pid: int) -> bool:
    return state_of(pid) == "T"


Story = Callable[[Scene], Coroutine[Any, Any, None]]


def tell(pid: int, story: Story) -> None:
    async def run() -> None:
        scene = Scene(pid)
        try:
            await story(scene)
        finally:
            scene.close()

    asyncio.run(run())


def test_a_leased_process_is_stopped_and_goes_on_by_itself(sleeper: subprocess.Popen[bytes]) -> None:
    async def story(scene: Scene) -> None:
        before_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        until_ns = scene.leases.grant(ALICE, scene.target, 1)
        assert before_ns + 10**9 <= until_ns <= time.clock_gettime_ns(time.CLOCK_BOOTTIME) + 10**9
        await until(lambda: stopped(sleeper.pid))
        assert scene.keeper.held == {scene.target.key}
        await until(lambda: not stopped(sleeper.pid))
        assert scene.leases.count() == 0
        assert scene.keeper.held == set()
        assert scene.changes == 2

    tell(sleeper.pid, story)


def test_it_goes_on_when_its_owner_leaves(sleeper: subprocess.Popen[bytes]) -> None:
    async def story(scene: Scene) -> None:
        scene.leases.grant(ALICE, scene.target, 3600)
        await until(lambda: stopped(sleeper.pid))
        scene.leases.end_all_of(BOB.name)
        assert scene.leases.holds(ALICE, scene.target.key)
        scene.leases.end_all_of(ALICE.name)
        await until(lambda: not stopped(sleeper.pid))

    tell(sleeper.pid, story)


def test_it_goes_on_when_the_service_ends(sleeper: subprocess.Popen[bytes]) -> None:
    async def story(scene: Scene) -> None:
        scene.leases.grant(ALICE, scene.target, 3600)
        await until(lambda: stopped(sleeper.pid))
        scene.leases.close()
        await until(lambda: not stopped(sleeper.pid))

    tell(sleeper.pid, story)


def test_it_stays_paused_until_the_last_lease_is_over(sleeper: subprocess.Popen[bytes]) -> None:
    async def story(scene: Scene) -> None:
        scene.leases.grant(ALICE, scene.target, 3600)
        await until(lambda: stopped(sleeper.pid))
        scene.target.look_again()
        scene.leases.grant(BOB, scene.target, 3600)
        scene.leases.end(ALICE.name, scene.target.key)
        assert stopped(sleeper.pid)
        assert scene.leases.count() == 1
        scene.leases.end(BOB.name, scene.target.key)
        await until(lambda: not stopped(sleeper.pid))

    tell(sleeper.pid, story)


def test_a_second_pause_of_the_same_caller_renews_the_first(sleeper: subprocess.Popen[bytes]) -> None:
    async def story(scene: Scene) -> None:
        scene.leases.grant(ALICE, scene.target, 3600)
        await until(lambda: stopped(sleeper.pid))
        scene.leases.grant(ALICE, scene.target, 1)
        await until(lambda: not stopped(sleeper.pid))
        assert scene.leases.count() == 0

    tell(sleeper.pid, story)


def test_what_somebody_else_stopped_is_not_leased(sleeper: subprocess.Popen[bytes]) -> None:
    async def story(scene: Scene) -> None:
        sleeper.send_signal(signal.SIGSTOP)
        await until(lambda: stopped(sleeper.pid))
        scene.target.look_again()
        with pytest.raises(Refusal) as refusal:
            scene.leases.grant(ALICE, scene.target, 10)
        assert refusal.value.name == errors.NOT_POSSIBLE
        assert scene.leases.count() == 0

    tell(sleeper.pid, story)


def test_a_paused_process_that_ends_is_forgotten(sleeper: subprocess.Popen[bytes]) -> None:
    async def story(scene: Scene) -> None:
        scene.leases.grant(ALICE, scene.target, 3600)
        sleeper.kill()
        await until(lambda: scene.leases.count() == 0)
        assert scene.keeper.held == set()

    tell(sleeper.pid, story)


def test_without_a_keeper_nothing_is_paused(sleeper: subprocess.Popen[bytes]) -> None:
    async def story(scene: Scene) -> None:
        scene.keeper.is_dead = True
        for _ in range(PER_UID + 1):
            with pytest.raises(Refusal) as refusal:
                scene.leases.grant(ALICE, scene.target, 10)
            assert refusal.value.name == errors.UNAVAILABLE
        assert not stopped(sleeper.pid)

    tell(sleeper.pid, story)


def test_a_user_may_pause_only_so_many() -> None:
    processes = [subprocess.Popen(["sleep", "600"]) for _ in range(PER_UID + 1)]
    targets = [Target(process.pid, start_ns(process.pid)) for process in processes]

    async def story() -> None:
        keeper: Any = FakeKeeper()
        leases = Leases(keeper, lambda: None)
        try:
            for target in targets[:-1]:
                leases.grant(ALICE, target, 3600)
            with pytest.raises(Refusal) as refusal:
                leases.grant(ALICE, targets[-1], 3600)
            assert refusal.value.name == errors.LIMITS_EXCEEDED
            leases.grant(BOB, targets[-1], 3600)
            leases.end(ALICE.name, targets[0].key)
            leases.grant(ALICE, targets[-1], 3600)
        finally:
            leases.close()

    try:
        asyncio.run(story())
    finally:
        for target, process in zip(targets, processes, strict=True):
            target.close()
            process.kill()
            process.wait()


PAUSING = """
import os, sys, signal, time
from helper.control.keeper import Keeper
keeper = Keeper.start()
pid = int(sys.argv[1])
pidfd = os.pidfd_open(pid)
keeper.hold((pid, 7), pidfd)
signal.pidfd_send_signal(pidfd, signal.SIGSTOP)
print(keeper.pid, flush=True)
time.sleep(600)
"""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGABRT])
def test_it_goes_on_even_when_the_service_is_killed(sleeper: subprocess.Popen[bytes], how: signal.Signals) -> None:
    command = [sys.executable, "-c", PAUSING, str(sleeper.pid)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT, text=True) as service:
        assert service.stdout is not None
        keeper_pid = int(service.stdout.readline())
        asyncio.run(until(lambda: stopped(sleeper.pid)))
        os.kill(keeper_pid, signal.SIGTERM)  # as systemd sends it to all processes of a unit
        service.send_signal(how)
    asyncio.run(until(lambda: not stopped(sleeper.pid)))
    asyncio.run(until(lambda: state_of(keeper_pid) in {"", "Z"}))


def test_the_service_sees_when_its_keeper_has_died(sleeper: subprocess.Popen[bytes]) -> None:
    keeper = Keeper.start()
    pidfd = os.pidfd_open(sleeper.pid)
    keeper.hold((sleeper.pid, 7), pidfd)
    os.kill(keeper.pid, signal.SIGKILL)
    assert select.select([keeper.socket], [], [], 30)[0]
    with pytest.raises(KeeperGone):
        keeper.hold((sleeper.pid, 7), pidfd)
    keeper.release((sleeper.pid, 7))
    keeper.close()
    os.close(pidfd)


def test_what_was_released_is_left_alone_at_the_end(sleeper: subprocess.Popen[bytes]) -> None:
    keeper = Keeper.start()
    pidfd = os.pidfd_open(sleeper.pid)
    keeper.hold((sleeper.pid, 7), pidfd)
    keeper.release((sleeper.pid, 7))
    sleeper.send_signal(signal.SIGSTOP)
    asyncio.run(until(lambda: stopped(sleeper.pid)))
    keeper.close()  # it has ended by now
    os.close(pidfd)
    assert stopped(sleeper.pid)
