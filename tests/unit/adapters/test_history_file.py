"""Promises of the history's file: private, bounded, refused where it must be, answered from while it is written."""

import os
import random
import shutil
import sqlite3
import stat
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from smoothtask_gui.adapters.history import file as history_file
from smoothtask_gui.adapters.history import reader, schema
from smoothtask_gui.adapters.history.file import HistoryFile
from smoothtask_gui.adapters.history.schema import DamagedError, HistoryError
from smoothtask_gui.domain.history.answers import NOTHING, Note
from smoothtask_gui.domain.history.buckets import Bucket, Bucketer
from smoothtask_gui.domain.history.question import Question
from smoothtask_gui.domain.history.series import CPU, LEVELS, Level
from smoothtask_gui.domain.incident import IncidentState
from tests.fakes.batches import BOOT_REALTIME, SECOND, Machine
from tests.fakes.history import samples
from tests.fakes.incidents import runaway

EVER = Question(0, 1e11)
BOOT_S = BOOT_REALTIME // SECOND


def buckets(count: int, machine: Machine | None = None, first: int = 0) -> tuple[Bucket, ...]:
    """Buckets of `count` seconds in which "busy" used half the machine; serials begin after `first`."""
    if machine is None:
        machine = Machine()
        machine.start("busy", 2.0)
    bucketer = Bucketer()
    for sample in samples(machine, count):
        bucketer.add(sample)
    return tuple(replace(bucket, serial=bucket.serial + first) for bucket in bucketer.waiting())


def counted(path: Path) -> dict[int, int]:
    """Buckets by level, as they stand in the file."""
    with closing(sqlite3.connect(path)) as database:
        return dict(database.execute("SELECT level, sum(buckets) FROM chunk GROUP BY level"))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / schema.NAME


def test_what_was_written_is_answered_and_only_its_owner_may_read_it(path: Path) -> None:
    file = HistoryFile(path)
    file.write(buckets(30), [runaway(3)], [Note(BOOT_REALTIME, "clock", "set")])
    answer = reader.ask(path, EVER)
    assert answer.recorded_s == pytest.approx(30, abs=0.1)
    assert answer.line.means[:, CPU] == pytest.approx(0.5, abs=0.001)
    assert [use.name for use in answer.apps] == ["busy"]
    assert answer.apps[0].cpu_share == pytest.approx(1.0, abs=0.01)
    assert answer.incidents == (runaway(3),)
    assert [note.text for note in answer.notes] == ["set"]
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    for each in path.parent.iterdir():
        assert stat.S_IMODE(each.stat().st_mode) == 0o600
    file.close()


def test_a_folder_and_a_file_that_others_may_read_are_closed_to_them(path: Path) -> None:
    path.parent.mkdir(mode=0o755)
    path.touch(mode=0o644)
    HistoryFile(path).close()
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_without_a_file_there_is_nothing_and_nothing_is_made(path: Path) -> None:
    assert reader.ask(path, EVER) == NOTHING
    assert not path.parent.exists()


def test_a_file_that_is_being_made_this_moment_holds_nothing_yet(path: Path) -> None:
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA journal_mode = WAL")
        assert path.stat().st_size > 0
        assert reader.ask(path, EVER) == NOTHING


def test_a_bucket_that_grew_replaces_what_was_written_of_it(path: Path) -> None:
    file, machine, bucketer = HistoryFile(path), Machine(), Bucketer()
    machine.start("busy", 2.0)
    for place, sample in enumerate(samples(machine, 100)):
        bucketer.add(sample)
        if place % 7 == 0:
            file.write(bucketer.waiting())
            bucketer.written()
    file.write(bucketer.waiting())
    file.close()
    found = counted(path)
    assert found == {0: 100, 1: 11, 2: 2}
    assert reader.ask(path, EVER).recorded_s == pytest.approx(100, abs=0.1)


def test_another_start_goes_on_where_the_last_one_stopped(path: Path) -> None:
    machine = Machine()
    machine.start("busy", 2.0)
    for start in range(3):
        file = HistoryFile(path)
        file.write(buckets(20, machine, file.next_serial), [replace(runaway(1), started_realtime_ns=start + 1)])
        file.close()
    answer = reader.ask(path, EVER)
    assert answer.recorded_s == pytest.approx(60, abs=0.5)
    assert [incident.started_realtime_ns for incident in answer.incidents] == [1, 2, 3]
    states = [incident.state for incident in answer.incidents]
    assert states == [IncidentState.RESOLVED, IncidentState.RESOLVED, IncidentState.FIRING]


