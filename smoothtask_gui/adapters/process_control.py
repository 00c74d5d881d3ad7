"""Stop a process of one's own, and surely no other.

A pid alone may have been given to another process since the notification was shown. So: take a pidfd, which stays
with one process for good; then compare the start time and all three uids in /proc with what was seen; then signal the
pidfd. If the process ends in between, the signal goes nowhere (ESRCH), never to its successor.

Refusals are `ControlError`, a sentence for people.
"""

from __future__ import annotations

import errno
import os
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from smoothtask_gui.domain.text import safe_text

if TYPE_CHECKING:
    from smoothtask_gui.domain.incident import ProcessIdentity

PF_KTHREAD: Final = 0x0020_0000  # include/linux/sched.h


class ControlError(Exception):
    """The process was not signalled; the message says why and what can be done."""


class ProcessControl(Protocol):
    """What the app does to processes."""

    def stop(self, target: ProcessIdentity) -> None:
        """Ask `target` to end (SIGTERM); ControlError when it mustn't or can't be asked."""


@dataclass(frozen=True, slots=True)
class _Seen:
    """What /proc says of a pid now."""

    state: str
    flags: int
    start_ticks: int
    uids: tuple[int, int, int]  # real, effective, saved


class OwnProcesses:
    """`ProcessControl` for the processes of the user who runs the app; others' need the helper."""

    def __init__(self, proc_root: Path = Path("/proc"), ticks_per_s: int = os.sysconf("SC_CLK_TCK")) -> None:
        self._proc = proc_root
        self._ticks_per_s = ticks_per_s

    def stop(self, target: ProcessIdentity) -> None:
        name = f"{safe_text(target.comm)} (process {target.pid})"
        if target.pid <= 1:
            raise ControlError(f"{name} isn't stopped: the system itself runs as process 1.")
        if target.pid == os.getpid():
            raise ControlError("SmoothTask doesn't stop itself; choose Quit in its menu.")
        try:
            pidfd = os.pidfd_open(target.pid)
        except OSError as error:
            raise _refusal(name, error) from error
        try:
            self._check(name, target)
            signal.pidfd_send_signal(pidfd, signal.SIGTERM)
        except OSError as error:
            raise _refusal(name, error) from error
        finally:
            os.close(pidfd)

    def _check(self, name: str, target: ProcessIdentity) -> None:
        seen = self._look(target.pid)
        # /proc rounds the start time down to a tick (fs/proc/array.c, nsec_to_clock_t); so does this
        if seen.start_ticks != target.start_ns * self._ticks_per_s // 10**9:
            raise ControlError(f"{name} has ended already; another process has its number now. Nothing was stopped.")
        if seen.state in "ZX":
            raise ControlError(f"{name} has ended already.")
        if seen.flags & PF_KTHREAD:
            raise ControlError(f"{name} is a part of the kernel and can't be stopped.")
        if set(seen.uids) != {os.getuid()} or target.uid != os.getuid():
            raise ControlError(f"{name} runs as another user; only its owner or an administrator can stop it.")

    def _look(self, pid: int) -> _Seen:
        # proc_pid_stat(5): the fields after the command's last ")"; state is 3, flags 9, starttime 22
        fields = (self._proc / str(pid) / "stat").read_bytes().rpartition(b")")[2].split()
        status = (self._proc / str(pid) / "status").read_bytes()
        line = next(line for line in status.split(b"\n") if line.startswith(b"Uid:"))
        real, effective, saved = (int(uid) for uid in line.split()[1:4])
        return _Seen(fields[0].decode(), int(fields[6]), int(fields[19]), (real, effective, saved))


def _refusal(name: str, error: OSError) -> ControlError:
    match error.errno:
        case errno.ESRCH | errno.ENOENT | errno.EINVAL:  # EINVAL: the number is a thread's now (pidfd_open(2))
            return ControlError(f"{name} has ended already.")
        case errno.EPERM | errno.EACCES:
            return ControlError(f"{name} may not be stopped by you: {error.strerror}.")
        case _:
            return ControlError(f"{name} couldn't be stopped: {error.strerror}.")
