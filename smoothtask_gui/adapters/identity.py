"""What a process is (executable, command line, user, unit, container, application), read when asked and remembered.

The cache is LRU + TTL, keyed by (pid, start time): a reused pid is another process, and after KEEP_S an exec (same
pid, same start) shows. It is bounded in entries and in the length of a command line. Reading goes step by step, each
failing alone: a step that can't be done leaves its field None, with the process, the step and the reason.

/proc/PID/cmdline may block while the process holds its memory map's lock, so callers don't ask on Qt's thread
(`adapters/latest.py`).
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

import psutil  # type: ignore[import-untyped]  # ships no types

from smoothtask_gui.adapters.counted_cache import CountedCache
from smoothtask_gui.domain.cgroup import Place, parse_place
from smoothtask_gui.domain.description import Application, CacheCounts, Description

if TYPE_CHECKING:
    from collections.abc import Callable

    from smoothtask_gui.adapters.application_names import ApplicationNames
    from smoothtask_gui.domain.incident import ProcessIdentity

KEEP_S: Final = 30.0
ENTRIES_MOST: Final = 512
COMMAND_LINE_MOST: Final = 1024
"""Characters kept; with ENTRIES_MOST that bounds the cache at about 2 MB."""

Key = tuple[int, int]


class _StepError(Exception):
    """A step that gave nothing, with the reason in words for people."""


class IdentityCache:
    """Describes processes; safe for several threads. `timer` counts seconds and doesn't step."""

    def __init__(
        self,
        names: ApplicationNames,
        *,
        proc_root: Path = Path("/proc"),
        timer: Callable[[], float] = time.monotonic,
        capacity: int = ENTRIES_MOST,
        keep_s: float = KEEP_S,
    ) -> None:
        self._names = names
        self._proc = proc_root
        self._cache: CountedCache[Key, Description] = CountedCache(Description, capacity, keep_s, timer)

    def describe(self, identity: ProcessIdentity) -> Description:
        """What `identity` is, as known for at most KEEP_S; never raises for a process that is gone or hidden."""
        return self._cache.get((identity.pid, identity.start_ns), lambda: self._read(identity))

    @property
    def counts(self) -> CacheCounts:
        """For the self-cost page."""
        return self._cache.counts

    def _read(self, identity: ProcessIdentity) -> Description:
        unknown: list[tuple[str, str]] = []

        def step(field: str, read: Callable[[], str | Place]) -> str | Place | None:
            try:
                return read()
            except _StepError as error:
                unknown.append((field, f"The {field.replace('_', ' ')} of process {identity.pid} is unknown: {error}."))
            return None

        process = _Process(identity, self._proc)
        executable = step("executable", process.executable)
        command_line = step("command_line", process.command_line)
        user = step("user", process.user)
        place = step("unit", process.place)
        found = place if isinstance(place, Place) else Place()
        if unknown and (reason := process.why_gone()):
            return Description(
                unknown=tuple((field, reason) for field in ("executable", "command_line", "user", "unit"))
            )
        return Description(
            executable=executable if isinstance(executable, str) else None,
            command_line=command_line if isinstance(command_line, str) else None,
            user=user if isinstance(user, str) else None,
            unit=found.unit,
            container=found.container,
            flatpak_id=found.flatpak_id,
            application=self._application(found, executable if isinstance(executable, str) else ""),
            unknown=tuple(unknown),
        )

    def _application(self, place: Place, executable: str) -> Application | None:
        """The desktop's own name: by its cgroup; by its program only outside containers, which have their own."""
        found = self._names.by_id(place.application_ids)
        if found is not None or not executable or place.container or place.flatpak_id:
            return found
        return self._names.by_program(executable)


class _Process:
    """The steps: each gives its value or raises _StepError."""

    def __init__(self, identity: ProcessIdentity, proc_root: Path) -> None:
        self._identity = identity
        self._folder = proc_root / str(identity.pid)

    def executable(self) -> str:
        path = str(self._ask("exe"))
        if not path:
            raise _StepError("it has none, as threads of the kernel")
        return path

    def command_line(self) -> str:
        words = self._ask("cmdline")
        if not isinstance(words, list) or not any(words):
            raise _StepError("it has none, as threads of the kernel and processes that have ended")
        return " ".join(map(str, words))[:COMMAND_LINE_MOST]

    def user(self) -> str:
        return str(self._ask("username"))

    def place(self) -> Place:
        try:
            return parse_place((self._folder / "cgroup").read_text("utf-8", "replace"))
        except OSError as error:
            raise _StepError(error.strerror or str(error)) from error

    def why_gone(self) -> str:
        """Why nothing can be said any more, "" while the process is the one that was asked for."""
        pid = self._identity.pid
        try:
            line = (self._folder / "stat").read_bytes()
            ticks = int(line.rpartition(b")")[2].split()[19])  # starttime is field 22 of proc_pid_stat(5)
        except (OSError, ValueError, IndexError):
            return f"Process {pid} has ended."
        # /proc rounds down to a tick (nsec_to_clock_t in fs/proc/array.c); so does this
        if ticks != self._identity.start_ns * os.sysconf("SC_CLK_TCK") // 10**9:
            return f"Process {pid} has ended; another process has its number now."
        return ""

    def _ask(self, method: str) -> object:
        if reason := self.why_gone():
            raise _StepError(reason.rstrip("."))
        try:
            return getattr(psutil.Process(self._identity.pid), method)()
        except psutil.ZombieProcess as error:
            raise _StepError("it has ended and waits for its parent to notice") from error
        except psutil.NoSuchProcess as error:
            raise _StepError("it has ended") from error
        except psutil.AccessDenied as error:
            raise _StepError("only its owner and administrators may see it") from error
        except OSError as error:
            raise _StepError(error.strerror or str(error)) from error
