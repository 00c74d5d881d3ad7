"""How much a process's threads get when others want it too: niceness and I/O priority.

Linux keeps both for each thread (setpriority(2), ioprio_set(2)), and both calls take a number, not a pidfd. So each
thread is looked up within the process, changed, and looked up again: a thread that ended in between leaves a number
that another may have got, which is said rather than passed over.
"""

import ctypes
import errno
import os
import platform
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from helper.bus import errors, journal
from helper.bus.errors import Refusal
from helper.control.targets import PROC, Target, look

IO_NONE, IO_BEST_EFFORT, IO_IDLE = 0, 2, 3  # include/uapi/linux/ioprio.h; 1, realtime, is for root's own programs
_IO_CLASS_SHIFT: Final = 13
_WHO_PROCESS: Final = 1
# ioprio_set, ioprio_get: arch/*/entry/syscalls/*.tbl and include/uapi/asm-generic/unistd.h
_NUMBERS: Final = {
    "x86_64": (251, 252), "aarch64": (30, 31), "riscv64": (30, 31), "loongarch64": (30, 31), "i686": (289, 290),
    "armv7l": (314, 315), "ppc64le": (273, 274), "s390x": (282, 283),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Priority:
    """`nice` -20 (first) to 19; `io_level` 0 (first) to 7 within IO_BEST_EFFORT, else 0."""

    nice: int
    io_class: int
    io_level: int


def check(wanted: Priority) -> None:
    """Refusal if that isn't a priority one may have."""
    if not -20 <= wanted.nice <= 19:
        raise Refusal(errors.INVALID_ARGUMENT, f"nice is {wanted.nice}; -20 to 19 are allowed")
    if wanted.io_class not in {IO_NONE, IO_BEST_EFFORT, IO_IDLE}:
        raise Refusal(
            errors.INVALID_ARGUMENT,
            f"io_class is {wanted.io_class}; 0 (by nice), 2 (best effort), 3 (idle) are allowed",
        )
    if wanted.io_level > (7 if wanted.io_class == IO_BEST_EFFORT else 0):
        raise Refusal(
            errors.INVALID_ARGUMENT, f"io_level is {wanted.io_level}; 0 to 7 with io_class 2, else 0 are allowed"
        )


def current(target: Target) -> Priority:
    """That of the process's first thread; Refusal if it has ended."""
    try:
        nice, io = os.getpriority(os.PRIO_PROCESS, target.pid), _io_priority(target.pid)
    except OSError as error:
        raise _refused(target, error) from error
    return Priority(nice, io >> _IO_CLASS_SHIFT, io & 7)


def raises(target: Target, nice: int, proc: Path = PROC) -> bool:
    """Whether `nice` would put a thread of the process ahead of others where it wasn't before."""
    return any(nice < os.getpriority(os.PRIO_PROCESS, thread) for thread in _threads(target.pid, proc))


def best_nice_of(uid: int, proc: Path = PROC) -> int:
    """The lowest niceness that any process of user `uid` has, at least 0; 19 if there is none.

    What the user runs at that niceness already can do all that the process asked for could do with it.
    """
    nices = (_nice_of_own(uid, int(entry.name), proc) for entry in proc.iterdir() if entry.name.isdecimal())
    return max(0, min((nice for nice in nices if nice is not None), default=19))


def _nice_of_own(uid: int, pid: int, proc: Path) -> int | None:
    """None if the process isn't that user's alone, or has ended."""
    try:
        before = look(pid, proc)
        nice = os.getpriority(os.PRIO_PROCESS, pid)
        after = look(pid, proc)
    except (OSError, ValueError, StopIteration):
        return None
    is_same = before.start_ticks == after.start_ticks and set(before.uids) == set(after.uids) == {uid}
    return nice if is_same and after.state not in "ZX" else None


def change(target: Target, wanted: Priority, proc: Path = PROC) -> None:
    """Gives all threads of the process that priority, also those that it starts meanwhile."""
    done: set[int] = set()
    while fresh := [thread for thread in _threads(target.pid, proc) if thread not in done]:
        for thread in fresh:
            _change_thread(target, thread, wanted, proc)
        done.update(fresh)


def _change_thread(target: Target, thread: int, wanted: Priority, proc: Path) -> None:
    start = _start_of(target.pid, thread, proc)
    if not start:
        return
    try:
        os.setpriority(os.PRIO_PROCESS, thread, wanted.nice)
        _set_io_priority(thread, wanted.io_class << _IO_CLASS_SHIFT | wanted.io_level)
    except OSError as error:
        if error.errno != errno.ESRCH:
            raise _refused(target, error) from error
    if _start_of(target.pid, thread, proc) != start and Path(proc, str(thread)).exists():
        journal.write(f"thread {thread} of {target} ended while its priority was set; another may have got it")


def _threads(pid: int, proc: Path) -> list[int]:
    try:
        return sorted(int(entry.name) for entry in (proc / str(pid) / "task").iterdir())
    except OSError:
        return []


def _start_of(pid: int, thread: int, proc: Path) -> bytes:
    """When the thread started, in clock ticks; empty if it isn't one of the process any more."""
    try:
        line = (proc / str(pid) / "task" / str(thread) / "stat").read_bytes()
    except OSError:
        return b""
    return line.rpartition(b")")[2].split()[19]


def _io_priority(thread: int) -> int:
    return _call(1, thread)


def _set_io_priority(thread: int, priority: int) -> None:
    _call(0, thread, priority)


def _call(which: int, thread: int, *more: int) -> int:
    """OSError as the kernel says, ENOSYS on machines whose numbers aren't known here."""
    numbers = _NUMBERS.get(platform.machine())
    if numbers is None:
        raise OSError(errno.ENOSYS, "I/O priorities can't be set on this kind of machine")
    library = ctypes.CDLL(None, use_errno=True)
    result: int = library.syscall(numbers[which], _WHO_PROCESS, thread, *more)
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


def _refused(target: Target, error: OSError) -> Refusal:
    if error.errno == errno.ESRCH:
        return Refusal(errors.GONE, f"{target} has ended")
    return Refusal(errors.UNAVAILABLE, f"the priority of {target} can't be set: {error.strerror}")
