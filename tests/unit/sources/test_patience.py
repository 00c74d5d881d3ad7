"""Promises of `sources/patience.py`: nobody waits long for a slow driver, and no thread is sent for nothing."""

import asyncio
import threading

from smoothtask_gui.sources.patience import PatientReader

PATIENCE_S = 60.0


def test_a_reading_that_is_kept_sends_no_thread() -> None:
    calls: list[int] = []

    async def read() -> list[int | None]:
        reader = PatientReader(lambda: calls.append(0) or len(calls), PATIENCE_S)
        return [await reader.read(), await reader.read(PATIENCE_S), await reader.read(), await reader.read(PATIENCE_S)]

    assert asyncio.run(read()) == [1, 1, 2, 2]
    assert len(calls) == 2


def test_what_comes_late_is_the_next_answer() -> None:
    may_go = threading.Event()

    async def read() -> tuple[int | None, bool, int | None, bool]:
        reader = PatientReader(lambda: 7 if may_go.wait(PATIENCE_S) else 0, 0.01)
        first, is_late = await reader.read(PATIENCE_S), reader.has_late_answer
        may_go.set()
        second = await reader.read(PATIENCE_S)
        while second is None:
            second = await reader.read(PATIENCE_S)
        return first, is_late, second, reader.has_late_answer

    assert asyncio.run(read()) == (None, True, 7, False)


def test_no_thread_is_sent_for_what_nothing_can_hold_up() -> None:
    threads: list[int] = []
    prompt = [False, True, True, False]

    async def read() -> None:
        reader = PatientReader(lambda: threads.append(threading.get_ident()), PATIENCE_S, lambda: prompt.pop(0))
        for _ in range(4):
            await reader.read()

    asyncio.run(read())
    assert [thread == threading.get_ident() for thread in threads] == [False, True, True, False]
