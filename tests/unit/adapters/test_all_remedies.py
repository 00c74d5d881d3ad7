"""One port decides who acts: the app itself on its own user's processes, Control on all others."""

import asyncio
import os
import signal
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from smoothtask_gui.adapters import all_remedies
from smoothtask_gui.adapters.all_remedies import AllRemedies, PauseTerms
from smoothtask_gui.adapters.bus import BusError
from smoothtask_gui.adapters.control_client import translate
from smoothtask_gui.adapters.process_control import ControlError, OwnProcesses
from smoothtask_gui.domain.incident import Action, ProcessIdentity
from smoothtask_gui.domain.priority import IoClass, Priority
from smoothtask_gui.domain.target import Target
from tests.fakes.control import FakeControl
from tests.fakes.processes import USUAL_NICE, nice_of, sleeping, start_ns
from tests.fakes.remedies import FakeRemedies

if TYPE_CHECKING:
    from subprocess import Popen

THEIRS = ProcessIdentity(4711, 7, os.getuid() + 1, "job")


class Scene:
    """The port between a fake for one's own and a fake Control; `over` hears of pauses that ended by themselves."""

    def __init__(self, pause_s: float = 600.0, *, sandboxed: bool = False) -> None:
        self.own, self.control = FakeRemedies(), FakeControl()
        self.over: list[str] = []
        own: Any = self.own
        control: Any = self.control
        terms = PauseTerms(lambda: pause_s, lambda _who, said: self.over.append(said))
        self.port = AllRemedies(own, OwnProcesses(), control, terms, sandboxed=sandboxed)

    async def apply(self, action: Action, who: ProcessIdentity = THEIRS, cores: float | None = None) -> str:
        return await self.port.apply(action, Target(who.comm, (who,), cores))


def tell(story: Callable[[Scene], Coroutine[Any, Any, None]], scene: Scene | None = None) -> Scene:
    scene = scene or Scene()

    async def run() -> None:
        await story(scene)
        await scene.port.close()

    asyncio.run(asyncio.wait_for(run(), 60))
    return scene


@pytest.fixture
def mine() -> Iterator["Mine"]:
    with sleeping() as process:
        yield ProcessIdentity(process.pid, start_ns(process.pid), os.getuid(), "sleep"), process


Mine = tuple[ProcessIdentity, "Popen[bytes]"]


@pytest.mark.parametrize("action", [Action.PAUSE, Action.RESUME, Action.LIMIT, Action.UNLIMIT, Action.STOP])
def test_ones_own_never_reach_control(action: Action, mine: Mine) -> None:
    async def story(scene: Scene) -> None:
        await scene.apply(action, mine[0])

    scene = tell(story)
    assert [done for done, _ in scene.own.done] == [action]
    assert scene.control.done == []


@pytest.mark.parametrize("action", [Action.PAUSE, Action.STOP, Action.KILL, Action.LOWEST])
def test_in_a_sandbox_ones_own_are_reached_through_control(action: Action, mine: Mine) -> None:
    async def story(scene: Scene) -> None:
        await scene.apply(action, mine[0])

    scene = tell(story, Scene(sandboxed=True))
    assert scene.own.done == []
    assert [pid for _, pid, *_ in scene.control.done] == [mine[0].pid]
    assert mine[1].poll() is None


def test_killing_ones_own_takes_nobodys_leave(mine: Mine) -> None:
    async def story(scene: Scene) -> None:
        assert "ended at once" in await scene.apply(Action.KILL, mine[0])

    assert tell(story).control.done == []
    assert mine[1].wait(60) == -signal.SIGKILL


def test_a_lower_priority_of_ones_own_takes_nobodys_leave_and_is_given_back(mine: Mine) -> None:
    async def story(scene: Scene) -> None:
        await scene.apply(Action.LOWEST, mine[0])
        assert nice_of(mine[0].pid) == 19
        await scene.apply(Action.NORMAL, mine[0])

    scene = tell(story)
    back = [wanted for what, _, wanted in scene.control.done if what == "priority"]
    is_back = nice_of(mine[0].pid) == USUAL_NICE
    assert is_back or back == [Priority(USUAL_NICE)], "without the right to, Control is asked"


def test_others_reach_control_and_say_what_was_done() -> None:
    async def story(scene: Scene) -> None:
        assert await scene.apply(Action.PAUSE) == "job is paused. It goes on in 10 min, or when SmoothTask ends."
        assert await scene.apply(Action.RESUME) == "job goes on."
        assert await scene.apply(Action.STOP) == "job was asked to end."
        assert "ended at once" in await scene.apply(Action.KILL)

    scene = tell(story)
    assert scene.control.done == [("pause", 4711, 600), ("resume", 4711), ("terminate", 4711), ("kill", 4711)]
    assert scene.own.done == []
    assert scene.control.is_closed


