"""Stand-ins for the BPF probes as the sampler uses them: rows and records that a test decides on."""

import contextlib
import os
from collections.abc import Callable
from dataclasses import dataclass, field

from helper.loaders.errors import LoaderError
from helper.probes.probe import ProbeCost, TaskReading

ROW_BYTES = 136


class FakeTasks:
    """`rows` task rows of zeros; raises LoaderError while `broken`. Notes what it was asked.

    It begins to read at once, or when `clock_ns` says, after `before_reading` was called. A thread that never rests has
    run for `run_ns` by then.
    """

    name = "task_snapshot"

    def __init__(self, rows: int = 3) -> None:
        self.rows = rows
        self.broken = False
        self.asked: list[int] = []
        self.before_reading: Callable[[], None] = lambda: None
        self.clock_ns: Callable[[], int] = lambda: 0
        self.run_ns = 0

    def open(self) -> None:
        if self.broken:
            raise LoaderError(self.name, "load", 1)

    def close(self) -> None:
        """Nothing is open."""

    def cost(self) -> ProbeCost:
        return ProbeCost(None, None, 4096)

    def read_into(self, buffer: memoryview, born_before_ns: int = 0) -> TaskReading:
        self.asked.append(born_before_ns)
        self.before_reading()
        self.run_ns = self.clock_ns()
        if self.broken:
            raise LoaderError(self.name, "read", 5)
        fitting = min(self.rows, len(buffer) // ROW_BYTES)
        return TaskReading(fitting * ROW_BYTES, fitting < self.rows, self.run_ns)


@dataclass
class FakeExits:
    """Roll-ups of exits; raises LoaderError while `broken`."""

    name: str = "process_events"
    broken: bool = False
    closed: int = 0
    begun_ns: int = 0

    def open(self) -> None:
        """Nothing to open."""

    def close(self) -> None:
        self.closed += 1

    def cost(self) -> ProbeCost:
        return ProbeCost(None, None, 4096)

    def begin_snapshot(self, boottime_ns: int) -> None:
        self.begun_ns = boottime_ns

    def read_exited(self) -> bytes:
        self._break()
        return bytes(104)

    def counters(self) -> bytes:
        return bytes(32)

    def forget_idle(self, now_ns: int) -> int:
        self._break()
        return 0

    def _break(self) -> None:
        if self.broken:
            raise LoaderError(self.name, "read", 5)


@dataclass
class FakeEvents:
    """A ring buffer: `put` a record and the descriptor becomes readable; `lost_count` is what lost() says.

    It can't be drained, or its losses be asked for, while `broken` or `broken_count`.
    """

    name: str = "process_events"
    lost_count: int = 0
    broken: bool = False
    broken_count: bool = False
    records: list[bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._reader, self._writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)

    def put(self, record: bytes) -> None:
        self.records.append(record)
        os.write(self._writer, b"!")

    def open(self) -> None:
        """The pipe is open already."""

    def close(self) -> None:
        os.close(self._reader)
        os.close(self._writer)

    def cost(self) -> ProbeCost:
        return ProbeCost(None, None, 4096)

    def fileno(self) -> int:
        return self._reader

    def drain(self, sink: Callable[[bytes], None]) -> None:
        if self.broken:
            raise LoaderError(self.name, "read", 5)
        with contextlib.suppress(BlockingIOError):  # an empty ring buffer is none to complain about
            os.read(self._reader, 4096)
        while self.records:
            sink(self.records.pop(0))

    def lost(self) -> int:
        if self.broken_count:
            raise LoaderError(self.name, "read", 5)
        return self.lost_count
