"""Promises of `adapters/history/recorder.py`: a thread that makes nobody wait, and a file that survives its app."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from smoothtask_gui.adapters.history import reader, schema
from smoothtask_gui.adapters.history.historian import Historian
from smoothtask_gui.adapters.history.keeper import Keeper
from smoothtask_gui.adapters.history.recorder import MOST_SAMPLES, Recorder
from smoothtask_gui.domain.history.answers import Answer
from smoothtask_gui.domain.history.question import Question
from smoothtask_gui.domain.sample import Sample
from tests.fakes.batches import Machine
from tests.fakes.history import samples
from tests.fakes.incidents import runaway

ROOT = Path(__file__).parents[3]
EVER = Question(0, 1e11)
PATIENCE_S = 60.0


def until(holds: Callable[[], bool], what: str) -> None:
    end_s = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < end_s, f"waited in vain: {what}"
        time.sleep(0.02)


def some(count: int) -> list[Sample]:
    machine = Machine()
    machine.start("busy", 2.0)
    return list(samples(machine, count))


@pytest.fixture
def recorder(tmp_path: Path) -> Recorder:
    made = Recorder(tmp_path / "state")
    made.tell = pytest.fail
    return made


def recorded_s(recorder: Recorder) -> float:
    return reader.ask(recorder.path, EVER).recorded_s


def test_what_was_given_is_on_the_disk_when_it_ends(recorder: Recorder) -> None:
    recorder.start(on=True)
    for sample in some(30):
        recorder.record(sample)
    recorder.append(runaway(3))
    recorder.append_failure("a tick failed", 1_700_000_000_000_000_000)
    assert recorder.close(PATIENCE_S)
    answer = reader.ask(recorder.path, EVER)
    assert answer.recorded_s == pytest.approx(30, abs=0.1)
    assert answer.incidents == (runaway(3),)
    assert [note.text for note in answer.notes] == ["a tick failed"]


def test_an_incident_is_written_without_being_asked(recorder: Recorder) -> None:
    recorder.start(on=True)
    recorder.append(runaway(3))
    until(lambda: bool(reader.ask(recorder.path, EVER).incidents), "the incident is on the disk")
    recorder.close(PATIENCE_S)


def test_turned_off_nothing_is_made_at_all(recorder: Recorder) -> None:
    recorder.start(on=False)
    for sample in some(3):
        recorder.record(sample)
    recorder.append(runaway(3))
    recorder.append_failure("x", 1)
    assert recorder.write_now(PATIENCE_S)
    assert recorder.close(PATIENCE_S)
    assert not recorder.path.parent.exists()


def test_turned_off_later_what_was_recorded_stays(recorder: Recorder) -> None:
    recorder.start(on=True)
    first, *rest = some(10)
    recorder.record(first)
    assert recorder.write_now(PATIENCE_S)
    recorder.turn(on=False)
    for sample in rest:
        recorder.record(sample)
    recorder.close(PATIENCE_S)
    assert recorded_s(recorder) == pytest.approx(1, abs=0.01)


def test_never_started_it_ends_at_once(recorder: Recorder) -> None:
    recorder.append_failure("before the start", 1)
    assert recorder.close(PATIENCE_S)


def test_a_disk_that_hangs_makes_nobody_wait_and_what_was_dropped_is_told(recorder: Recorder) -> None:
    held, reached = threading.Event(), threading.Event()
    told: list[str] = []
    recorder.tell = told.append

    def hang(keeper: Keeper, now_s: float) -> None:
        del keeper, now_s
        reached.set()
        held.wait(PATIENCE_S)

    recorder.start(on=True)
    recorder._put(hang)
    assert reached.wait(PATIENCE_S)
    for sample in some(MOST_SAMPLES + 7):
        recorder.record(sample)
    assert not recorder.write_now(0.01)
    assert not recorder.close(0.01)
    held.set()
    assert recorder.close(PATIENCE_S)
    answer = reader.ask(recorder.path, EVER)
    assert answer.recorded_s == pytest.approx(MOST_SAMPLES, abs=0.1)
    assert ["7 readings" in note.text for note in answer.notes] == [True]
    assert ["7 readings" in words for words in told] == [True]


def test_the_history_can_be_deleted_while_it_is_written(recorder: Recorder) -> None:
    answers: list[str] = []
    recorder.start(on=True)
    for sample in some(20):
        recorder.record(sample)
    assert recorder.write_now(PATIENCE_S)
    recorder.forget(answers.append)
    assert recorder.write_now(PATIENCE_S)
    recorder.close(PATIENCE_S)
    assert answers == [""]
    assert recorded_s(recorder) == 0


def test_a_history_that_cannot_be_deleted_says_why(recorder: Recorder) -> None:
    answers: list[str] = []
    (recorder.path.parent / "history.damaged.sqlite").mkdir(parents=True)
    recorder.start(on=True)
    recorder.forget(answers.append)
    assert recorder.write_now(PATIENCE_S)
    recorder.close(PATIENCE_S)
    assert "can't be deleted" in answers[0]


def test_the_historian_answers_with_the_last_second_in_it(recorder: Recorder) -> None:
    answers: list[Answer | str] = []
    recorder.start(on=True)
    for sample in some(5):
        recorder.record(sample)
    Historian(recorder).ask(EVER, answers.append)
    until(lambda: bool(answers), "the answer comes")
    assert isinstance(answers[0], Answer)
    assert answers[0].recorded_s == pytest.approx(5, abs=0.1)
    recorder.close(PATIENCE_S)


def test_the_historian_says_why_there_is_no_answer(recorder: Recorder) -> None:
    answers: list[Answer | str] = []
    recorder.tell = lambda _: None
    recorder.path.mkdir(parents=True)
    recorder.start(on=True)
    Historian(recorder).ask(EVER, answers.append)
    until(lambda: bool(answers), "the answer comes")
    assert "is a folder" in str(answers[0])
    recorder.close(PATIENCE_S)


CHILD = """
import sys, time
from pathlib import Path
from smoothtask_gui.adapters.history.recorder import Recorder
from tests.fakes.batches import Machine
from tests.fakes.history import samples
recorder = Recorder(Path(sys.argv[1]))
recorder.start(on=True)
machine = Machine()
machine.start("busy", 2.0)
count = 0
for sample in samples(machine, 10**9):
    recorder.record(sample)
    count += 1
    if count % 20 == 0 and recorder.write_now(60):
        print(count, flush=True)
