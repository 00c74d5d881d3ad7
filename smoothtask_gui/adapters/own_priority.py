"""The priority of one's own processes, without any privilege: all threads, niceness and I/O class.

Linux keeps both for each thread (setpriority(2), ioprio_set(2)). Giving back what was taken needs a privilege that most
users lack (RLIMIT_NICE in getrlimit(2)): PermissionError then, and the helper can do it.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from smoothtask_gui.domain.priority import IoClass, Priority

if TYPE_CHECKING:
    from smoothtask_gui.adapters.process_control import OwnProcesses
    from smoothtask_gui.domain.incident import ProcessIdentity

PROC: Final = Path("/proc")


def read_priority(pid: int) -> Priority:
    """That of the process's first thread. OSError if it has ended."""
    import psutil  # type: ignore[import-untyped]  # noqa: PLC0415  ships no types; only who changes priorities needs it

    try:
        io_class, io_level = psutil.Process(pid).ionice()
    except psutil.Error as error:
        raise ProcessLookupError(f"process {pid} has ended") from error
    known = {int(each) for each in IoClass}
    nice = os.getpriority(os.PRIO_PROCESS, pid)
    return Priority(nice, IoClass(int(io_class)) if int(io_class) in known else IoClass.BY_NICE, int(io_level))


def set_priority(own: OwnProcesses, who: ProcessIdentity, wanted: Priority) -> Priority:
    """Give `who`, checked, that priority; what it had. ControlError if it isn't ours, PermissionError if it may not."""
    import psutil  # noqa: PLC0415  as above

    pidfd = own.hold(who)
    try:
        before = read_priority(who.pid)
        for thread in sorted(int(entry.name) for entry in (PROC / str(who.pid) / "task").iterdir()):
            with suppress(ProcessLookupError, psutil.NoSuchProcess):  # the thread has ended
                os.setpriority(os.PRIO_PROCESS, thread, wanted.nice)
                level = wanted.io_level if wanted.io_class is IoClass.BEST_EFFORT else None
                psutil.Process(thread).ionice(int(wanted.io_class), level)
        os.close(own.hold(who))  # the numbers were surely this process's
    finally:
        os.close(pidfd)
    return before
