"""Holds paused processes, and surely lets them go: a small process of its own for each paused app.

Run as a script (`python -I -S guardian.py SECONDS`) with one end of a SOCK_SEQPACKET pair as standard input. The app
sends pidfds (SCM_RIGHTS), which it has checked; each is sent SIGSTOP. All are sent SIGCONT when the lease of SECONDS is
over, when the app says so, and when its end of the socket closes: it ended, crashed or was killed. A pidfd stays with
one process for good, so nothing else is ever signalled.

How it fails: killed itself, its end of the socket closes and the app continues the processes; killed together with
the app, the next start does (`leases.py`). Only the standard library: it has to start in milliseconds and stay small.
"""

import os
import select
import signal
import socket
import sys
import time

MOST_FDS = 253  # SCM_MAX_FD, include/net/scm.h
PAUSED, GO, OVER, ENDED = b"paused", b"go", b"over", b"ended"
_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def main(lease_s: float) -> None:
    """Serve until the lease ends, one way or the other."""
    app = socket.socket(fileno=os.dup(0))
    held: list[int] = []
    waker, wakened = os.pipe()
    os.set_blocking(wakened, False)
    signal.set_wakeup_fd(wakened)
    for number in _SIGNALS:
        signal.signal(number, lambda *_: None)
    try:
        serve(app, held, waker, time.monotonic() + lease_s)
    finally:
        send(held, signal.SIGCONT)


def serve(app: socket.socket, held: list[int], waker: int, until_s: float) -> None:
    """Pause what comes, until there is a reason to let go; `held` grows."""
    while (left_s := until_s - time.monotonic()) > 0:
        living = [fd for fd in held if not select.select([fd], [], [], 0)[0]]  # a pidfd is readable once it has ended
        if held and not living:
            return say(app, ENDED)
        ready, _, _ = select.select([app.fileno(), waker, *living], [], [], left_s)
        if waker in ready:
            return None
        if app.fileno() not in ready:
            continue
        message, fds, _, _ = socket.recv_fds(app, 16, MOST_FDS)
        held += fds
        if message in (b"", GO):
            return None
        send(fds, signal.SIGSTOP)
        say(app, PAUSED)
    return say(app, OVER)


def send(pidfds: list[int], number: signal.Signals) -> None:
    for pidfd in pidfds:
        try:
            signal.pidfd_send_signal(pidfd, number)
        except OSError:  # ended meanwhile
            continue


def say(app: socket.socket, word: bytes) -> None:
    try:
        app.send(word)
    except OSError:  # the app is gone
        return


if __name__ == "__main__":
    main(float(sys.argv[1]))
