"""Takes the snapshots that frames are made of, into one buffer that is kept and grows with the number of tasks.

The kernel is read once for all readers that are due at one moment; each visibility class gets what it may see of that.
"""

import time
from collections.abc import Callable
from typing import Final, Protocol

from helper.loaders.errors import LoaderError
from helper.probes.probe import Reading
from helper.probes.row_table import EXITED, TASK, RowTable
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

    def read_into(self, buffer: memoryview, born_before_ns: int = ...) -> Reading: ...


class ExitSource(Protocol):
    """helper.probes.process_events.ProcessEvents, its part that has no events."""

    def begin_snapshot(self, boottime_ns: int) -> None: ...

    def read_exited(self) -> bytes: ...

    def counters(self) -> bytes: ...

    def forget_idle(self, now_ns: int) -> int: ...


class Part(Protocol):
    """Sections of one kind of a stream; a probe that isn't running gives none."""

    @property
    def kind(self) -> int:
        """One bit of `enum st_kinds`."""

    def sections(self, visibility: Visibility, moment_ns: int) -> tuple[Section, ...]:
        """What `visibility` may see now; the rows stay valid until the next call."""


def boottime_ns() -> int:
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


class Readings:
    """Reads the probes `tasks` and `exits`; each may be missing or have failed, then its section is missing."""

    def __init__(
        self,
        tasks: tuple[Slot, TaskSource, int] | None,
        exits: tuple[Slot, ExitSource, int] | None,
        parts: tuple[Part, ...] = (),
        activity: Activity | None = None,
        clock_ns: Callable[[], int] = boottime_ns,
    ) -> None:
        """Tasks and exits come with their slot and the size of their records; who asks for `parts` gets them."""
        self._tasks = tasks
        self._exits = exits
        self._parts = parts
        self._activity = activity or Activity()
        self._taken: dict[int, tuple[Section, ...]] = {}
        self._taken_for: tuple[Visibility, int] | None = None
        self._clock_ns = clock_ns
        self._task_buffer = memoryview(bytearray(_FIRST_ROWS * tasks[2])) if tasks else memoryview(b"")
        self._forgot_ns = 0
        self._moment_ns = -1
        self._table: tuple[RowTable, bool] | None = None
        self._exited: tuple[RowTable, bytes] | None = None

    def has_tasks(self) -> bool:
        """Whether task rows can be read."""
        return self._tasks is not None and self._tasks[0].state is State.RUNNING

    def begin(self) -> int:
        """The moment of the next snapshots, in ns of boot time; processes born later are left to the next moment."""
        moment_ns = self._clock_ns()
        self._taken_for = None
        if self._exits and self._exits[0].state is State.RUNNING:
            self._exits[1].begin_snapshot(moment_ns)
            self._forget_exits(moment_ns)
        self._activity.begin()
        self._activity.forget_idle(moment_ns)
        return moment_ns

    def _forget_exits(self, moment_ns: int) -> None:
        if self._exits is None or moment_ns <= self._forgot_ns + _FORGET_EVERY_NS:
            return
        self._forgot_ns = moment_ns
        try:
            self._exits[1].forget_idle(moment_ns)
        except LoaderError as error:
            self._exits[0].fail(error)

    def lost(self, kinds: int) -> int:
        """Events that should be in sections of `kinds` and aren't."""
        return self._activity.lost(kinds)

    def take(self, visibility: Visibility, moment_ns: int, kinds: int = packets.KIND_TASKS) -> Snapshot:
        """What `visibility` may see of `kinds`; the rows stay valid until another class or moment is asked for.

        What two requests of one class and moment have in common is read once.
        """
        if self._moment_ns != moment_ns:
            self._moment_ns, self._table, self._exited = moment_ns, None, None
        if self._taken_for != (visibility, moment_ns):
            self._taken, self._taken_for = {}, (visibility, moment_ns)
        sections: tuple[Section, ...] = ()
        if kinds & packets.KIND_TASKS:
            if packets.KIND_TASKS not in self._taken:
                self._read_tasks(moment_ns)
                self._taken[packets.KIND_TASKS] = self._task_sections(visibility)
            sections += self._taken[packets.KIND_TASKS]
        for part in self._parts:
            if kinds & part.kind:
                if part.kind not in self._taken:
                    self._taken[part.kind] = part.sections(visibility, moment_ns)
                sections += self._taken[part.kind]
        sections += self._activity.sections(visibility, kinds)
        return Snapshot(sections, moment_ns, self._clock_ns() - moment_ns if sections else 0)

    def _task_sections(self, visibility: Visibility) -> tuple[Section, ...]:
        sections: tuple[Section, ...] = ()
        if self._tasks is not None and self._table is not None:
            table, truncated = self._table
            sections += (Section(packets.SECTION_TASKS, self._tasks[2], table.seen_by(visibility), truncated),)
        if self._exits is not None and self._exited is not None:
            rows, counters = self._exited
            sections += (
                Section(packets.SECTION_EXITED, self._exits[2], rows.seen_by(visibility)),
                Section(packets.SECTION_COUNTERS, len(counters), counters),
            )
        return sections

    def _read_tasks(self, moment_ns: int) -> None:
        """What is the same for every class, once a moment; a probe that fails is asked no more."""
        if self._tasks is not None and self._table is None and self._tasks[0].state is State.RUNNING:
            try:
                self._table = self._whole_table(self._tasks[1], self._tasks[2], moment_ns)
            except LoaderError as error:
                self._tasks[0].fail(error)
        if self._exits is not None and self._exited is None and self._exits[0].state is State.RUNNING:
            try:
                rows = RowTable(memoryview(self._exits[1].read_exited()), EXITED)
                self._exited = (rows, self._exits[1].counters())
            except LoaderError as error:
                self._exits[0].fail(error)

    def _whole_table(self, source: TaskSource, record_bytes: int, moment_ns: int) -> tuple[RowTable, bool]:
        reading = source.read_into(self._task_buffer, moment_ns)
        while reading.truncated and len(self._task_buffer) < _MOST_ROWS * record_bytes:
            self._task_buffer = memoryview(bytearray(2 * len(self._task_buffer)))
            reading = source.read_into(self._task_buffer, moment_ns)
        return RowTable(self._task_buffer[: reading.byte_count], TASK), reading.truncated
