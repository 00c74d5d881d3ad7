"""Promises of `adapters/pauses.py`, `guardian.py` and `leases.py`, kept on real processes."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from smoothtask_gui.adapters.leases import LeaseFile
from smoothtask_gui.adapters.pauses import Pauses
from smoothtask_gui.adapters.process_control import ControlError, OwnProcesses
from smoothtask_gui.domain.incident import ProcessIdentity
from smoothtask_gui.domain.target import Target

PATIENCE_S = 60.0
TICK_NS = 10**9 // os.sysconf("SC_CLK_TCK")
FORKS = "import os, time; os.fork(); os.fork(); time.sleep(300)"


def identity(pid: int) -> ProcessIdentity:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    comm = Path(f"/proc/{pid}/comm").read_text().strip()
    return ProcessIdentity(pid, int(fields[19]) * TICK_NS, os.getuid(), comm)


def state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return "gone"


def until(holds: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < deadline, f"never happened: {what}"
        time.sleep(0.01)


class Room:
    """Pauses with real processes; what ended unasked is in `over`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.over: list[tuple[ProcessIdentity, str]] = []
        self.ended = asyncio.Event()

    def pauses(self, lease_s: float = 300.0) -> Pauses:
        own = OwnProcesses()
        return Pauses(own, LeaseFile(self.folder), lambda: lease_s, self.hear)

    def hear(self, who: ProcessIdentity, why: str) -> None:
        self.over.append((who, why))
        self.ended.set()

    def listed(self) -> list[int]:
        return [row["pid"] for row in json.loads((self.folder / "paused.json").read_text())]


@pytest.fixture
def room(tmp_path: Path) -> Room:
    return Room(tmp_path)


@pytest.fixture
def spin() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as process:
        yield process
        process.kill()


def play(story: Callable[[], Awaitable[None]]) -> None:
    async def run() -> None:
        async with asyncio.timeout(PATIENCE_S):
            await story()

    asyncio.run(run())


def test_a_paused_process_is_stopped_and_goes_on_when_resumed(room: Room, spin: subprocess.Popen[bytes]) -> None:
    async def story() -> None:
        pauses, who = room.pauses(), identity(spin.pid)
        assert await pauses.pause(Target("spin", (who,))) == (1, 300.0)
        until(lambda: state(spin.pid) == "T", "it is stopped")
        assert room.listed() == [spin.pid]
        await pauses.resume(who)
        until(lambda: state(spin.pid) == "R", "it runs")
        assert room.listed() == []

    play(story)
    assert room.over == []


def test_children_that_nobody_named_are_paused_too(room: Room) -> None:
    async def story() -> None:
        pauses = room.pauses()
        command = [sys.executable, "-c", FORKS]
        with subprocess.Popen(command, start_new_session=True) as parent:  # noqa: ASYNC220 - the test is alone here
            try:
                until(lambda: len(family(parent.pid)) == 4, "all have been forked")
                assert await pauses.pause(Target("family", (identity(parent.pid),))) == (4, 300.0)
                until(lambda: {state(pid) for pid in family(parent.pid)} == {"T"}, "all are stopped")
                await pauses.resume(identity(parent.pid))
                until(lambda: {state(pid) for pid in family(parent.pid)} == {"S"}, "all go on")
            finally:
                os.killpg(parent.pid, signal.SIGKILL)

    play(story)


def family(pid: int) -> list[int]:
    """The processes of the session that `pid` leads."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            if int(entry.read_text().rpartition(")")[2].split()[3]) == pid:
                found.append(int(entry.parent.name))
    return found


def test_a_pause_ends_when_its_time_is_over_and_says_so(room: Room, spin: subprocess.Popen[bytes]) -> None:
    async def story() -> None:
        await room.pauses(lease_s=0.5).pause(Target("spin", (identity(spin.pid),)))
        await room.ended.wait()

    play(story)
    assert room.over == [(identity(spin.pid), "spin goes on: the time of its pause is over.")]
    until(lambda: state(spin.pid) == "R", "it runs")


def test_a_killed_guardian_does_not_leave_the_app_paused(room: Room, spin: subprocess.Popen[bytes]) -> None:
    async def story() -> None:
        pauses = room.pauses()
        await pauses.pause(Target("spin", (identity(spin.pid),)))
        (pause,) = pauses._pauses.values()
        pause.guardian.kill()
        await room.ended.wait()

    play(story)
    assert "what guarded its pause was ended" in room.over[0][1]
    until(lambda: state(spin.pid) == "R", "it runs")


def test_a_paused_app_that_is_killed_is_told(room: Room, spin: subprocess.Popen[bytes]) -> None:
    async def story() -> None:
        await room.pauses().pause(Target("spin", (identity(spin.pid),)))
        spin.kill()
        await room.ended.wait()

    play(story)
    assert room.over[0][1] == "spin ended while it was paused."


PAUSER = """
import asyncio, sys
from pathlib import Path
from smoothtask_gui.adapters.leases import LeaseFile
from smoothtask_gui.adapters.pauses import Pauses
from smoothtask_gui.adapters.process_control import OwnProcesses
from smoothtask_gui.domain.incident import ProcessIdentity
from smoothtask_gui.domain.target import Target

