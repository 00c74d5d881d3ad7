"""Promises of `keeper.py` and `salvage.py`: whatever happened to the file, recording goes on, what is whole is kept."""

import json
import os
import random
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, suppress
from dataclasses import asdict, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from smoothtask_gui.adapters.history import frames, old_log, reader, salvage, schema
from smoothtask_gui.adapters.history.frames import FrameError
from smoothtask_gui.adapters.history.keeper import RETRY_S, WRITE_EVERY_S, Keeper
from smoothtask_gui.domain.history.answers import Note
from smoothtask_gui.domain.history.question import Question
from smoothtask_gui.domain.history.series import CPU
from smoothtask_gui.domain.incident import IncidentState
from smoothtask_gui.domain.sample import Sample
from tests.fakes.batches import BOOT_REALTIME, SECOND, Machine
from tests.fakes.history import samples
from tests.fakes.incidents import runaway

EVER = Question(0, 1e11)


class Life:
    """A keeper on a machine of its own, and what it tells."""

    def __init__(self, folder: Path, machine: Machine | None = None) -> None:
        self.told: list[str] = []
        self.path = folder / schema.NAME
        self.keeper = Keeper(folder, self.told.append)
        self.machine = machine or Machine()
        if not self.machine.apps:
            for number in range(6):
                self.machine.start(f"app{number}", 0.1 * number, rss_bytes=number * 123_456_789)
        self.now_s = 0.0

    def go_on(self, seconds: int) -> None:
        self.take(samples(self.machine, seconds))

    def take(self, more: Iterable[Sample]) -> None:
        for sample in more:
            self.now_s += 1
            self.keeper.take(sample, self.now_s)
            self.keeper.tend(self.now_s)

    def end(self) -> None:
        self.keeper.close(self.now_s)

    def recorded_s(self) -> float:
        return reader.ask(self.path, EVER).recorded_s


