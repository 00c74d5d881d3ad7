"""Promises of `adapters/loop.py` that need Qt's own loop."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt

from smoothtask_gui.adapters.loop import MOST_WAITING, LoopThread, QtThread

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytestqt.qtbot import QtBot

import pytest


@pytest.fixture
def loop() -> Iterator[LoopThread]:
    crashes: list[str] = []
    thread = LoopThread(lambda message, _error: crashes.append(message))
    thread.start()
    yield thread
    thread.stop()
    assert crashes == []


def test_who_hands_over_faster_than_qt_works_is_held_back(qtbot: QtBot, loop: LoopThread) -> None:
    qt = QtThread()
    made: list[int] = []
    done: list[int] = []

    async def hand_over() -> None:
        for number in range(50):
            made.append(number)
            await qt.hand(done.append, number)
            await asyncio.sleep(0)

    future = loop.submit(hand_over())

    async def held_back() -> None:
        while len(made) <= MOST_WAITING:  # noqa: ASYNC110 - another thread's doing is waited for
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)  # time for one more, were it not held back

    loop.wait(held_back(), 60)  # Qt's loop stands still meanwhile
    assert len(made) == MOST_WAITING + 1
    assert done == []
    qtbot.waitUntil(future.done, timeout=30_000)
    qtbot.waitUntil(lambda: len(done) == 50, timeout=30_000)
    assert done == list(range(50))


def test_work_that_fails_does_not_hold_back_what_follows(qtbot: QtBot, loop: LoopThread) -> None:
    qt = QtThread()
    done: list[str] = []

    def fail() -> None:
        raise ValueError("wrong")

    async def hand_over() -> None:
        for _ in range(2 * MOST_WAITING):
            await qt.hand(fail)
        await qt.hand(done.append, "after")

    with qtbot.captureExceptions() as raised:
        future = loop.submit(hand_over())
        qtbot.waitUntil(lambda: future.done() and bool(done), timeout=30_000)
    assert len(raised) == 2 * MOST_WAITING


def test_qt_is_told_when_the_loop_has_nothing_left_to_do_at_once(qtbot: QtBot, loop: LoopThread) -> None:
    qt = QtThread()
    steps: list[str] = []
    done: list[int] = []
    qt._called.connect(lambda _work: steps.append("told"), Qt.ConnectionType.DirectConnection)

    async def hand_over() -> None:
        await qt.hand(done.append, 1)
        await qt.hand(done.append, 2)
        steps.append("went on")
        await asyncio.sleep(0)
        steps.append("once more")

    future = loop.submit(hand_over())
    qtbot.waitUntil(lambda: future.done() and len(done) == 2, timeout=30_000)
    assert done == [1, 2]
    assert steps == ["went on", "once more", "told", "told"]
