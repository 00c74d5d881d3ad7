"""Promises of `smoothtask history` (docs/cli.md)."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from smoothtask_gui.adapters.history import schema
from smoothtask_gui.adapters.history.file import HistoryFile
from smoothtask_gui.cli.times import moment
from smoothtask_gui.domain.history.answers import Note
from smoothtask_gui.domain.history.buckets import Bucketer
from smoothtask_gui.domain.history.series import SERIES
from tests.fakes.batches import BOOT_REALTIME, SECOND, Machine
from tests.fakes.history import samples
from tests.fakes.incidents import runaway

if TYPE_CHECKING:
    from collections.abc import Callable

Run = "Callable[..., subprocess.CompletedProcess[str]]"
ROOT = Path(__file__).parents[3]
NOW = datetime(2026, 11, 22, 15, 5, 30, tzinfo=timezone(timedelta(hours=2)))
NAMES = {
    "since_realtime_ns", "until_realtime_ns", "recorded_s", "points", "apps", "rest_share", "method", "incidents",
    "notes", "first_realtime_ns", "last_realtime_ns", "damaged",
}  # fmt: skip


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


@pytest.fixture
def history(state: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "XDG_STATE_HOME": str(state), "TZ": "UTC", "PYTHONWARNINGS": "error"}
        command = [sys.executable, "-m", "smoothtask_gui", "history", *arguments]
        return subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False
        )

    return run


@pytest.fixture
def recorded(state: Path) -> int:
    """Three minutes of history; where they begin, in seconds since 1970."""
    file, machine, bucketer = HistoryFile(state / "smoothtask" / schema.NAME), Machine(), Bucketer()
    machine.hot(71.0)
    machine.start("busy", 2.0, rss_bytes=1_234_567_890)
    machine.start("\x1b[2Jhostile", 0.2)
    for sample in samples(machine, 180):
        bucketer.add(sample)
    begins_s = (BOOT_REALTIME + 101 * SECOND) // SECOND
    incident = runaway(3)
    file.write(bucketer.waiting(), [incident], [Note(BOOT_REALTIME + 150 * SECOND, "lost", "3 readings\n")])
    file.close()
    return begins_s


def iso(at_s: float) -> str:
    return datetime.fromtimestamp(at_s).astimezone().isoformat()


def test_what_was_going_on_at_a_time_is_one_question(history: Run, recorded: int) -> None:
    done = history("--json", "--at", iso(recorded + 60))
    assert (done.returncode, done.stderr) == (0, "")
    found = json.loads(done.stdout)
    assert set(found) == NAMES
    assert found["until_realtime_ns"] - found["since_realtime_ns"] == 60 * SECOND
    assert found["recorded_s"] == pytest.approx(60, abs=1)
    assert [app["name"] for app in found["apps"]] == ["busy", "\\x1b[2Jhostile"]
    assert found["apps"][0]["cpu_share"] == pytest.approx(2 / 2.2, abs=0.01)
    assert found["method"] == "estimated from CPU time"
    point = found["points"][0]
    assert set(point) == {"start_realtime_ns", "length_s", *SERIES}
    assert point["cpu_temperature_c"]["mean"] == pytest.approx(71, abs=0.01)
    assert point["package_power_w"] is None


def test_a_span_has_its_incidents_and_notes(history: Run, recorded: int) -> None:
    done = history("--json", "--since", iso(recorded - 200), "--until", iso(recorded + 400))
    found = json.loads(done.stdout)
    assert found["recorded_s"] == pytest.approx(180, abs=1)
    assert [incident["title"] for incident in found["incidents"]] == [runaway(3).title]
    assert [note["kind"] for note in found["notes"]] == ["lost"]


def test_for_people_it_is_a_table_that_no_name_can_upset(history: Run, recorded: int) -> None:
    done = history("--since", iso(recorded), "--until", iso(recorded + 180))
    assert "\x1b" not in done.stdout
    assert "busy" in done.stdout
    assert "1.23 GB" in done.stdout
    assert runaway(3).title in done.stdout
    assert r"3 readings\x0a" in done.stdout


def test_where_nothing_was_recorded_it_says_what_there_is(history: Run, recorded: int) -> None:
    done = history("--json", "--at", iso(recorded + 100_000))
    assert done.returncode == 0
    assert "nothing was recorded then; there are records from" in done.stderr
    assert json.loads(done.stdout)["apps"] == []


def test_without_a_history_nothing_is_made(history: Run, state: Path) -> None:
    done = history("--json")
    assert done.returncode == 0
    assert "nothing has been recorded yet" in done.stderr
    assert set(json.loads(done.stdout)) == NAMES
    assert not state.exists()


def test_a_file_that_cannot_be_used_is_one_line_and_a_failure(history: Run, state: Path) -> None:
    (state / "smoothtask").mkdir(parents=True)
    os.mkfifo(state / "smoothtask" / schema.NAME)
    done = history()
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert "a pipe" in done.stderr


@pytest.mark.parametrize("words", [("--at", "25:00"), ("--since", "yesterday"), ("--since", "1m", "--until", "2m")])
def test_a_time_that_is_none_is_refused(history: Run, words: tuple[str, ...]) -> None:
    done = history(*words)
    assert done.returncode in (1, 2)
    assert "Traceback" not in done.stderr
    assert done.stderr


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("20m", NOW - timedelta(minutes=20)),
        ("1.5 h ago", NOW - timedelta(minutes=90)),
        ("3d", NOW - timedelta(days=3)),
        ("2026-11-22T10:00:00+00:00", datetime(2026, 11, 22, 10, tzinfo=timezone.utc)),  # noqa: UP017 - one spelling
    ],
)
def test_moments_are_understood(text: str, expected: datetime) -> None:
    assert moment(text, NOW) == expected


def test_a_time_of_day_is_the_last_one() -> None:
    now = datetime.now().astimezone().replace(hour=12, minute=0, second=0, microsecond=0)
    assert moment("11:59", now) == now - timedelta(minutes=1)
    assert moment("12:00:00", now) == now
    assert now - moment("12:01", now) in (timedelta(hours=h, minutes=59) for h in (22, 23, 24))


@pytest.mark.parametrize(
    "text", ["", "24:00", "7", "12:60", "-5m", "9999999999d", "999999d", "2026-13-01 10:00", "\u0661\u0662:00"]
)
def test_what_is_no_time_is_said_so(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="is no time"):
        moment(text, NOW)