def test_others_get_the_priority_back_that_they_had() -> None:
    scene = Scene()
    scene.control.before = Priority(-3, IoClass.BEST_EFFORT, 2)

    async def story(scene: Scene) -> None:
        await scene.apply(Action.LOWEST)
        await scene.apply(Action.NORMAL)
        await scene.apply(Action.NORMAL)

    done = [entry[2] for entry in tell(story, scene).control.done]
    assert done == [Priority(19, IoClass.IDLE), Priority(-3, IoClass.BEST_EFFORT, 2), Priority(0)]


def test_a_pause_is_never_longer_than_control_allows() -> None:
    async def story(scene: Scene) -> None:
        await scene.apply(Action.PAUSE)

    assert tell(story, Scene(pause_s=7200)).control.done == [("pause", 4711, 3600)]


def test_a_pause_that_ends_by_itself_is_told() -> None:
    async def story(scene: Scene) -> None:
        await scene.apply(Action.PAUSE)
        while not scene.over:  # noqa: ASYNC110  a callback of the port, without an event
            await asyncio.sleep(0.05)

    assert tell(story, Scene(pause_s=1)).over == ["job goes on: the time of its pause is over."]


def test_a_pause_that_was_ended_is_not_told_again() -> None:
    async def story(scene: Scene) -> None:
        await scene.apply(Action.PAUSE)
        await scene.apply(Action.RESUME)
        assert scene.port._timers == {}

    assert tell(story).over == []


@pytest.mark.parametrize(
    ("cgroup", "unit"),
    [("cron.service", "cron.service"), (r"dev-sda\x2d1.service/x", r"dev-sda\x2d1.service")],
)
def test_a_service_of_the_system_is_limited_to_half_of_what_its_process_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cgroup: str, unit: str
) -> None:
    monkeypatch.setattr(all_remedies, "PROC", tmp_path)
    (tmp_path / "4711").mkdir()
    (tmp_path / "4711" / "cgroup").write_text(f"0::/system.slice/{cgroup}\n")

    async def story(scene: Scene) -> None:
        assert "0.75 cores" in await scene.apply(Action.LIMIT, cores=1.5)
        with pytest.raises(ControlError, match="limited already"):
            await scene.apply(Action.LIMIT, cores=1.5)
        await scene.apply(Action.UNLIMIT)
        with pytest.raises(ControlError, match="isn't limited any more"):
            await scene.apply(Action.UNLIMIT)

    assert tell(story).control.done == [("limit", unit, 0, 750_000), ("limit", unit, 0, 2**64 - 1)]


@pytest.mark.parametrize(
    "cgroup", ["0::/user.slice/session-3.scope", "0::/user.slice/user-1001.slice/user@1001.service/a.service", ""]
)
def test_where_a_unit_holds_a_whole_session_the_priority_is_lowered_instead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cgroup: str
) -> None:
    monkeypatch.setattr(all_remedies, "PROC", tmp_path)
    if cgroup:
        (tmp_path / "4711").mkdir()
        (tmp_path / "4711" / "cgroup").write_text(cgroup + "\n")

    async def story(scene: Scene) -> None:
        assert "lower priority" in await scene.apply(Action.LIMIT, cores=1.5)
        await scene.apply(Action.UNLIMIT)

    assert tell(story).control.done == [("priority", 4711, Priority(10)), ("priority", 4711, Priority(0))]


def test_a_refusal_leaves_nothing_behind() -> None:
    async def story(scene: Scene) -> None:
        scene.control.refusal = "polkit said no"
        for action in (Action.PAUSE, Action.LOWER, Action.LIMIT):
            with pytest.raises(ControlError, match="polkit said no"):
                await scene.apply(action)
        scene.control.refusal = ""
        await scene.apply(Action.LIMIT)

    scene = tell(story)
    assert len(scene.control.done) == 1
    assert scene.over == []


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("org.freedesktop.DBus.Error.ServiceUnknown", "smoothtask-helper"),
        ("org.freedesktop.DBus.Error.Spawn.ChildExited", "journalctl -u smoothtask-control"),
        ("io.github.smoothtask.Error.NotAuthorized", "administrator"),
        ("io.github.smoothtask.Error.LimitsExceeded", "Wait a moment"),
        ("io.github.smoothtask.Error.Protected", "Nothing was done to job"),
        ("", "can't be reached"),
    ],
)
def test_every_error_becomes_a_sentence_for_people(name: str, said: str) -> None:
    sentence = translate(BusError("what it said.", name), "job")
    assert said in sentence
    assert sentence.endswith(".")
    assert ".." not in sentence