async def run():
    who = ProcessIdentity(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), "spin")
    await Pauses(OwnProcesses(), LeaseFile(Path(sys.argv[4])), lambda: 300.0, print).pause(Target("spin", (who,)))
    print("paused", flush=True)
    await asyncio.sleep(300)

asyncio.run(run())
"""


def start_pauser(who: ProcessIdentity, folder: Path) -> subprocess.Popen[str]:
    words = [str(who.pid), str(who.start_ns), str(who.uid), str(folder)]
    pauser = subprocess.Popen([sys.executable, "-c", PAUSER, *words], stdout=subprocess.PIPE, text=True)
    assert pauser.stdout is not None
    assert pauser.stdout.readline() == "paused\n"
    until(lambda: state(who.pid) == "T", "it is stopped")
    return pauser


def end_with_its_guardian(pauser: subprocess.Popen[str]) -> None:
    """As the end of a session's cgroup does: all of it killed at once."""
    children = Path(f"/proc/{pauser.pid}/task/{pauser.pid}/children").read_text().split()
    assert len(children) == 1
    pauser.send_signal(signal.SIGSTOP)  # it mustn't notice that its guardian goes
    os.kill(int(children[0]), signal.SIGKILL)
    pauser.kill()


def test_an_app_goes_on_when_smoothtask_is_killed(room: Room, spin: subprocess.Popen[bytes]) -> None:
    with start_pauser(identity(spin.pid), room.folder) as pauser:
        pauser.kill()
    until(lambda: state(spin.pid) == "R", "it runs")


def test_the_next_start_resumes_what_both_deaths_left_paused(room: Room, spin: subprocess.Popen[bytes]) -> None:
    with start_pauser(identity(spin.pid), room.folder) as pauser:
        end_with_its_guardian(pauser)
    assert state(spin.pid) == "T"
    assert room.pauses().resume_leftovers() == ["spin"]
    until(lambda: state(spin.pid) == "R", "it runs")


@pytest.mark.parametrize(
    "text", ["", "[", "{}", "[1]", '[{"pid": 1}]', '[{"pid": "1", "start_ns": 1, "uid": 0, "comm": ""}]']
)
def test_a_damaged_lease_file_resumes_nothing_and_harms_nothing(room: Room, text: str) -> None:
    (room.folder / "paused.json").write_text(text)
    assert room.pauses().resume_leftovers() == []


def test_a_second_pause_of_the_same_and_a_resume_of_nothing_are_refused(
    room: Room, spin: subprocess.Popen[bytes]
) -> None:
    async def story() -> None:
        pauses, who = room.pauses(), identity(spin.pid)
        await pauses.pause(Target("spin", (who,)))
        with pytest.raises(ControlError, match="paused already"):
            await pauses.pause(Target("spin", (who,)))
        await pauses.close()
        with pytest.raises(ControlError, match="isn't paused any more"):
            await pauses.resume(who)
        until(lambda: state(spin.pid) == "R", "it runs")

    play(story)


def test_nothing_is_paused_when_resuming_cannot_be_promised(room: Room, spin: subprocess.Popen[bytes]) -> None:
    (room.folder / "paused.json").mkdir()

    async def story() -> None:
        with pytest.raises(ControlError, match=r"wasn't paused: .*is a folder"):
            await room.pauses().pause(Target("spin", (identity(spin.pid),)))

    play(story)
    assert state(spin.pid) == "R"


def test_what_keeps_the_session_is_never_paused(room: Room, tmp_path: Path) -> None:
    program = tmp_path / "dbus-daemon"
    program.symlink_to("/bin/sleep")

    async def story() -> None:
        with subprocess.Popen([str(program), "300"]) as process:  # noqa: ASYNC220 - the test is alone here
            try:
                until(lambda: identity(process.pid).comm == "dbus-daemon", "it has its name")
                with pytest.raises(ControlError, match="keeps this desktop running"):
                    await room.pauses().pause(Target("bus", (identity(process.pid),)))
                assert state(process.pid) in "SR"
            finally:
                process.kill()

    play(story)