def test_each_level_keeps_its_number_of_buckets(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small = (Level(1, 60), Level(10, 60), Level(60, 120))
    monkeypatch.setattr(history_file, "LEVELS", small)
    file, machine, bucketer = HistoryFile(path), Machine(), Bucketer()
    for place, sample in enumerate(samples(machine, 3_000)):
        bucketer.add(sample)
        if place % 30 == 29:
            file.write(bucketer.waiting())
            bucketer.written()
    file.close()
    found = counted(path)
    assert 60 <= found[0] < 60 + history_file.CHUNK_BUCKETS[0]
    assert 60 <= found[1] < 60 + history_file.CHUNK_BUCKETS[1]
    answer = reader.ask(path, EVER)
    assert answer.recorded_s == pytest.approx(3_000, abs=1)
    fine = reader.ask(path, Question(answer.last_s - 60, answer.last_s, 10_000)) if answer.last_s else answer
    assert set(fine.line.length_s) == {1.0}


def test_the_file_never_grows_beyond_its_limit_and_loses_the_oldest(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history_file, "SPARE_PAGES", 16)
    most_bytes = 38 * schema.PAGE_BYTES
    file, machine, bucketer = HistoryFile(path, most_bytes), Machine(), Bucketer()
    for number in range(8):
        machine.start(f"app{number}" + "x" * 50, 0.1 + number / 9, rss_bytes=number * 12_345_678)
    last = None
    chance = random.Random(3)
    for place, sample in enumerate(samples(machine, 2_500)):
        for app in machine.apps:  # what changes all the time can hardly be compressed
            app.cores = chance.random()
            app.row["rss_bytes"] = chance.randrange(10**9)
        bucketer.add(sample)
        last = sample
        if place % 100 == 99:
            file.write(bucketer.waiting(), [replace(runaway(place), started_realtime_ns=sample.realtime_ns)])
            bucketer.written()
            assert path.stat().st_size <= most_bytes
            log = path.with_name(path.name + "-wal")
            assert log.stat().st_size <= schema.MOST_LOG_BYTES + 500_000
    file.close()
    assert last is not None
    answer = reader.ask(path, EVER)
    assert answer.last_s is not None
    assert answer.last_s * SECOND >= last.realtime_ns - SECOND
    assert reader.ask(path, Question(last.realtime_ns / SECOND - 300, 1e11)).recorded_s == pytest.approx(300, abs=1)
    assert counted(path)[1] < 2_400 // 10, "the oldest had to go"


def test_a_newer_versions_file_is_refused_and_left_as_it_is(path: Path) -> None:
    HistoryFile(path).close()
    with closing(sqlite3.connect(path)) as database:
        database.execute(f"PRAGMA user_version = {schema.VERSION + 1}")
    before = {each.name: each.read_bytes() for each in path.parent.iterdir()}
    with pytest.raises(HistoryError, match="newer version") as refused:
        HistoryFile(path)
    assert not isinstance(refused.value, DamagedError)
    with pytest.raises(HistoryError, match="newer version"):
        reader.ask(path, EVER)
    assert {each.name: each.read_bytes() for each in path.parent.iterdir()} == before


def test_another_programs_database_is_no_history(path: Path) -> None:
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA application_id = 77")
        database.execute("CREATE TABLE mine (a)")
    with pytest.raises(DamagedError, match="isn't a history"):
        HistoryFile(path)


@pytest.mark.parametrize("suffix", ["", "-wal", "-shm"])
@pytest.mark.parametrize("kind", ["link", "fifo", "folder"])
def test_what_is_no_file_is_refused_at_once_and_left_alone(path: Path, suffix: str, kind: str) -> None:
    path.parent.mkdir()
    place = path.with_name(path.name + suffix)
    if kind == "link":
        place.symlink_to(path.parent / "elsewhere")
    elif kind == "fifo":
        os.mkfifo(place)
    else:
        place.mkdir()
    for attempt in (lambda: HistoryFile(path), lambda: reader.ask(path, EVER)):
        with pytest.raises(HistoryError, match=r"a symbolic link|a pipe|a folder") as refused:
            attempt()
        assert not isinstance(refused.value, DamagedError)
    assert not (path.parent / "elsewhere").exists()


def test_a_reader_that_stays_cannot_make_the_log_grow_without_end(path: Path) -> None:
    file, machine, bucketer = HistoryFile(path), Machine(), Bucketer()
    machine.start("busy", 2.0)
    file.write(buckets(5, machine))
    stays = sqlite3.connect(path)
    stays.execute("BEGIN")
    stays.execute("SELECT count(*) FROM chunk").fetchone()
    log = path.with_name(path.name + "-wal")

    def write_on() -> None:
        for sample in samples(machine, 5_000):
            bucketer.add(sample)
            file.write(bucketer.waiting())

    with pytest.raises(HistoryError, match="reading it for too long"):
        write_on()
    assert log.stat().st_size <= schema.MOST_LOG_BYTES + 500_000
    stays.close()
    file.write(bucketer.waiting())
    file.close()


def test_a_copy_taken_at_any_moment_is_a_history(path: Path, tmp_path: Path) -> None:
    """As after a power cut: whatever of the log reached the disk."""
    file = HistoryFile(path)
    for first in range(0, 60, 20):
        file.write(buckets(20, first=first * 100))
    log = path.with_name(path.name + "-wal").read_bytes()
    for length in range(0, len(log), 997):
        copy = tmp_path / f"cut{length}" / schema.NAME
        copy.parent.mkdir()
        shutil.copy(path, copy)
        copy.with_name(copy.name + "-wal").write_bytes(log[:length])
        found = HistoryFile(copy)
        found.write(buckets(3, first=1_000_000))
        found.close()
        assert reader.ask(copy, EVER).recorded_s >= 3
    file.close()


def test_a_read_only_folder_can_still_be_asked(path: Path) -> None:
    file = HistoryFile(path)
    file.write(buckets(10))
    file.close()
    for each in path.parent.iterdir():
        each.chmod(0o400)
    path.parent.chmod(0o500)
    try:
        assert reader.ask(path, EVER).recorded_s == pytest.approx(10, abs=0.1)
    finally:
        path.parent.chmod(0o700)


def test_incidents_and_notes_are_bounded(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history_file, "MOST_INCIDENTS", 10)
    monkeypatch.setattr(history_file, "MOST_NOTES", 10)
    file = HistoryFile(path)
    for number in range(30):
        file.write((), [runaway(number)], [Note(number, "lost", str(number))])
    file.close()
    answer = reader.ask(path, EVER)
    assert [incident.id for incident in answer.incidents] == list(range(20, 30))
    assert [note.text for note in answer.notes] == [str(number) for number in range(20, 30)]


def test_levels_reach_as_far_as_promised() -> None:
    assert [level.length_s * level.kept for level in LEVELS] == [600, 86_400, 30 * 86_400]
    assert BOOT_S > 0