@pytest.fixture(scope="module")
def healthy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A history of ten minutes, with incidents."""
    life = Life(tmp_path_factory.mktemp("healthy"))
    for number in range(5):
        life.keeper.take_incident(runaway(number, state=IncidentState.RESOLVED), life.now_s)
        life.go_on(120)
    life.end()
    return life.path


def buckets_of(path: Path) -> set[tuple[int, int, float]]:
    """Level, time and CPU of every bucket that can be read."""
    found = set()
    with closing(sqlite3.connect(path)) as database:
        for (frame,) in database.execute("SELECT frame FROM chunk"):
            with suppress(FrameError):
                rows = frames.decode(frame)
                found |= {
                    (rows.level, int(at), float(cpu)) for at, cpu in zip(rows.start_s, rows.means[:, CPU], strict=True)
                }
    return found


@pytest.fixture(scope="module")
def afterwards(tmp_path_factory: pytest.TempPathFactory) -> tuple[Sample, ...]:
    """What the machine of a damaged copy goes on with, made once for hundreds of copies."""
    return tuple(samples(Life(tmp_path_factory.mktemp("afterwards"), later()).machine, 25))


@pytest.fixture
def in_memory(tmp_path: Path) -> Iterator[Path]:
    """A folder on a tmpfs where there is one: hundreds of files, none of which has to survive a power cut."""
    memory = Path("/dev/shm")
    with TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else tmp_path) as folder:
        yield Path(folder)


def later() -> Machine:
    return Machine(now_ns=10_000 * SECOND)


def damaged_copy(healthy: Path, folder: Path, harm: Callable[[bytes], bytes]) -> Life:
    folder.mkdir()
    (folder / schema.NAME).write_bytes(harm(healthy.read_bytes()))
    return Life(folder, later())


def goes_on_recording(life: Life, more: Iterable[Sample] = ()) -> None:
    """For 25 s: with `more`, or what its machine does."""
    life.take(more or samples(life.machine, 25))
    life.end()
    assert reader.ask(life.path, EVER).recorded_s >= 24
    files = sum(each.stat().st_size for each in life.path.parent.iterdir())
    assert files <= 25_000_000


def test_a_file_cut_anywhere_is_set_aside_or_read_and_recording_goes_on(
    healthy: Path, in_memory: Path, afterwards: tuple[Sample, ...]
) -> None:
    size = healthy.stat().st_size
    lengths = [*range(120), *range(120, size, size // 60), size - 1]
    for length in lengths:
        life = damaged_copy(healthy, in_memory / f"cut{length}", lambda whole, length=length: whole[:length])  # type: ignore[misc]
        goes_on_recording(life, afterwards)
        aside = life.path.with_name(salvage.ASIDE)
        if not life.told:  # empty, or nothing of value is missing
            answer = reader.ask(life.path, EVER)
            assert not length or answer.damaged or answer.recorded_s >= 600
            continue
        assert aside.read_bytes() == healthy.read_bytes()[:length]
        assert len(life.told) == 1
        assert str(aside) in life.told[0]
        assert reader.ask(life.path, EVER).notes[-1].kind == "damaged"


def test_flipped_bits_never_stop_the_recording_and_never_change_a_number(
    healthy: Path, in_memory: Path, afterwards: tuple[Sample, ...]
) -> None:
    known = buckets_of(healthy)
    chance = random.Random(4)
    original = healthy.read_bytes()
    for number in range(80):
        place = number if number < 20 else chance.randrange(len(original))
        harmed = bytearray(original)
        harmed[place] ^= 1 << chance.randrange(8)
        life = damaged_copy(healthy, in_memory / f"bit{number}", lambda _, harmed=harmed: bytes(harmed))  # type: ignore[misc]
        begins_s = (BOOT_REALTIME + life.machine.now_ns) // SECOND
        goes_on_recording(life, afterwards)
        assert {bucket for bucket in buckets_of(life.path) if bucket[1] < begins_s - 60} <= known


def test_what_is_whole_in_a_damaged_file_is_kept(healthy: Path, tmp_path: Path) -> None:
    def harm(whole: bytes) -> bytes:
        middle = len(whole) // 2 // schema.PAGE_BYTES * schema.PAGE_BYTES
        return whole[:middle] + bytes(schema.PAGE_BYTES) + whole[middle + schema.PAGE_BYTES :]

    life = damaged_copy(healthy, tmp_path / "hole", harm)
    goes_on_recording(life)
    assert "were whole and are kept" in life.told[0]
    assert reader.ask(life.path, EVER).recorded_s > 120
    assert life.path.with_name(salvage.ASIDE).read_bytes() == harm(healthy.read_bytes())


def test_a_file_that_is_something_else_is_set_aside(tmp_path: Path) -> None:
    (tmp_path / schema.NAME).write_text("this is my shopping list, and it is longer than a hundred bytes, " * 4)
    life = Life(tmp_path)
    goes_on_recording(life)
    assert "shopping list" in (tmp_path / salvage.ASIDE).read_text()
    assert "nothing in it could be read" in life.told[0]


def test_a_file_that_breaks_while_it_is_written_is_replaced(tmp_path: Path) -> None:
    life = Life(tmp_path)
    life.go_on(30)
    life.path.write_bytes(b"\xff" * life.path.stat().st_size)
    for beside in ("-wal", "-shm"):
        log = life.path.with_name(life.path.name + beside)
        log.write_bytes(b"\xff" * log.stat().st_size)
    life.go_on(60)
    life.end()
    assert life.recorded_s() >= 24
    assert (tmp_path / salvage.ASIDE).exists()


def test_a_file_that_somebody_deleted_is_begun_anew(tmp_path: Path) -> None:
    life = Life(tmp_path)
    life.go_on(30)
    for each in tmp_path.iterdir():
        each.unlink()
    life.go_on(30)
    life.end()
    assert life.recorded_s() >= 19


def test_what_cannot_be_used_is_told_once_and_tried_again(tmp_path: Path) -> None:
    life = Life(tmp_path)
    life.path.mkdir()
    life.go_on(200)
    assert len(life.told) == 1
    assert "is a folder" in life.told[0]
    life.path.rmdir()
    life.go_on(round(RETRY_S + WRITE_EVERY_S))
    life.end()
    assert life.told[1:] == ["The history is recorded again."]
    assert life.recorded_s() == pytest.approx(life.now_s, abs=1)


def test_what_was_lost_while_nothing_could_be_written_is_noted(tmp_path: Path) -> None:
    life = Life(tmp_path)
    life.path.mkdir()
    life.go_on(400)
    life.path.rmdir()
    life.go_on(round(RETRY_S + WRITE_EVERY_S))
    life.end()
    (note,) = reader.ask(life.path, EVER).notes
    assert note.kind == "lost"
    assert "is a folder" in note.text
    assert life.recorded_s() == pytest.approx(life.now_s, abs=60), "the coarser levels still know it"


def test_while_an_incident_is_open_every_second_is_written(tmp_path: Path) -> None:
    life = Life(tmp_path)
    life.keeper.take_incident(runaway(1), 0)
    life.go_on(5)
    assert life.recorded_s() == pytest.approx(5, abs=1.1)
    life.keeper.take_incident(runaway(1, state=IncidentState.RESOLVED), life.now_s)
    life.go_on(7)
    assert life.recorded_s() <= 7
    assert reader.ask(life.path, EVER).incidents[0].state is IncidentState.RESOLVED
    life.end()


@pytest.mark.parametrize("jump_s", [-365 * 86_400, 10 * 365 * 86_400])
def test_a_clock_that_jumps_by_years_loses_nothing_and_is_noted(tmp_path: Path, jump_s: int) -> None:
    life = Life(tmp_path)
    life.go_on(90)
    for place, sample in enumerate(samples(life.machine, 180)):
        moved = jump_s if place < 90 else 0
        life.keeper.take(replace(sample, realtime_ns=sample.realtime_ns + moved * SECOND), life.now_s + place)
        life.keeper.tend(life.now_s + place)
    life.end()
    answer = reader.ask(life.path, EVER)
    assert answer.recorded_s == pytest.approx(270, abs=3)
    assert [note.kind for note in answer.notes] == ["clock", "clock"]


def test_a_failure_inside_the_app_is_kept(tmp_path: Path) -> None:
    life = Life(tmp_path)
    life.keeper.take_note(Note(5, "failure", "a tick failed"), 0)
    life.end()
    assert [note.text for note in reader.ask(life.path, EVER).notes] == ["a tick failed"]


def test_forgetting_deletes_everything_and_recording_goes_on(healthy: Path, tmp_path: Path) -> None:
    life = damaged_copy(healthy, tmp_path / "all", lambda whole: whole[:-3000])
    goes_on_recording(life)
    again = Life(life.path.parent)
    again.go_on(12)
    again.keeper.forget()
    assert list(again.path.parent.iterdir()) == []
    again.go_on(12)
    again.end()
    assert [each.name for each in again.path.parent.iterdir()] == [schema.NAME]
    assert again.recorded_s() <= 13


def test_the_older_log_of_incidents_is_taken_over_once(tmp_path: Path) -> None:
    incident = runaway(4, title="node was busy", state=IncidentState.RESOLVED)
    line = json.dumps({"incident": asdict(incident)})
    (tmp_path / "incidents.jsonl").write_text(f'{line}\nnot json\n{{"failure": "x"}}\n{line[:50]}\n')
    (tmp_path / "incidents.1.jsonl").mkdir()
    life = Life(tmp_path)
    life.go_on(12)
    life.end()
    answer = reader.ask(life.path, EVER)
    assert [incident.title for incident in answer.incidents] == ["node was busy"]
    assert [note.kind for note in answer.notes] == ["kept"]
    assert not (tmp_path / old_log.NAMES[1]).exists()
    assert (tmp_path / old_log.NAMES[0]).is_dir(), "what can't be read stays"
