"""One open stream: the helper's end of a SOCK_SEQPACKET pair and its counts.

Never blocks. A packet that finds the socket full is dropped and counted. A reader that doesn't read holds at most
TICKS_IN_FLIGHT frames: how many of the sent ticks are still unread is worked out from the bytes the kernel still
holds (SIOCOUTQ, unix(7)) and the order of sending.
"""

import errno
import fcntl
import socket
import sys
import termios
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

from helper.probes.visibility import Visibility
from helper.sampler import packets, schedule
from helper.sampler.frames import Frame

TICKS_IN_FLIGHT = 2
SEND_BUFFER_BYTES = 64 * 1024  # the kernel doubles it: room for some 150 events of a reader that is briefly busy
_NO_INT = bytes(4)


@dataclass(frozen=True, slots=True)
class Request:
    """What a caller asked for and what it may see."""

    caller: str
    uid: int
    period_ms: int
    kinds: int
    visibility: Visibility


class Stream:
    """Created with its HELLO sent; `other_end` is the descriptor for the caller until `give_away` closes it."""

    def __init__(self, stream_id: int, request: Request) -> None:
        self.stream_id = stream_id
        self.caller = request.caller
        self.uid = request.uid
        self.period_ms = request.period_ms
        self.kinds = request.kinds
        self.visibility = request.visibility
        self.due_ns = 0
        self.kernel_lost_before = 0
        self._socket, self.other_end = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._socket.setblocking(False)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        self._sent_ticks: deque[bool] = deque(maxlen=1024)
        self._sequence = 0
        self._lost_ticks = 0
        self._lost_events = 0
        hello = packets.hello(stream_id, self.period_ms, self.kinds, self.visibility.mode, self.uid)
        self._send(hello)
        self._packet_room_bytes = max(1, self._bytes_unread())

    def fileno(self) -> int:
        return self._socket.fileno()

    def change_period(self, period_ms: int, now_ns: int) -> None:
        """The next tick comes on the grid of the new period."""
        self.period_ms = period_ms
        self.due_ns = schedule.next_due_ns(now_ns, period_ms)

    def send_tick(self, frame: Frame, kernel_lost_events: int) -> None:
        """Passes the frame on, or counts a lost tick. `kernel_lost_events`: lost in ring buffers so far."""
        self._sequence += 1
        lost_events = self._lost_events + kernel_lost_events - self.kernel_lost_before
        text = packets.tick(self._sequence, self._lost_ticks, lost_events, frame.byte_count)
        if self._ticks_unread() >= TICKS_IN_FLIGHT or not self._send(text, frame.rights):
            self._lost_ticks += 1

    def lose_tick(self) -> None:
        """There is no frame for this tick."""
        self._sequence += 1
        self._lost_ticks += 1

    def send_event(self, packet: bytes) -> None:
        """Passes the event on, or counts it as lost."""
        if not self._send(packet):
            self._lost_events += 1

    def close(self, bye_reason: int | None = None) -> None:
        """Ends the stream, with a BYE if there is a reason to tell."""
        if bye_reason is not None:
            self._send(packets.bye(bye_reason))
        self._socket.close()
        self.other_end.close()

    def _bytes_unread(self) -> int:
        return int.from_bytes(fcntl.ioctl(self._socket, termios.TIOCOUTQ, _NO_INT), sys.byteorder, signed=True)

    def _ticks_unread(self) -> int:
        """Of the packets sent last, as many as the reader hasn't read: how many are ticks.

        All packets are small and take the same room in the kernel (one slab object each), measured with the HELLO.
        """
        bytes_unread = self._bytes_unread()
        if not bytes_unread:
            return 0
        packets_unread = -(-bytes_unread // self._packet_room_bytes)
        return sum(islice(reversed(self._sent_ticks), packets_unread))

    def _send(self, packet: bytes, rights: Sequence[tuple[int, int, bytes]] = ()) -> bool:
        """Whether the socket took it; a tick comes with `rights`.

        A reader that is gone takes nothing; its hang-up ends the stream.
        """
        try:
            self._socket.sendmsg([packet], rights, socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL)
        except (BlockingIOError, BrokenPipeError, ConnectionResetError):
            return False
        except OSError as error:
            if error.errno != errno.ETOOMANYREFS:  # too many descriptors in flight for our user: unix(7)
                raise
            return False
        self._sent_ticks.append(bool(rights))
        return True
