"""Takes the snapshots that frames are made of, into one buffer that is kept and grows with the number of tasks.

The kernel is read once for all readers that are due at one moment; each visibility class gets what it may see of that.
CPU time is a rate over the time between two snapshots' moments, so tasks are read right after theirs: if the sampler is
held up in between (no processor was free), a new moment is taken and the tasks are read again.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from helper.loaders.errors import LoaderError
from helper.probes.probe import TaskReading
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
HELD_UP_NS: Final = 2 * 10**6
"""So much later than their moment tasks may be read: usual is a tenth of it. It is what CPU shares may be wrong by."""
TRIES: Final = 3


class TaskSource(Protocol):
    """helper.probes.task_snapshot.TaskSnapshot."""

    def read_into(self, buffer: memoryview, born_before_ns: int = ...) -> TaskReading: ...


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


@dataclass(frozen=True, slots=True)
class _Tasks:
    """All tasks of one moment, in ns of boot time."""

    table: RowTable
    truncated: bool
    boottime_ns: int


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
        self._whole: _Tasks | None = None
        self._exited: tuple[RowTable, bytes] | None = None

    def has_tasks(self) -> bool:
        """Whether task rows can be read."""
        return self._tasks is not None and self._tasks[0].state is State.RUNNING

    def begin(self) -> int:
        """The moment of the next snapshots, in ns of boot time; processes born later are left to the next moment."""
        moment_ns = self._cut()
        self._taken_for = None
        if self._exits and self._exits[0].state is State.RUNNING:
            self._forget_exits(moment_ns)
        self._activity.begin()
        self._activity.forget_idle(moment_ns)
        return moment_ns

    def _cut(self) -> int:
        """From now on who exits counts as seen if born before now."""
        now_ns = self._clock_ns()
        if self._exits and self._exits[0].state is State.RUNNING:
            self._exits[1].begin_snapshot(now_ns)
        return now_ns

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

        What two requests of one class and moment have in common is read once. The snapshot's own moment is a later one
        if the sampler was held up before it could read tasks.
        """
        if self._moment_ns != moment_ns:
            self._moment_ns, self._whole, self._exited = moment_ns, None, None
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
        boottime_ns = self._whole.boottime_ns if self._whole and kinds & packets.KIND_TASKS else moment_ns
        return Snapshot(sections, boottime_ns, self._clock_ns() - boottime_ns if sections else 0)

    def _task_sections(self, visibility: Visibility) -> tuple[Section, ...]:
        sections: tuple[Section, ...] = ()
        if self._tasks is not None and self._whole is not None:
            rows = self._whole.table.seen_by(visibility)
            sections += (Section(packets.SECTION_TASKS, self._tasks[2], rows, self._whole.truncated),)
        if self._exits is not None and self._exited is not None:
            exited, counters = self._exited
            sections += (
                Section(packets.SECTION_EXITED, self._exits[2], exited.seen_by(visibility)),
                Section(packets.SECTION_COUNTERS, len(counters), counters),
            )
        return sections

    def _read_tasks(self, moment_ns: int) -> None:
        """What is the same for every class, once a moment; a probe that fails is asked no more."""
        if self._tasks is not None and self._whole is None and self._tasks[0].state is State.RUNNING:
            try:
                self._whole = self._read_at_once(self._tasks[1], self._tasks[2], moment_ns)
            except LoaderError as error:
                self._tasks[0].fail(error)
        if self._exits is not None and self._exited is None and self._exits[0].state is State.RUNNING:
            try:
                rows = RowTable(memoryview(self._exits[1].read_exited()), EXITED)
                self._exited = (rows, self._exits[1].counters())
            except LoaderError as error:
                self._exits[0].fail(error)

    def _read_at_once(self, source: TaskSource, record_bytes: int, moment_ns: int) -> _Tasks:
        """The tasks of `moment_ns`, or of a later moment right after which they could be read.

        Where the sampler is held up each time, it is the moment at which they were read; then of those born meanwhile
        the next snapshot doesn't know whether they are new.
        """
        reading = self._read_whole(source, record_bytes, moment_ns)
        for _ in range(TRIES - 1):
            if reading.began_ns - moment_ns <= HELD_UP_NS:
                break
            moment_ns = self._cut()
            reading = self._read_whole(source, record_bytes, moment_ns)
        is_held_up = reading.began_ns - moment_ns > HELD_UP_NS
        table = RowTable(self._task_buffer[: reading.byte_count], TASK)
        return _Tasks(table, reading.truncated, reading.began_ns if is_held_up else moment_ns)

    def _read_whole(self, source: TaskSource, record_bytes: int, moment_ns: int) -> TaskReading:
        reading = source.read_into(self._task_buffer, moment_ns)
        while reading.truncated and len(self._task_buffer) < _MOST_ROWS * record_bytes:
            self._task_buffer = memoryview(bytearray(2 * len(self._task_buffer)))
            reading = source.read_into(self._task_buffer, moment_ns)
        return reading
