"""A message reader for dbus-fast that a caller can neither stall nor throw off the bus.

dbus-fast 1.84 to 5.2 takes a whole message apart before any handler sees it: an `a{sv}` of 600,000 entries stops the
loop for two seconds, and values nested deeper than it likes end the connection. Any local user can send both. Nothing
that is sent to us of anyone's own accord needs more than a few hundred bytes, so here

- the body of a longer one is thrown away as it comes, unread; a method call is answered with an error;
- a message that can't be taken apart is treated alike; if its head is at fault too, it is dropped;
- replies to calls of ours (from the bus and polkit, of whom only we ask) may be longer;
- descriptors are never taken: recv(2) without room for them makes the kernel close them (scm_recv() in
  include/net/scm.h).

It replaces private parts of the library; tests/bus guards it with messages of both sorts.
"""

import io
import struct
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from dbus_fast import InvalidMessageError, InvalidSignatureError, Message, MessageFlag, MessageType
from dbus_fast._private.unmarshaller import Unmarshaller

from helper.bus import errors, journal

if TYPE_CHECKING:
    import socket

    from dbus_fast.aio import MessageBus

FIXED_BYTES: Final = 16  # the fixed part of the head and the length of its array of fields: D-Bus specification
HEAD_LIMIT_BYTES: Final = 4096  # path, interface, member, sender, signature: 255 bytes each but for the path
BODY_LIMIT_BYTES: Final = 4096
REPLY_LIMIT_BYTES: Final = 256 * 1024
_READ_BYTES: Final = 64 * 1024
_READS_AT_ONCE: Final = 16  # then the loop has its turn, however much is sent
_REPLIES: Final = frozenset({MessageType.METHOD_RETURN.value, MessageType.ERROR.value})
_NOT_A_MESSAGE: Final = (
    InvalidMessageError, InvalidSignatureError, ValueError, TypeError, LookupError, RecursionError, struct.error,
)  # fmt: skip


class Framing:
    """Cuts what comes from the socket into messages; pure, but for the journal.

    `deliver` gets each message and whether its body was thrown away.
    """

    def __init__(self, deliver: Callable[[Message, bool], None]) -> None:
        self._deliver = deliver
        self._held = bytearray()
        self._to_skip_bytes = 0

    def feed(self, received: bytes) -> None:
        """Takes what was read. InvalidMessageError if it isn't D-Bus: there is no telling where a message begins."""
        skipped = min(self._to_skip_bytes, len(received))
        self._to_skip_bytes -= skipped
        self._held += memoryview(received)[skipped:]
        while self._next_message():
            pass

    def _next_message(self) -> bool:
        """Whether there was another one to take off the front."""
        if len(self._held) < FIXED_BYTES:
            return False
        order = {b"l": "<", b"B": ">"}.get(bytes(self._held[:1]))
        if order is None:
            raise InvalidMessageError("what the bus sent doesn't begin as a message does")
        body_bytes, _serial, fields_bytes = struct.unpack_from(f"{order}III", self._held, 4)
        head_bytes = FIXED_BYTES + -(-fields_bytes // 8) * 8
        if head_bytes > HEAD_LIMIT_BYTES:
            self._skip(head_bytes + body_bytes)
            journal.write(f"a message whose head takes {head_bytes} bytes was dropped")
            return True
        is_reply = self._held[1] in _REPLIES
        is_cut = body_bytes > (REPLY_LIMIT_BYTES if is_reply else BODY_LIMIT_BYTES)
        if len(self._held) < head_bytes + (0 if is_cut else body_bytes):
            return False
        head = bytes(self._held[:head_bytes])
        body = b"" if is_cut else bytes(self._held[head_bytes : head_bytes + body_bytes])
        self._skip(head_bytes + body_bytes)
        self._pass_on(head, body, is_cut=is_cut)
        return True

    def _skip(self, byte_count: int) -> None:
        """Drops as much from what was received and from what is to come."""
        self._to_skip_bytes = max(0, byte_count - len(self._held))
        del self._held[:byte_count]

    def _pass_on(self, head: bytes, body: bytes, *, is_cut: bool) -> None:
        try:
            message = _taken_apart(head, body)
        except _NOT_A_MESSAGE as error:
            if is_cut or not body:
                journal.write(f"a message that makes no sense was dropped: {error!r}")
            else:
                self._pass_on(head, b"", is_cut=True)
            return
        self._deliver(message, is_cut)


def _taken_apart(head: bytes, body: bytes) -> Message:
    """The message; one of _NOT_A_MESSAGE if it isn't one."""
    if not body:  # the head may still speak of the one that was thrown away
        head = head[:4] + bytes(4) + head[8:]
    message = Unmarshaller(io.BytesIO(head + body)).unmarshall()  # type: ignore[arg-type]  # it only reads
    if message is None:
        raise InvalidMessageError("it ends too early")
    return message


class GuardedReader:
    """Reads the socket of a bus in place of the library's reader."""

    def __init__(self, bus: "MessageBus", connection: "socket.socket") -> None:
        self._bus = bus
        self._socket = connection
        self._framing = Framing(self._deliver)

    def read(self) -> None:
        """Called by the loop when there is something to read."""
        try:
            for _ in range(_READS_AT_ONCE):
                received = self._socket.recv(_READ_BYTES)
                if not received:
                    self._bus._finalize(EOFError("the bus closed the connection"))  # noqa: SLF001  as the stock reader
                    return
                self._framing.feed(received)
        except (BlockingIOError, InterruptedError):
            return
        except (OSError, InvalidMessageError) as error:
            self._bus._finalize(error)  # noqa: SLF001

    def _deliver(self, message: Message, is_cut: bool) -> None:
        if not is_cut or message.message_type.value in _REPLIES:
            self._bus._process_message(message)  # noqa: SLF001
        elif message.message_type is MessageType.METHOD_CALL and not (
            message.flags.value & MessageFlag.NO_REPLY_EXPECTED.value
        ):
            text = f"the arguments take more than {BODY_LIMIT_BYTES} bytes or can't be taken apart"
            self._bus.send(Message.new_error(message, errors.LIMITS_EXCEEDED, text))


def install(bus: "MessageBus") -> None:
    """Reads in place of the library's reader, which must stand between two messages: right after connecting it does.

    By then the daemon has sent its answer and one signal, each written at once into an empty socket.
    """
    loop, connection, descriptor = bus._loop, bus._sock, bus._fd  # noqa: SLF001  there is no public door
    if connection is None or descriptor is None:
        raise RuntimeError("the bus must be connected")
    loop.add_reader(descriptor, GuardedReader(bus, connection).read)  # takes the place of what read there before
