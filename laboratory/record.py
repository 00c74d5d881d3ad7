"""Makes situations happen, and keeps what `smoothtask record` sees of them. Needs root.

The box's /proc hides other users' processes, and the sampler honours that: so a recording holds the situation's own
processes alone, whatever else the machine runs. Beside each recording a label says when the actors began and ended.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from laboratory.situation import LEAD_IN_S, Situation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from box import HeldBox

HERE: Final = Path(__file__).parent
TOP: Final = HERE.parent
TOOLS: Final = TOP / "packaging" / "dev"
RECORDINGS: Final = HERE / "recordings"
OF_ROOT: Final = frozenset({"heat", "stand-still"})
READY_S: Final = 60
MOST_BYTES: Final = 10 << 20
"""Of all recordings that ship."""


class RecordError(Exception):
    """A situation couldn't be recorded; the message names it and what went wrong."""


@dataclass(frozen=True, slots=True)
class Label:
    """When a situation's actors began and ended, of boot time; equal if it has none."""

    began_ns: int
    ended_ns: int


def recording_of(name: str, folder: Path = RECORDINGS) -> Path:
    return folder / f"{name}.strec"


def label_of(name: str, folder: Path = RECORDINGS) -> Label:
    """The label beside the recording. Raises OSError or ValueError."""
    return Label(**json.loads((folder / f"{name}.json").read_text()))


def record(situation: Situation, first_uid: int, folder: Path = RECORDINGS) -> int:
    """Let it happen, and keep it in `folder`; returns the recording's bytes. Raises RecordError.

    `first_uid`: of the box's accounts; situations that are recorded at the same time differ in it by ten or more.
    """
    sys.path.insert(0, str(TOOLS))
    from box import HeldBox  # noqa: PLC0415 - from the project's own tools, which are scripts

    target = recording_of(situation.name, folder)
    with _room() as room, contextlib.closing(HeldBox("--hidepid=2", f"--first-uid={first_uid}")) as box:
        seconds = 2 * LEAD_IN_S + situation.seconds + situation.tail_s
        inside = f"/run/dbus/box/home/alice/{situation.name}.strec"
        words = ["smoothtask", "record", inside, "--source", "helper", "--seconds", seconds]
        words += ["--period-ms", situation.period_ms]
        recorder = subprocess.Popen(box.command(*map(str, words)))
        try:
            _wait_for_items(box.path(inside), recorder, situation.name)
            label = _act(situation, box, room)
            time.sleep(situation.tail_s)
        finally:
            recorder.terminate()
            recorder.wait(READY_S)
        target.write_bytes(box.path(inside).read_bytes())
    (folder / f"{situation.name}.json").write_text(json.dumps(dataclasses.asdict(label)) + "\n")
    return target.stat().st_size


@contextlib.contextmanager
def _room() -> Iterator[Path]:
    """A folder on the disk for what actors write; they are killed, so they can't be asked to clear it."""
    with tempfile.TemporaryDirectory(prefix="laboratory-", dir="/var/tmp", ignore_cleanup_errors=True) as name:
        room = Path(name)
        room.chmod(0o1777)
        yield room


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
