"""Promises of `crash.py` and of the loop that feeds it."""

import threading

import pytest

from smoothtask_gui.adapters.loop import LoopThread
from smoothtask_gui.crash import EXIT_SOFTWARE, MOST_CRASHES, CrashHandler
from tests.fakes.history import FakeHistory


def test_each_failure_is_written_down_and_the_person_is_told_once(capsys: pytest.CaptureFixture[str]) -> None:
    told: list[str] = []
    history = FakeHistory()
    handler = CrashHandler(history, exit_now=told.append)
    handler.tell = told.append
    for _ in range(3):
        handler.crashed("a tick failed", ValueError("bad\nvalue"))
    assert [message for message, _ in history.failures] == [r"a tick failed: ValueError: bad\x0avalue"] * 3
    assert len(told) == 1
    assert "SmoothTask goes on" in told[0]
    assert "ValueError" in capsys.readouterr().err


def test_an_app_that_fails_at_every_tick_gives_up_once_all_is_written_down() -> None:
    exits: list[tuple[int, bool]] = []
    history = FakeHistory()
    handler = CrashHandler(history, exit_now=lambda code: exits.append((code, history.is_closed)))
    for _ in range(MOST_CRASHES):
        handler.crashed("a tick failed", None)
    assert exits == [(EXIT_SOFTWARE, True)]


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
