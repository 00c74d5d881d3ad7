"""The laboratory's marks: what counts as found, missed, false and late. The recordings here are the tests' own."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from laboratory import score
from laboratory.judge import Alert, Marks, mark, names
from laboratory.keeping import Label, keep, kept, label_of, unpacked
from laboratory.situation import Expectation, Situation, SituationError, read_situations
from smoothtask_gui.domain.rules import parse_rules
from smoothtask_gui.sources.recording import RecordingReader, RecordingWriter
from tests.fakes.recordable import batch

SECOND = 10**9
RULES = parse_rules("[runaway]\nfor_s = 20.0\n[oom]\nenabled = false\n", "test")
FOR_S = {"runaway": RULES.runaway.for_s}
BEGAN_S, ENDS_S = 20, 90

SPIN = Situation(
    name="spin",
    says="One process computes",
    actors=(),
    seconds=ENDS_S - BEGAN_S,
    tail_s=0,
    period_ms=1000,
    expected=(Expectation("runaway", "spinner"),),
    tolerated=frozenset(),
    desktop=False,
    ordinary=False,
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """With a recording of a process `spinner` that computes from second 20 to 90."""
    path = tmp_path / "spin.strec"
    with RecordingWriter(path, 1000, "test") as writer:
        for second in range(1, 120):
            made = batch(second * SECOND, comm=b"spinner")
            made.processes["run_ns"][0] = max(0, min(second, ENDS_S) - BEGAN_S) * SECOND
            writer.write(made)
    keep(path.read_bytes(), Label(BEGAN_S * SECOND, ENDS_S * SECOND), "spin", tmp_path)
    return tmp_path


def marks_of(situation: Situation, folder: Path) -> Marks:
    return mark(situation, RULES, FOR_S, folder)


def test_an_expected_alert_that_names_its_culprit_is_a_hit(folder: Path) -> None:
    marks = marks_of(SPIN, folder)
    assert [(hit.expected.rule, hit.is_named) for hit in marks.hits] == [("runaway", True)]
    assert (marks.missed, marks.false_alarms) == ((), ())
    assert marks.played.notifications == 1
    assert 0 <= marks.hits[0].delay_s <= 2  # of recorded time: the tick at which the rule's time is over


def test_another_culprit_is_a_hit_that_names_the_wrong_one(folder: Path) -> None:
    marks = marks_of(replace(SPIN, expected=(Expectation("runaway", "twister"),)), folder)
    assert [hit.is_named for hit in marks.hits] == [False]
    assert score.add_up([marks]).named_ratio == 0


def test_an_alert_that_nobody_expected_is_false(folder: Path) -> None:
    marks = marks_of(replace(SPIN, expected=(), ordinary=True), folder)
    assert [alert.rule for alert in marks.false_alarms] == ["runaway"]
    assert any("notifications in ordinary work" in missed for missed in score.shortfalls(score.add_up([marks])))


def test_a_tolerated_alert_counts_for_nothing(folder: Path) -> None:
    marks = marks_of(replace(SPIN, expected=(), tolerated=frozenset({"runaway"})), folder)
    assert (marks.hits, marks.missed, marks.false_alarms) == ((), (), ())


def test_what_did_not_come_is_missed(folder: Path) -> None:
    both = (*SPIN.expected, Expectation("overheating", "spinner"))
    marks = marks_of(replace(SPIN, expected=both), folder)
    assert [expected.rule for expected in marks.missed] == ["overheating"]
    found = score.add_up([marks])
    assert (found.recall, found.precision) == (0.5, 1.0)
    assert any(missed.startswith("recall 0.500") for missed in score.shortfalls(found))
    assert "MISSED overheating" in score.table([marks])


def test_late_alerts_fall_short(folder: Path) -> None:
    marks = mark(SPIN, RULES, {"runaway": 0.0}, folder)
    told = score.shortfalls(score.add_up([marks]))
    assert [words.partition(" delay")[0] for words in told] == ["median", "worst"]


def test_the_marks_of_a_recording_are_the_same_each_time(folder: Path) -> None:
    first, second = (marks_of(SPIN, folder) for _ in range(2))
    assert first.played.alerts == second.played.alerts
    assert first.hits == second.hits


def test_what_begins_later_than_its_actors_is_late_from_there_on(folder: Path) -> None:
    later = (replace(SPIN.expected[0], begins_s=5.0),)
    delays = [marks_of(each, folder).hits[0].delay_s for each in (SPIN, replace(SPIN, expected=later))]
    assert delays[0] - delays[1] == pytest.approx(5)


def test_judging_too_slowly_is_told_apart_from_the_marks(folder: Path) -> None:
    marks = marks_of(SPIN, folder)
    lame = replace(marks, played=replace(marks.played, took_s=marks.played.recorded_s / 299))
    assert score.too_slow(score.add_up([lame])) == ["judged at 299 times real time, at least 300"]
    swift = replace(marks, played=replace(marks.played, took_s=marks.played.recorded_s / 301))
    assert score.too_slow(score.add_up([swift])) == []


def test_one_who_is_gone_is_named_by_the_title() -> None:
    gone = Alert(0, "oom", "", "The kernel stopped leaker to free memory")
    assert [names(gone, name) for name in ("leaker", "leak", "")] == [True, False, True]
    assert not names(replace(gone, culprit="editor"), "leaker"), "who has a share is named before the title is read"


def test_a_kept_recording_holds_the_same_items_in_less_room(folder: Path) -> None:
    with unpacked("spin", folder) as path:
        kept_items = list(RecordingReader(path).items())
    assert len(kept_items) == 119
    original = folder / "spin.strec"
    assert [each.boottime_ns for each in kept_items] == [each.boottime_ns for each in RecordingReader(original).items()]
    assert kept("spin", folder).stat().st_size < original.stat().st_size / 3


def test_no_situation_at_all_is_a_shortfall_and_not_a_perfect_score() -> None:
    assert score.shortfalls(score.add_up([])) == ["no situation was judged"]


def test_a_situation_that_is_rightly_silent_falls_short_of_nothing(folder: Path) -> None:
    marks = marks_of(replace(SPIN, expected=(), tolerated=frozenset({"runaway"})), folder)
    assert score.shortfalls(score.add_up([marks])) == []


def test_labels_come_back_as_they_were_kept(folder: Path) -> None:
    assert label_of("spin", folder) == Label(BEGAN_S * SECOND, ENDS_S * SECOND)


def test_all_situations_are_readable_and_their_actors_exist() -> None:
    actors = Path(score.__file__).parent / "actors"
    situations = read_situations()
    assert len({situation.name for situation in situations}) == len(situations) >= 20
    for situation in situations:
        assert all((actors / actor.words[0]).stat().st_mode & 0o111 for actor in situation.actors), situation.name
        assert {actor.user for actor in situation.actors} <= {"alice", "bob", "root"}, situation.name
        assert not (situation.ordinary and situation.expected), situation.name


@pytest.mark.parametrize(("text", "named"), [("[x]\nsays = ''\n", "seconds"), ("[x]\nsay = ''\n", "'say'")])
def test_a_situation_that_is_wrong_is_named(tmp_path: Path, text: str, named: str) -> None:
    path = tmp_path / "situations.toml"
    path.write_text(text)
    with pytest.raises(SituationError, match=rf"^x: .*{named}"):
        read_situations(path)
