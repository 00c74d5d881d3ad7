"""A message writer for dbus-fast that survives a full socket.

dbus-fast 1.84 to 5.2: `_MessageWriter.write_callback` sends on a non-blocking socket and treats every exception as the
end of the connection, EAGAIN included. A full socket buffer is no error: dbus-daemon is merely busy, and send(2) says
"try again when writable". Any local user can provoke it by pipelining calls (16 clients with 100 calls each) or asking
for large replies; the service is then off the bus. How to see it upstream: export a method that returns 100 kB, call it
500 times without awaiting; the bus disconnects with BlockingIOError.

The cure: BlockingIOError means that nothing was sent. The pending buffer, its offset and its file descriptors stay as
they are, and the loop calls again once the socket is writable. (1.84 moreover took the newest message first; here they
leave in order.) Upstream this is an `except (BlockingIOError, InterruptedError): return` inside the loop of
`write_callback`; `schedule_write` adds the loop's writer already whenever a buffer is pending.

It replaces private parts of the library; tests/bus guards it with the load that killed the stock writer.
"""

import array
import socket
from typing import TYPE_CHECKING

from dbus_fast.aio import MessageBus
from dbus_fast.aio.message_bus import _MessageWriter

if TYPE_CHECKING:
    import asyncio


class PatientWriter(_MessageWriter):
    """Writes what is queued, as far as the socket takes it, and continues when it takes more."""

    fut: "asyncio.Future[None] | None"

    def write_callback(self, remove_writer: bool = True) -> None:
        """Sends as much as the socket takes; called by schedule_write and by the loop when the socket is writable."""
        try:
            while self._has_something_to_write():
                if not self._write_some():
                    return
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            if self.fut is not None and not self.fut.done():
                self.fut.set_exception(error)
            self.bus._finalize(error)  # noqa: SLF001  what the stock writer does when the connection is lost
            return
        if remove_writer and self.fd is not None:
            self.loop.remove_writer(self.fd)

    def _has_something_to_write(self) -> bool:
        if self.buf is None and self.messages:
            buffer, self.unix_fds, self.fut = self.messages.popleft()
            self.buf = memoryview(buffer)
            self.offset = 0
        return self.buf is not None

    def _write_some(self) -> bool:
        """Sends once; false if the socket took only a part."""
        if self.buf is None or self.sock is None:
            return False
        rest = self.buf[self.offset :]
        if self.unix_fds and self.negotiate_unix_fd:
            rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", self.unix_fds))
            self.offset += self.sock.sendmsg([rest], [rights])
            self.unix_fds = None  # the first byte carried them; only now are they gone
        else:
            self.offset += self.sock.send(rest)
        if self.offset < len(self.buf):
            return False
        self.buf = None
        if self.fut is not None and not self.fut.done():
            self.fut.set_result(None)
        return True


def install(bus: MessageBus) -> None:
    """Gives a connected `bus` the patient writer in place of its own, which must have nothing left to write."""
    stock = bus._writer  # noqa: SLF001  there is no public door; see the module's docstring
    if stock is None or stock.messages or stock.buf is not None:
        raise RuntimeError("the bus must be connected and have nothing left to write")
    bus._writer = PatientWriter(bus)  # noqa: SLF001
