"""Promises of `adapters/choices_file.py`."""

import json
from pathlib import Path

import pytest

from smoothtask_gui.adapters.choices_file import ChoicesFile
from smoothtask_gui.adapters.files import FileError
from smoothtask_gui.domain.choices import Choices, Expected, Scope, ScopeKind, Snooze

SOME = Choices(
    (Snooze(Scope(ScopeKind.EVERYTHING), 5), Snooze(Scope(ScopeKind.ALERT, "runaway", "7:1", "node \x1b[31m"), 6)),
    (Expected("runaway", "evil\u202e\n", 7),),
)


def test_choices_are_read_as_they_were_written(tmp_path: Path) -> None:
    ChoicesFile(tmp_path).save(SOME)
    assert ChoicesFile(tmp_path).load() == (SOME, "")


def test_without_a_file_nothing_was_chosen(tmp_path: Path) -> None:
    assert ChoicesFile(tmp_path).load() == (Choices(), "")


@pytest.mark.parametrize("cut", range(0, 400, 7))
def test_a_truncated_file_is_kept_aside_and_said(tmp_path: Path, cut: int) -> None:
    ChoicesFile(tmp_path).save(SOME)
    whole = (tmp_path / "choices.json").read_text()
    (tmp_path / "choices.json").write_text(whole[:cut])
    choices, problem = ChoicesFile(tmp_path).load()
    assert choices == Choices()
    assert "isn't understood and is kept as choices.json.broken" in problem
    assert (tmp_path / "choices.json.broken").read_text() == whole[:cut]


def test_rows_that_make_no_sense_are_left_out(tmp_path: Path) -> None:
    snoozes = [
        {"scope": {"kind": "nobody"}, "until_realtime_ns": 1},
        {"scope": {"kind": "rule", "rule": 5}, "until_realtime_ns": 1},
        {"scope": {"kind": "rule", "rule": "oom"}, "until_realtime_ns": "soon"},
        {"scope": {"kind": "rule", "rule": "oom"}, "until_realtime_ns": 9},
        7,
    ]
    expected = [{"rule": "runaway", "app": "", "since_realtime_ns": 1}, None, {"rule": "runaway", "app": "node"}]
    text = json.dumps({"version": 1, "snoozes": snoozes, "expected": expected})
    (tmp_path / "choices.json").write_text(text)
    assert ChoicesFile(tmp_path).load() == (Choices((Snooze(Scope(ScopeKind.RULE, "oom"), 9),)), "")


def test_a_file_of_a_later_version_is_not_guessed_at(tmp_path: Path) -> None:
    (tmp_path / "choices.json").write_text('{"version": 2}')
    assert "isn't understood" in ChoicesFile(tmp_path).load()[1]


def test_what_cannot_be_read_or_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "choices.json").mkdir()
    assert "is a folder" in ChoicesFile(tmp_path).load()[1]
    with pytest.raises(FileError):
        ChoicesFile(tmp_path).save(SOME)