"""


def test_what_was_written_survives_kill_9_at_any_moment(tmp_path: Path) -> None:
    for place, lines in enumerate((1, 2, 5, 11)):
        folder = tmp_path / str(place)
        child = subprocess.Popen(
            [sys.executable, "-c", CHILD, str(folder)],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        try:
            assert child.stdout is not None
            written = 0
            for _ in range(lines):
                written = int(child.stdout.readline())
        finally:
            child.send_signal(signal.SIGKILL)
            child.communicate()
        assert reader.ask(folder / schema.NAME, EVER).recorded_s >= written - 1
        told: list[str] = []
        keeper = Keeper(folder, told.append)
        for sample in some(15):
            keeper.take(sample, 0)
        keeper.close(0)
        assert told == []
        assert reader.ask(folder / schema.NAME, EVER).recorded_s >= written + 14


class CountedRecorder(Recorder):
    """Counts how often its thread goes to work."""

    turns = 0

    def _turn(self, keeper: Keeper) -> bool:
        self.turns += 1
        return super()._turn(keeper)


def test_samples_that_may_wait_wake_nobody(tmp_path: Path) -> None:
    recorder = CountedRecorder(tmp_path / "state")
    recorder.tell = pytest.fail
    recorder.start(on=True)
    first, *rest = some(20)
    recorder.record(first)
    until(lambda: recorder.turns >= 2, "the first sample is taken, and the next writing is known")
    before = recorder.turns
    for sample in rest:
        recorder.record(sample)
    assert recorder.write_now(PATIENCE_S)
    assert recorder.turns - before <= 2  # one for all that waited, one until the end
    assert recorded_s(recorder) == pytest.approx(20, abs=0.1)
    recorder.close(PATIENCE_S)
