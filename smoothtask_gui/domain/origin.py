"""Where a process comes from: what only a look at /proc and the desktop's files tells, carried beside the readings.

The domain decides from it what app a process belongs to (`domain/app_of.py`); the source finds it out once a process
(`sources/origins.py`) and a recording keeps it, so that a recording names the same apps on another machine.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from smoothtask_gui.domain.description import Application


@dataclass(frozen=True, slots=True)
class Origin:
    """One process, by pid and start time; what couldn't be found out is empty, 0 or None."""

    pid: int
    start_ns: int
    cgroup: str = ""  # path below the root of the unified hierarchy, or of systemd's own
    executable: str = ""  # only the owner and administrators may see it
    session_pid: int = 0  # the session's leader; a shell that leads one is somebody's command line
    has_terminal: bool = False
    program_entry: Application | None = None  # the desktop's entry that starts this program
    place_entry: Application | None = None  # the desktop's entry that the cgroup names
