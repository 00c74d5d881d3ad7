"""Signal a process of one's own, and surely no other.

A pid alone may have been given to another process since the notification was shown. So: take a pidfd, which stays
with one process for good; then compare the start time and all three uids in /proc with what was seen; then signal the
pidfd. If the process ends in between, the signal goes nowhere (ESRCH), never to its successor.

Refusals are `ControlError`, a sentence for people.
"""

from __future__ import annotations

import errno
import os
import signal
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from smoothtask_gui.domain.incident import ProcessIdentity
from smoothtask_gui.domain.text import safe_text

PF_KTHREAD: Final = 0x0020_0000  # include/linux/sched.h


KEEPS_THE_SESSION: Final = frozenset(
    {"systemd", "dbus-daemon", "dbus-broker", "Xorg", "Xwayland", "gnome-shell", "kwin_x11", "kwin_wayland"}
    | {"xfwm4", "sway", "mutter", "cinnamon", "muffin", "labwc", "Hyprland", "pipewire", "wireplumber"}
)
"""Without these there is no desktop left on which to undo anything (names as the kernel keeps them)."""


class ControlError(Exception):
    """What was asked for wasn't done; the message says why and what can be done."""


@dataclass(frozen=True, slots=True)
class _Seen:
    """What /proc says of a pid now."""

    comm: str
    state: str
    flags: int
    start_ticks: int
    uids: tuple[int, int, int]  # real, effective, saved


class OwnProcesses:
    """The processes of the user who runs the app; others' need the Control service."""

    def __init__(self, proc_root: Path = Path("/proc"), ticks_per_s: int = os.sysconf("SC_CLK_TCK")) -> None:
        self._proc = proc_root
        self._ticks_per_s = ticks_per_s

    def stop(self, target: ProcessIdentity) -> None:
        """Ask `target` to end (SIGTERM); ControlError when it mustn't or can't be asked."""
        self.send(target, signal.SIGTERM)

    def send(self, target: ProcessIdentity, number: signal.Signals) -> None:
        """Send `target` a signal; ControlError when it mustn't or can't be sent."""
        pidfd = self.hold(target)
        try:
            signal.pidfd_send_signal(pidfd, number)
        except OSError as error:
            raise _refusal(_called(target), error) from error
        finally:
            os.close(pidfd)

    def hold(self, target: ProcessIdentity) -> int:
        """A pidfd of `target`, checked; the caller closes it. ControlError when nothing may be done to it."""
        name = _called(target)
        if target.pid <= 1:
            raise ControlError(f"{name} isn't touched: the system itself runs as process 1.")
        if target.pid == os.getpid():
            raise ControlError("SmoothTask does nothing to itself; choose Quit in its menu.")
        try:
            pidfd = os.pidfd_open(target.pid)
        except OSError as error:
            raise _refusal(name, error) from error
        try:
            self._check(name, target)
        except OSError as error:
            os.close(pidfd)
            raise _refusal(name, error) from error
        except ControlError:
            os.close(pidfd)
            raise
        return pidfd

    def children(self, target: ProcessIdentity) -> list[ProcessIdentity]:
        """Its own children as they are now, of the same user; empty where the kernel doesn't list them.

        /proc/PID/task/TID/children needs CONFIG_PROC_CHILDREN (proc_pid_children(5)) and is exact while the parent is
        stopped.
        """
        found: list[ProcessIdentity] = []
        for listing in (self._proc / str(target.pid) / "task").glob("*/children"):
            with suppress(OSError):
                pids = [int(pid) for pid in listing.read_text().split()]
                found += [one for pid in pids if (one := self._identify(pid)) is not None and one.uid == target.uid]
        return found

    def is_stopped(self, target: ProcessIdentity) -> bool:
        """Whether exactly this process is stopped (state T) now."""
        try:
            seen = self._look(target.pid)
        except (OSError, ValueError):
            return False
        return seen.state == "T" and seen.start_ticks == self._ticks(target.start_ns)

    def _identify(self, pid: int) -> ProcessIdentity | None:
        try:
            seen = self._look(pid)
            comm = (self._proc / str(pid) / "comm").read_bytes().rstrip(b"\n")
        except OSError:
            return None
        start_ns = -(-seen.start_ticks * 10**9 // self._ticks_per_s)
        return ProcessIdentity(pid, start_ns, seen.uids[0], safe_text(comm))

    def _ticks(self, start_ns: int) -> int:
        """/proc rounds the start time down to a tick (fs/proc/array.c, nsec_to_clock_t); so does this."""
        return start_ns * self._ticks_per_s // 10**9

    def _check(self, name: str, target: ProcessIdentity) -> None:
        seen = self._look(target.pid)
        if seen.start_ticks != self._ticks(target.start_ns):
            raise ControlError(f"{name} has ended already; another process has its number now. Nothing was done.")
        if seen.state in "ZX":
            raise ControlError(f"{name} has ended already.")
        if seen.flags & PF_KTHREAD:
            raise ControlError(f"{name} is a part of the kernel; nothing can be done to it.")
        if set(seen.uids) != {os.getuid()} or target.uid != os.getuid():
            raise ControlError(f"{name} runs as another user; only its owner or an administrator can do that.")
        if seen.comm in KEEPS_THE_SESSION:
            raise ControlError(f"{name} keeps this desktop running; end it by logging out.")

    def _look(self, pid: int) -> _Seen:
        # proc_pid_stat(5): the fields after the command's last ")"; state is 3, flags 9, starttime 22
        head, _, tail = (self._proc / str(pid) / "stat").read_bytes().rpartition(b")")
        fields, comm = tail.split(), head.partition(b"(")[2].decode("utf-8", "replace")
        status = (self._proc / str(pid) / "status").read_bytes()
        line = next(line for line in status.split(b"\n") if line.startswith(b"Uid:"))
        real, effective, saved = (int(uid) for uid in line.split()[1:4])
        return _Seen(comm, fields[0].decode(), int(fields[6]), int(fields[19]), (real, effective, saved))


def _called(target: ProcessIdentity) -> str:
    return f"{safe_text(target.comm)} (process {target.pid})"


def _refusal(name: str, error: OSError) -> ControlError:
    match error.errno:
        case errno.ESRCH | errno.ENOENT | errno.EINVAL:  # EINVAL: the number is a thread's now (pidfd_open(2))
            return ControlError(f"{name} has ended already.")
        case errno.EPERM | errno.EACCES:
            return ControlError(f"{name} isn't yours to change: {error.strerror}.")
        case _:
            return ControlError(f"{name} couldn't be reached: {error.strerror}.")
