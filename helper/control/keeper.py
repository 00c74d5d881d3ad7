"""A small process that lets paused ones go on if the service itself dies, however it dies.

A process stopped by a service that is killed (by the kernel for want of memory, by a watchdog, by a person) would stay
stopped for ever. So the keeper holds a pidfd of each paused process and the end of a socket: when the other end closes,
the service is gone, and everything held goes on. It is forked before anything else happens, so that it has nothing of
the service's. If it dies, the service ends too, and lets everything go on itself.

Killed in one blow with the service (`systemctl kill --signal=KILL` of the whole group), it can't help.
"""

import os
import signal
import socket
import struct
from contextlib import suppress
from typing import Final

_KEY: Final = struct.Struct("=cIQ")  # hold or release; pid, start in clock ticks
_HOLD, _RELEASE = b"+", b"-"

Key = tuple[int, int]


class KeeperGone(Exception):  # noqa: N818  reads as what it says
    """The keeper has died: nothing may be paused any more."""


class Keeper:
    """The service's end. `socket` becomes readable when the keeper, process `pid`, has died."""

    def __init__(self, pid: int, near: socket.socket) -> None:
        self.pid = pid
        self.socket = near

    @classmethod
    def start(cls) -> "Keeper":
        """Forks the keeper; to be called while the process has one thread and no connection."""
        near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        # What systemd sends to all processes of a unit is for the service, which closes its end then.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGTERM, signal.SIGINT, signal.SIGHUP))
        pid = os.fork()
        if pid == 0:
            near.close()
            _keep(far)
            os._exit(0)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        far.close()
        return cls(pid, near)

    def hold(self, key: Key, pidfd: int) -> None:
        """From now on the process goes on when the service dies. KeeperGone if that can't be promised."""
        try:
            socket.send_fds(self.socket, [_KEY.pack(_HOLD, *key)], [pidfd])
        except OSError as error:
            raise KeeperGone(f"the keeper has died: {error.strerror}") from error

    def release(self, key: Key) -> None:
        """The process isn't paused any more."""
        with suppress(OSError):  # it has died, and holds nothing
            self.socket.send(_KEY.pack(_RELEASE, *key))

    def close(self) -> None:
        """Lets the keeper end, and what it still holds go on."""
        self.socket.close()
        os.waitpid(self.pid, 0)


def _keep(far: socket.socket) -> None:
    """Until the other end closes; never raises into the code that was forked."""
    held: dict[Key, int] = {}
    while True:
        try:
            message, descriptors, _flags, _address = socket.recv_fds(far, _KEY.size, 1)
        except OSError:
            break
        if len(message) != _KEY.size:
            break
        what, pid, start_ticks = _KEY.unpack(message)
        before = held.pop((pid, start_ticks), None)
        if before is not None:
            os.close(before)
        if what == _HOLD and descriptors:
            held[pid, start_ticks] = descriptors[0]
    for pidfd in held.values():
        with suppress(OSError):  # it has ended
            signal.pidfd_send_signal(pidfd, signal.SIGCONT)
