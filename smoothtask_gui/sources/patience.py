"""Reads in a thread what a slow driver may hold up, and waits for it only so long.

Then None is the answer, and no second thread is sent after the first: what it brings late is the next answer.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


class PatientReader(Generic[T]):
    """Calls `read` in a thread, at most one at a time; `limit_s` is how long a tick may wait for it."""

    def __init__(self, read: Callable[[], T], limit_s: float) -> None:
        self._read = read
        self._limit_s = limit_s
        self._reading: asyncio.Future[T] | None = None

    @property
    def is_reading(self) -> bool:
        """Whether a thread is still out."""
        return self._reading is not None and not self._reading.done()

    async def read(self) -> T | None:
        """The reading, None while it is late. Raises what `read` raises."""
        if self._reading is None:
            self._reading = asyncio.ensure_future(asyncio.to_thread(self._read))
        reading = self._reading
        await asyncio.wait((reading,), timeout=self._limit_s)
        if not reading.done():
            return None
        if self._reading is reading:
            self._reading = None
        return reading.result()
