"""Promises of `crash.py` and of the loop that feeds it."""

import json
import threading
from pathlib import Path

import pytest

from smoothtask_gui.adapters.incident_log import IncidentLog
from smoothtask_gui.adapters.loop import LoopThread
from smoothtask_gui.crash import EXIT_SOFTWARE, MOST_CRASHES, CrashHandler


def test_each_failure_is_written_down_and_the_person_is_told_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told: list[str] = []
    handler = CrashHandler(IncidentLog(tmp_path), exit_now=told.append)
    handler.tell = told.append
    for _ in range(3):
        handler.crashed("a tick failed", ValueError("bad\nvalue"))
    lines = [json.loads(line) for line in (tmp_path / "incidents.jsonl").read_text().splitlines()]
    assert [line["failure"] for line in lines] == [r"a tick failed: ValueError: bad\x0avalue"] * 3
    assert len(told) == 1
    assert "SmoothTask goes on" in told[0]
    assert "ValueError" in capsys.readouterr().err


def test_an_app_that_fails_at_every_tick_gives_up(tmp_path: Path) -> None:
    exits: list[int] = []
    handler = CrashHandler(IncidentLog(tmp_path), exit_now=exits.append)
    for _ in range(MOST_CRASHES):
        handler.crashed("a tick failed", None)
    assert exits == [EXIT_SOFTWARE]


def test_a_log_that_cannot_be_written_does_not_hide_the_failure(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "incidents.jsonl").mkdir()
    CrashHandler(IncidentLog(tmp_path)).crashed("a tick failed", None)
    assert "a tick failed" in capsys.readouterr().err


def test_what_fails_unawaited_on_the_asyncio_thread_is_a_crash() -> None:
    crashes: list[tuple[str, BaseException | None]] = []
    happened = threading.Event()

    def crashed(message: str, error: BaseException | None) -> None:
        crashes.append((message, error))
        happened.set()

    async def fails() -> None:
        raise LookupError("nobody waits for this")

    loop = LoopThread(crashed)
    loop.start()
    loop.submit(fails())
    assert happened.wait(60)
    with pytest.raises(LookupError):
        loop.wait(fails(), 10)
    loop.stop()
    assert [type(error) for _, error in crashes] == [LookupError]
