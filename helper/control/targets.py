"""Which process is meant, surely: a number alone may be another's by the time one acts.

A target is a pid with its start time. A pidfd is taken first, which stays with one process for good (pidfd_open(2)),
then /proc is read and compared. As long as the pidfd's process isn't reaped, its number can't be given away: so what
was read in between was read of this process. Start time and user ids are compared once more before acting, for polkit
takes its time, and a process may become another user's (a setuid program) meanwhile.
"""

import errno
import os
import pwd
import select
import signal
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from helper.bus import errors
from helper.bus.errors import Refusal
from helper.bus.journal import escaped

PROC: Final = Path("/proc")
_PF_KTHREAD: Final = 0x0020_0000  # include/linux/sched.h
_TICKS_PER_S: Final = os.sysconf("SC_CLK_TCK")
_NAME_BYTES: Final = 256


@dataclass(frozen=True, slots=True)
class Seen:
    """What /proc says of a process. `uids`: real, effective, saved."""

    start_ticks: int
    uids: tuple[int, int, int]
    state: str
    is_kernel: bool
    comm: str


def look(pid: int, proc: Path = PROC) -> Seen:
    """Reads /proc/PID/stat and status (proc_pid_stat(5), proc_pid_status(5)); OSError if it isn't there."""
    head, _, tail = (proc / str(pid) / "stat").read_bytes().rpartition(b")")
    fields = tail.split()  # the fields after the name, which may hold anything: state is 3, flags 9, starttime 22
    status = (proc / str(pid) / "status").read_bytes()
    uids = next(line for line in status.split(b"\n") if line.startswith(b"Uid:")).split()[1:4]
    return Seen(
        start_ticks=int(fields[19]),
        uids=(int(uids[0]), int(uids[1]), int(uids[2])),
        state=fields[0].decode(),
        is_kernel=bool(int(fields[6]) & _PF_KTHREAD),
        comm=bounded(head.partition(b"(")[2].decode(errors="replace")),
    )


def bounded(text: str) -> str:
    """`text` fit to be shown: escaped, at most 256 bytes."""
    return escaped(text).encode()[:_NAME_BYTES].decode(errors="ignore")


class Target:
    """One process, held by its pidfd until `close`."""

    def __init__(self, pid: int, start_ns: int, proc: Path = PROC) -> None:
        """Refusal if this isn't a process that may be acted on, or it isn't the one that was meant."""
        if pid <= 1:
            raise Refusal(errors.PROTECTED, f"process {pid} is never touched; choose one above 1")
        self.pid = pid
        self._proc = proc
        self._start_ticks = start_ns * _TICKS_PER_S // 10**9  # as /proc rounds it: nsec_to_clock_t(), fs/proc/array.c
        self._pidfd = _open(pid)
        try:
            self.seen = self._look()
        except Refusal:
            self.close()
            raise

    @property
    def key(self) -> tuple[int, int]:
        """What tells this process from all others."""
        return (self.pid, self.seen.start_ticks)

    @property
    def is_stopped(self) -> bool:
        return self.seen.state in "Tt"  # stopped by a signal, by a debugger

    def belongs_to(self, uid: int) -> bool:
        """Whether all three of its user ids are `uid`."""
        return set(self.seen.uids) == {uid}

    def owner(self) -> str:
        """The account it acts as, for people."""
        return account(self.seen.uids[1])

    def program(self) -> str:
        """What it runs, for people: the file if we may know it, else how it calls itself.

        /proc/PID/exe of another user's process takes CAP_SYS_PTRACE, which Control doesn't have
        (proc_fd_access_allowed() in fs/proc/base.c).
        """
        folder = self._proc / str(self.pid)
        with suppress(OSError):
            return bounded(str((folder / "exe").readlink()))
        try:
            first = (folder / "cmdline").read_bytes()[:4096].partition(b"\0")[0].decode(errors="replace")
        except OSError:
            return self.seen.comm
        return bounded(f"{self.seen.comm} ({first})") if first and first != self.seen.comm else self.seen.comm

    def __str__(self) -> str:
        return f"process {self.pid} ({self.seen.comm})"

    def look_again(self) -> None:
        """Renews `seen`; Refusal if the process has ended, or isn't what it was when it was resolved."""
        before, self.seen = self.seen, self._look()
        if self.seen.uids != before.uids:
            raise Refusal(errors.CHANGED, f"{self} runs as another user now; nothing was done, look again")

    def send(self, number: int) -> None:
        """Sends a signal; Refusal if the process has ended."""
        try:
            signal.pidfd_send_signal(self._pidfd, number)
        except OSError as error:
            raise _refused(self.pid, error) from error

    def duplicate(self) -> int:
        """A pidfd of its own for whoever keeps it."""
        return os.dup(self._pidfd)

    def close(self) -> None:
        os.close(self._pidfd)

    def _look(self) -> Seen:
        try:
            seen = look(self.pid, self._proc)
        except (OSError, ValueError, StopIteration, IndexError) as error:
            raise Refusal(errors.GONE, f"process {self.pid} has ended, or /proc hides it from the helper") from error
        if seen.start_ticks != self._start_ticks:
            raise Refusal(
                errors.GONE, f"the process meant has ended; {self.pid} is another's number now. Nothing was done"
            )
        if has_ended(self._pidfd):
            raise Refusal(errors.GONE, f"process {self.pid} has ended")
        if seen.is_kernel:
            raise Refusal(errors.PROTECTED, f"process {self.pid} ({seen.comm}) is a thread of the kernel")
        return seen


def has_ended(pidfd: int) -> bool:
    """Whether the process of a pidfd has ended: it polls readable then, reaped or not (pidfd_open(2))."""
    poll = select.poll()
    poll.register(pidfd, select.POLLIN)
    return bool(poll.poll(0))


def account(uid: int) -> str:
    """The account's name, the number where it has none."""
    try:
        return bounded(pwd.getpwuid(uid).pw_name)
    except KeyError:
        return str(uid)


def _open(pid: int) -> int:
    try:
        return os.pidfd_open(pid)
    except OverflowError as error:
        raise Refusal(errors.INVALID_ARGUMENT, f"pid is {pid}, which no process can have") from error
    except OSError as error:
        raise _refused(pid, error) from error


def _refused(pid: int, error: OSError) -> Refusal:
    if isinstance(error, ProcessLookupError):
        return Refusal(errors.GONE, f"process {pid} has ended")
    if error.errno in {errno.EINVAL, errno.ENOENT}:  # pidfd_open(2): the number is a thread's; ENOENT since 6.17
        return Refusal(errors.GONE, f"{pid} is no process: a thread has this number now")
    return Refusal(errors.UNAVAILABLE, f"process {pid}: {error.strerror}")
