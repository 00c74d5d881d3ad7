"""Ends every process that was started below this one, however it was daemonized.

Relies on kernel.adopt_orphans: an orphan becomes our child, so the loop ends only when nobody is left.
"""

import os
import signal
import time
from contextlib import suppress
from pathlib import Path


def _parent_of(pid: int) -> int:
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return int(text.rpartition(")")[2].split()[1])


def _descendants() -> list[int]:
    parents = {int(entry.name): _parent_of(int(entry.name)) for entry in Path("/proc").glob("[0-9]*")}
    family = {os.getpid()}
    grown = True
    while grown:
        young = {pid for pid, parent in parents.items() if parent in family and pid not in family}
        family |= young
        grown = bool(young)
    return sorted(family - {os.getpid()})


def _reap() -> bool:
    """Collects the ended children; true while there are others."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return False
    return True


def end_descendants(grace_s: float = 1.0) -> None:
    """Asks all descendants to end, and after `grace_s` seconds ends those that didn't."""
    deadline = time.monotonic() + grace_s
    number = signal.SIGTERM
    asked: set[tuple[int, int]] = set()
    while _reap():
        if time.monotonic() > deadline:
            number = signal.SIGKILL
        for pid in _descendants():
            if (pid, number) not in asked:
                asked.add((pid, number))
                with suppress(ProcessLookupError):
                    os.kill(pid, number)
        time.sleep(0.01)
