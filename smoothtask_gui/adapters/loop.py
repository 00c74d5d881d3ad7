"""An asyncio loop in a thread of its own, so that the bus and the sources never wait for the screen.

Qt's thread is told through `QtThread`: a queued signal that carries one object (measured: 74,000 bus calls
in 10 s). The other way goes through `submit`. An exception that nobody awaits goes to `on_crash`, never to oblivion.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Coroutine
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeVar

from PySide6.QtCore import QObject, Qt, Signal

if TYPE_CHECKING:
    from concurrent.futures import Future

Result = TypeVar("Result")
Crashed = Callable[[str, BaseException | None], None]
STOP_TIMEOUT_S: Final = 5.0
MOST_WAITING: Final = 8
"""Calls handed to Qt's thread that may wait there: a source's items are up to megabytes each."""


class QtThread(QObject):
    """Runs functions on the thread that made it (Qt's), called from any other."""

    _called = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self._handed: deque[None] = deque()  # one each that hasn't run to its end; counts without a lock
        self._ready: deque[Callable[[], object]] = deque()  # of the asyncio thread alone: handed, not yet sent
        self._room: asyncio.Future[None] | None = None
        self._called.connect(self._run, Qt.ConnectionType.QueuedConnection)

    def call(self, function: Callable[..., object], *arguments: object) -> None:
        """Run `function(*arguments)` there, soon and in order."""
        self._called.emit(partial(function, *arguments))

    async def hand(self, function: Callable[..., object], *arguments: object) -> None:
        """`call`, which waits while MOST_WAITING of these are still to run: who is too fast for Qt is held back."""
        self._handed.append(None)
        self._ready.append(partial(self._run_handed, partial(function, *arguments)))
        if len(self._ready) == 1:  # a timer's turn comes after all that is to be done at once
            asyncio.get_running_loop().call_later(0, self._send)
        while len(self._handed) > MOST_WAITING:
            room = self._room
            if room is None:
                room = self._room = asyncio.get_running_loop().create_future()
            if len(self._handed) > MOST_WAITING:  # still, now that it will be told
                await room

    def _send(self) -> None:
        """Tell Qt's thread when this one is about to sleep: woken before, it would wait for the interpreter's lock."""
        while self._ready:
            self._called.emit(self._ready.popleft())

    def _run(self, work: Callable[[], object]) -> None:
        work()

    def _run_handed(self, work: Callable[[], object]) -> None:
        try:
            work()
        finally:
            self._handed.popleft()
            room, self._room = self._room, None
            if room is not None:  # waking the loop for nothing would cost more than much of what is handed over
                with suppress(RuntimeError):  # the loop has ended: nobody waits
                    room.get_loop().call_soon_threadsafe(_set_done, room)


def _set_done(done: asyncio.Future[None]) -> None:
    if not done.done():
        done.set_result(None)


class LoopThread:
    """Runs an asyncio loop until `stop`."""

    def __init__(self, on_crash: Crashed) -> None:
        self._on_crash = on_crash
        self._loop = asyncio.new_event_loop()
        self._loop.set_exception_handler(self._handle)
        self._thread = threading.Thread(target=self._run, name="asyncio", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def submit(self, work: Coroutine[Any, Any, Result]) -> Future[Result]:
        """Run `work` there; what it raises unawaited is a crash."""
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        future.add_done_callback(self._report)
        return future

    def wait(self, work: Coroutine[Any, Any, Result], timeout_s: float) -> Result:
        """Run `work` there and wait for it here; raises what it raises, TimeoutError after `timeout_s`."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout_s)

    def stop(self) -> None:
        """Cancel what runs, let it clean up, end the thread; gives up after STOP_TIMEOUT_S."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(STOP_TIMEOUT_S)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()
        tasks = asyncio.all_tasks(self._loop)
        for task in tasks:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.close()

    def _handle(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        del loop
        if is_lost_connection(context):
            return
        self._on_crash(str(context.get("message", "asyncio")), context.get("exception"))

    def _report(self, future: Future[Any]) -> None:
        if not future.cancelled() and (error := future.exception()) is not None:
            self._on_crash("a task of the app failed", error)


def is_lost_connection(context: dict[str, Any]) -> bool:
    """Whether asyncio complains of what dbus-fast 5.2 leaves behind when a bus dies while a call is written.

    Its `call` awaits the reply and forgets the future of the write (aio/message_bus.py, `send`); the caller has been
    told by the reply's own error.
    """
    return "never retrieved" in context.get("message", "") and isinstance(context.get("exception"), OSError | EOFError)
