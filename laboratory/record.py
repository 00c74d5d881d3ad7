"""Makes situations happen, and keeps what `smoothtask record` sees of them. Needs root.

The box's /proc hides other users' processes, and the sampler honours that: so a recording holds the situation's own
processes alone, whatever else the machine runs. Beside each recording a label says when the actors began and ended.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from laboratory.keeping import RECORDINGS, Label, keep
from laboratory.situation import LEAD_IN_S, Actor, Situation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from box import HeldBox

HERE: Final = Path(__file__).parent
TOP: Final = HERE.parent
TOOLS: Final = TOP / "packaging" / "dev"
READY_S: Final = 60
SPARE_S: Final = 300
"""After which a recorder ends by itself, should its laboratory be gone."""
FIRST_ID: Final = 59500
LAST_ID: Final = 59990
"""Of boxes' users; apart from those of the boxes that tests open."""
IDS: Final = 10
"""How many a box may give away."""


Surroundings = tuple[str, ...]
"""Words before a command: nothing, or `env` with what the desktop's programs have in their environment."""


class RecordError(Exception):
    """A situation couldn't be recorded; the message names it and what went wrong."""


def record(situation: Situation, folder: Path = RECORDINGS) -> int:
    """Let it happen, and keep it in `folder`; returns the recording's bytes. Raises RecordError."""
    sys.path.insert(0, str(TOOLS))
    from box import HeldBox  # noqa: PLC0415 - from the project's own tools, which are scripts

    with (
        _room() as room,
        _own_ids() as first_uid,
        contextlib.closing(HeldBox("--hidepid=2", f"--first-uid={first_uid}")) as box,
    ):
        inside = f"/run/dbus/box/home/alice/{situation.name}.strec"
        with contextlib.ExitStack() as stage:
            surroundings = stage.enter_context(_desktop(box, room)) if situation.desktop else ()
            recorder = stage.enter_context(_recording(situation, box, inside, surroundings))
            label = _act(situation, box, room, surroundings)
            time.sleep(situation.tail_s)
            if recorder.poll() is not None:
                raise RecordError(f"the recorder ended too early (exit {recorder.returncode}); its message is above")
        recording = box.path(inside).read_bytes()
    return keep(recording, label, situation.name, folder)


@contextlib.contextmanager
def _room() -> Iterator[Path]:
    """A folder on the disk for what actors write; they are killed, so they can't be asked to clear it."""
    with tempfile.TemporaryDirectory(prefix="laboratory-", dir="/var/tmp", ignore_cleanup_errors=True) as name:
        room = Path(name)
        room.chmod(0o1777)
        yield room


@contextlib.contextmanager
def _own_ids() -> Iterator[int]:
    """The first of IDS user ids that no other recorder uses; kills at the end whatever still runs with one of them.

    Actors start sessions, and leave orphans, of their own; a lock on a file says that ids are taken.
    """
    for first in range(FIRST_ID, LAST_ID, IDS):
        with Path(f"/run/lock/smoothtask-laboratory-{first}").open("wb") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            try:
                yield first
            finally:
                _kill_all(range(first, first + IDS))
            return
    raise RecordError(f"all user ids from {FIRST_ID} to {LAST_ID} are used by other recorders")


def _kill_all(ids: range) -> None:
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if process.stat().st_uid in ids:
                os.kill(int(process.name), signal.SIGKILL)


@contextlib.contextmanager
def _desktop(box: HeldBox, room: Path) -> Iterator[Surroundings]:
    """A virtual desktop in the box; what to put before a command to run it there."""
    told = room / "desktop"
    say = 'env --null > "$0.part" && mv "$0.part" "$0" && exec sleep infinity'
    command = ("/usr/bin/python3", "-B", str(TOOLS / "desk.py"), "--", "sh", "-c", say, str(told))
    started = subprocess.Popen(box.command(*command), start_new_session=True)
    try:
        _wait_until(told.exists, started, "the desktop didn't come up")
        yield ("env", *told.read_text().split("\0")[:-1])
    finally:
        _end(started)


@contextlib.contextmanager
def _recording(
    situation: Situation, box: HeldBox, inside: str, surroundings: Surroundings
) -> Iterator[subprocess.Popen[bytes]]:
    """The recorder, once its first items are in the file `inside`; on a desktop it is told where the focus is."""
    seconds = LEAD_IN_S + situation.seconds + situation.tail_s + SPARE_S
    words = ["smoothtask", "record", inside, "--source", situation.source, "--seconds", seconds]
    words += ["--period-ms", situation.period_ms]
    recorder = subprocess.Popen(box.command(*surroundings, *map(str, words)))
    path = box.path(inside)
    try:
        _wait_until(lambda: path.exists() and path.stat().st_size >= 4096, recorder, "the recorder gave nothing")
        yield recorder
    finally:
        recorder.terminate()
        recorder.wait(READY_S)


def _wait_until(is_so: Callable[[], bool], program: subprocess.Popen[bytes], complaint: str) -> None:
    deadline = time.monotonic() + READY_S
    while not is_so():
        if program.poll() is not None or time.monotonic() > deadline:
            raise RecordError(f"{complaint} (exit {program.poll()})")
        time.sleep(0.2)


def _act(situation: Situation, box: HeldBox, room: Path, surroundings: Surroundings) -> Label:
    time.sleep(LEAD_IN_S)
    began_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    with contextlib.ExitStack() as stage:
        for actor in situation.actors:
            stage.enter_context(_acting(actor, box, room, surroundings))
        time.sleep(situation.seconds)
        ended_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    return Label(began_ns, ended_ns)


@contextlib.contextmanager
def _acting(actor: Actor, box: HeldBox, room: Path, surroundings: Surroundings) -> Iterator[None]:
    """An actor in the box for as long as the context lasts."""
    program = HERE / "actors" / actor.words[0]
    command = (str(program) if program.exists() else actor.words[0], *actor.words[1:])
    if actor.user == "alice":
        command = (*surroundings, *command)
    session = "none" if actor.user == "root" else "active"
    started = subprocess.Popen(
        box.command(*command, user=actor.user, session=session),
        env=os.environ | {"TMPDIR": str(room)},
        start_new_session=True,
    )
    _as_important_as_we(started.pid)
    try:
        yield
        if (code := started.poll()) is not None:
            raise RecordError(f"the actor {' '.join(actor.words)} ended by itself (exit {code})")
    finally:
        _end(started)


def _as_important_as_we(session: int) -> None:
    """Let a session count as much beside others as the laboratory, which may have been started with nice(1).

    Among sessions a process's own niceness says nothing: sched(7), autogroup.
    """
    with contextlib.suppress(FileNotFoundError):  # a kernel without CONFIG_SCHED_AUTOGROUP
        Path(f"/proc/{session}/autogroup").write_text(str(os.nice(0)))


def _end(started: subprocess.Popen[bytes]) -> None:
    """The actor and whatever it has started: they share a process group."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(started.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            started.wait(5)
