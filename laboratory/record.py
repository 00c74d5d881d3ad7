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
from laboratory.situation import LEAD_IN_S, Situation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from box import HeldBox

HERE: Final = Path(__file__).parent
TOP: Final = HERE.parent
TOOLS: Final = TOP / "packaging" / "dev"
OF_ROOT: Final = frozenset({"heat", "stand-still", "on-battery", "gobbler", "small-disk"})
READY_S: Final = 60
SPARE_S: Final = 300
"""After which a recorder ends by itself, should its laboratory be gone."""
FIRST_ID: Final = 59500
LAST_ID: Final = 59990
"""Of boxes' users; apart from those of the boxes that tests open."""
IDS: Final = 10
"""How many a box may give away."""


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
        seconds = LEAD_IN_S + situation.seconds + situation.tail_s + SPARE_S
        inside = f"/run/dbus/box/home/alice/{situation.name}.strec"
        words = ["smoothtask", "record", inside, "--source", situation.source, "--seconds", seconds]
        words += ["--period-ms", situation.period_ms]
        recorder = subprocess.Popen(box.command(*map(str, words)))
        try:
            _wait_for_items(box.path(inside), recorder, situation.name)
            label = _act(situation, box, room)
            time.sleep(situation.tail_s)
            if recorder.poll() is not None:
                raise RecordError(f"the recorder ended too early (exit {recorder.returncode}); its message is above")
        finally:
            recorder.terminate()
            recorder.wait(READY_S)
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


def _wait_for_items(path: Path, recorder: subprocess.Popen[bytes], name: str) -> None:
    deadline = time.monotonic() + READY_S
    while not path.exists() or path.stat().st_size < 4096:
        if recorder.poll() is not None or time.monotonic() > deadline:
            raise RecordError(f"{name}: the recorder gave nothing (exit {recorder.poll()})")
        time.sleep(0.2)


def _act(situation: Situation, box: HeldBox, room: Path) -> Label:
    time.sleep(LEAD_IN_S)
    began_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    with contextlib.ExitStack() as stage:
        on_desk = next((each for each in situation.actors if each[0] not in OF_ROOT), ("sleep", "infinity"))
        if situation.desktop:
            stage.enter_context(_acting(on_desk, box, room, desktop=True))
        for actor in situation.actors:
            if not (situation.desktop and actor is on_desk):
                stage.enter_context(_acting(actor, box, room, desktop=False))
        time.sleep(situation.seconds)
        ended_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    return Label(began_ns, ended_ns)


@contextlib.contextmanager
def _acting(words: tuple[str, ...], box: HeldBox, room: Path, *, desktop: bool) -> Iterator[None]:
    """An actor in the box for as long as the context lasts."""
    program = HERE / "actors" / words[0]
    command = [str(program) if program.exists() else words[0], *words[1:]]
    if desktop:
        command = ["/usr/bin/python3", "-B", str(TOOLS / "desk.py"), "--", *command]
    user = "root" if words[0] in OF_ROOT else "alice"
    started = subprocess.Popen(
        box.command(*command, user=user, session="active" if user == "alice" else "none"),
        env=os.environ | {"TMPDIR": str(room)},
        start_new_session=True,
    )
    try:
        yield
        if (code := started.poll()) is not None:
            raise RecordError(f"the actor {' '.join(words)} ended by itself (exit {code})")
    finally:
        _end(started)


def _end(started: subprocess.Popen[bytes]) -> None:
    """The actor and whatever it has started: they share a process group."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(started.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            started.wait(5)
