"""Reads in a thread what a slow driver may hold up, and waits for it only so long.

Then None is the answer, and no second thread is sent after the first: what it brings late is the next answer. A thread
for a reading costs more than many a reading does, so what changes slowly is kept for a while.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


class PatientReader(Generic[T]):
    """Calls `read` in a thread, at most one at a time; `limit_s` is how long a tick may wait for it.

    While `is_prompt()` says that nothing can hold a reading up, no thread is sent: it costs more than the reading.
    """

    def __init__(self, read: Callable[[], T], limit_s: float, is_prompt: Callable[[], bool] = lambda: False) -> None:
        self._read = read
        self._limit_s = limit_s
        self._is_prompt = is_prompt
        self._reading: asyncio.Future[T] | None = None
        self._latest: tuple[float, T] | None = None  # when, what

    @property
    def is_reading(self) -> bool:
        """Whether a thread is still out."""
        return self._reading is not None and not self._reading.done()

    @property
    def has_late_answer(self) -> bool:
        """Whether the next answer is that of a thread which was sent earlier."""
        return self._reading is not None

    async def read(self, keep_s: float = 0.0) -> T | None:
        """The reading, None while it is late; one that is younger than `keep_s` again. Raises what `read` raises."""
        if self._reading is None:
            if self._latest is not None and time.monotonic() - self._latest[0] < keep_s:
                return self._latest[1]
            if self._is_prompt():
                self._latest = time.monotonic(), self._read()
                return self._latest[1]
            self._reading = asyncio.ensure_future(asyncio.to_thread(self._read))
        reading = self._reading
        await asyncio.wait((reading,), timeout=self._limit_s)
        if not reading.done():
            return None
        if self._reading is reading:
            self._reading = None
        self._latest = time.monotonic(), reading.result()
        return self._latest[1]
