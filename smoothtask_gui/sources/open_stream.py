"""An open stream of the helper's packets, and until when its next tick must be there.

Who reads is woken once a packet and no more: at one tick a second each further turn of the loop, and each change of
what its selector watches, costs more than reading the packet.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import time
from typing import TYPE_CHECKING, Final, Self

from smoothtask_gui.sources.frames import FrameError
from smoothtask_gui.sources.packets import PACKET_BYTES
from smoothtask_gui.sources.protocol import SourceError

if TYPE_CHECKING:
    from types import TracebackType

SILENT_PERIODS: Final = 3
SILENT_AT_LEAST_S: Final = 3.0
"""A loaded machine may hold the helper up for a second; that alone isn't silence."""
FIRST_TICK_S: Final = 10.0
"""The first tick waits for the task probe to load; 400 ms is the target on a quiet machine."""

_Packet = tuple[bytes, list[int]]  # with its descriptors, which the receiver closes


class OpenStream:
    """Owns the descriptor `fd`; a context manager within the running loop. One reader at a time."""

    def __init__(self, fd: int, period_ms: int, silent_at_least_s: float = SILENT_AT_LEAST_S) -> None:
        """Once there was a tick, three periods without another are silence, if they are at least so long."""
        self._silent_at_least_s = silent_at_least_s
        self.stream_id: int | None = None
        self.period_ms = period_ms
        self._limit_s = FIRST_TICK_S
        self._deadline_s = time.monotonic() + FIRST_TICK_S
        self._ended = "The helper closed the stream: it was stopped or has failed."
        self._socket = socket.socket(fileno=fd)
        self._socket.setblocking(False)
        self._loop = asyncio.get_running_loop()
        self._is_watched = False
        self._waiting: asyncio.Future[_Packet | None] | None = None  # None: the deadline has passed

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._watch_no_more()
        self._socket.close()

    def heard_tick(self) -> None:
        self._limit_s = max(SILENT_PERIODS * self.period_ms / 1000, self._silent_at_least_s)
        self._deadline_s = time.monotonic() + self._limit_s

    def change_period(self, period_ms: int) -> None:
        """A longer period gives the tick that is waited for more time."""
        self.period_ms = period_ms
        self._limit_s = max(self._limit_s, SILENT_PERIODS * period_ms / 1000)
        self._deadline_s = max(self._deadline_s, time.monotonic() + self._limit_s)

    def end(self, reason: str) -> None:
        """Whoever reads the stream meets its end, and this reason."""
        self._ended = reason
        with contextlib.suppress(OSError):  # closed meanwhile
            self._socket.shutdown(socket.SHUT_RDWR)

    async def receive(self) -> _Packet:
        """The next packet. Raises SourceError at end of file and after the deadline, which may move meanwhile."""
        packet = self._read()
        while packet is None:
            packet = await self._wait()
            if packet is None and (packet := self._read()) is None and time.monotonic() >= self._deadline_s:
                raise SourceError(f"The helper has sent no sample for {self._limit_s:g} s: it hangs or is starved.")
        return packet

    async def _wait(self) -> _Packet | None:
        self._waiting = waiting = self._loop.create_future()
        if not self._is_watched:
            self._is_watched = True
            self._loop.add_reader(self._socket, self._take)
        timer = self._loop.call_later(max(0.0, self._deadline_s - time.monotonic()), _set_none, waiting)
        try:
            packet: _Packet | None = await waiting
        except asyncio.CancelledError:
            _close_unread(waiting)
            raise
        finally:
            self._waiting = None
            timer.cancel()
        return packet

    def _take(self) -> None:
        """There is something to read: hand it to who waits; if nobody does it stays where it is."""
        waiting = self._waiting
        if waiting is None or waiting.done():
            self._watch_no_more()  # or the loop would come here again and again
            return
        try:
            packet = self._read()
        except SourceError as error:
            waiting.set_exception(error)
        else:
            if packet is not None:
                waiting.set_result(packet)

    def _watch_no_more(self) -> None:
        if self._is_watched:
            self._is_watched = False
            self._loop.remove_reader(self._socket)

    def _read(self) -> _Packet | None:
        """The next packet if there is one. Raises SourceError."""
        try:
            packet, fds, flags, _ = socket.recv_fds(
                self._socket, PACKET_BYTES, 1, socket.MSG_DONTWAIT | socket.MSG_CMSG_CLOEXEC
            )
        except BlockingIOError:
            return None
        except OSError as error:
            raise SourceError(f"The helper's stream can't be read: {error.strerror}.") from error
        if not packet:
            raise SourceError(self._ended)
        if flags & (socket.MSG_TRUNC | socket.MSG_CTRUNC):
            for fd in fds:
                os.close(fd)
            raise FrameError(f"a packet has more than {PACKET_BYTES} bytes or more than one descriptor")
        return packet, list(fds)


def _set_none(waiting: asyncio.Future[_Packet | None]) -> None:
    if not waiting.done():
        waiting.set_result(None)


def _close_unread(waiting: asyncio.Future[_Packet | None]) -> None:
    """Who waited was cancelled in the moment in which a packet came."""
    if waiting.done() and not waiting.cancelled() and waiting.exception() is None:
        packet = waiting.result()
        for fd in packet[1] if packet is not None else ():
            os.close(fd)
