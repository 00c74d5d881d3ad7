"""Takes the snapshots that frames are made of, into one buffer that is kept and grows with the number of tasks.

One snapshot serves every reader of the same visibility class at one moment. The kernel masks what a class may not see.
"""

import time
from collections.abc import Callable
from typing import Final, Protocol

from helper.loaders.errors import LoaderError
from helper.probes.probe import Reading
from helper.probes.visibility import Visibility
from helper.sampler import packets
from helper.sampler.activity import Activity
from helper.sampler.frames import Snapshot
from helper.sampler.packets import Section
from helper.sampler.probe_set import Slot, State

_FIRST_ROWS: Final = 1024
_MOST_ROWS: Final = 65536
_FORGET_EVERY_NS: Final = 60 * 10**9


class TaskSource(Protocol):
    """helper.probes.task_snapshot.TaskSnapshot."""

    def read_into(self, buffer: memoryview, visibility: Visibility, born_before_ns: int = ...) -> Reading: ...


class ExitSource(Protocol):
    """helper.probes.process_events.ProcessEvents, its part that has no events."""

    def begin_snapshot(self, boottime_ns: int) -> None: ...

    def read_exited(self, visibility: Visibility) -> bytes: ...

    def counters(self) -> bytes: ...

    def forget_idle(self, now_ns: int) -> int: ...


def boottime_ns() -> int:
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


class Readings:
    """Reads the probes `tasks` and `exits`; each may be missing or have failed, then its section is missing."""

    def __init__(
        self,
        tasks: tuple[Slot, TaskSource, int] | None,
        exits: tuple[Slot, ExitSource, int] | None,
        activity: Activity | None = None,
        clock_ns: Callable[[], int] = boottime_ns,
    ) -> None:
        """Tasks and exits come with their slot and the size of their records."""
        self._tasks = tasks
        self._exits = exits
        self._activity = activity or Activity()
        self._clock_ns = clock_ns
        self._task_buffer = memoryview(bytearray(_FIRST_ROWS * tasks[2])) if tasks else memoryview(b"")
        self._forgot_ns = 0
        self._held: tuple[Visibility, int, tuple[Section, ...]] | None = None

    def has_tasks(self) -> bool:
        """Whether task rows can be read."""
        return self._tasks is not None and self._tasks[0].state is State.RUNNING

    def begin(self) -> int:
        """The moment of the next snapshots, in ns of boot time; processes born later are left to the next moment."""
        moment_ns = self._clock_ns()
        if self._exits and self._exits[0].state is State.RUNNING:
            self._exits[1].begin_snapshot(moment_ns)
            if moment_ns > self._forgot_ns + _FORGET_EVERY_NS:
                self._forgot_ns = moment_ns
                self._exits[1].forget_idle(moment_ns)
        self._activity.forget_idle(moment_ns)
        return moment_ns

    def lost(self, kinds: int) -> int:
        """Events that should be in sections of `kinds` and aren't."""
        return self._activity.lost(kinds)

    def take(self, visibility: Visibility, moment_ns: int, kinds: int = packets.KIND_TASKS) -> Snapshot:
        """What `visibility` may see of `kinds`; the rows stay valid until the next call."""
        processes = self._processes(visibility, moment_ns) if kinds & packets.KIND_TASKS else ()
        sections = (*processes, *self._activity.sections(visibility, kinds))
        return Snapshot(sections, moment_ns, self._clock_ns() - moment_ns)

    def _processes(self, visibility: Visibility, moment_ns: int) -> tuple[Section, ...]:
        """Read once for all streams of a class and moment, whatever else they asked for."""
        if self._held is None or self._held[:2] != (visibility, moment_ns):
            sections = (*self._task_section(visibility, moment_ns), *self._exit_sections(visibility))
            self._held = (visibility, moment_ns, sections)
        return self._held[2]

    def _task_section(self, visibility: Visibility, moment_ns: int) -> tuple[Section, ...]:
        if self._tasks is None or self._tasks[0].state is not State.RUNNING:
            return ()
        slot, source, record_bytes = self._tasks
        try:
            reading = source.read_into(self._task_buffer, visibility, moment_ns)
            while reading.truncated and len(self._task_buffer) < _MOST_ROWS * record_bytes:
                self._task_buffer = memoryview(bytearray(2 * len(self._task_buffer)))
                reading = source.read_into(self._task_buffer, visibility, moment_ns)
        except LoaderError as error:
            slot.fail(error)
            return ()
        rows = self._task_buffer[: reading.byte_count]
        return (Section(packets.SECTION_TASKS, record_bytes, rows, reading.truncated),)

    def _exit_sections(self, visibility: Visibility) -> tuple[Section, ...]:
        if self._exits is None or self._exits[0].state is not State.RUNNING:
            return ()
        slot, source, record_bytes = self._exits
        try:
            rows = source.read_exited(visibility)
            counters = source.counters()
        except LoaderError as error:
            slot.fail(error)
            return ()
        return (
            Section(packets.SECTION_EXITED, record_bytes, rows),
            Section(packets.SECTION_COUNTERS, len(counters), counters),
        )
