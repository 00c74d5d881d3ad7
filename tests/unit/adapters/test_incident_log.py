"""Promises of `adapters/incident_log.py`."""

import json
import os
from pathlib import Path

import pytest

from smoothtask_gui.adapters.files import FileError
from smoothtask_gui.adapters.incident_log import IncidentLog
from tests.fakes.incidents import runaway


def lines(file: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in file.read_text().splitlines()]


def test_every_state_of_an_incident_is_one_line(tmp_path: Path) -> None:
    log = IncidentLog(tmp_path / "state")
    log.append(runaway(1))
    log.append(runaway(2, title="evil\n{}"))
    log.append_failure("it broke", 5)
    first, second, third = lines(tmp_path / "state" / "incidents.jsonl")
    assert first["incident"]["id"] == 1
    assert first["incident"]["state"] == "firing"
    assert second["incident"]["title"] == "evil\n{}"
    assert third == {"failure": "it broke", "realtime_ns": 5}


def test_two_files_of_bounded_size_are_kept(tmp_path: Path) -> None:
    log = IncidentLog(tmp_path, largest_bytes=4_000)
    for number in range(100):
        log.append(runaway(number))
    assert {path.name for path in tmp_path.iterdir()} == {"incidents.jsonl", "incidents.1.jsonl"}
    assert all(path.stat().st_size < 5_000 for path in tmp_path.iterdir())
    kept = lines(tmp_path / "incidents.1.jsonl") + lines(tmp_path / "incidents.jsonl")
    assert [line["incident"]["id"] for line in kept] == list(range(100 - len(kept), 100))


def test_a_pipe_in_place_of_the_log_is_refused_without_a_hang(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "incidents.jsonl")
    with pytest.raises(FileError, match="is a pipe"):
        IncidentLog(tmp_path).append(runaway(1))


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("")
    with pytest.raises(FileError, match="state"):
        IncidentLog(tmp_path / "state").append(runaway(1))
