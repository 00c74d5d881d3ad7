"""Processes from /proc, without the helper and without privileges.

Why not psutil: for the same fields of 980 processes it took 64 ms a tick where this takes 5 ms (23 ms the first time),
since it opens several files a process. Here a process whose stat line hasn't changed costs one open, one read and one
comparison; its schedstat and io are read again when the line changes, so they lag by at most a clock tick of CPU time.

What this source can't see, and says so (`UNAVAILABLE`): processes that lived between two ticks, io of other users'
processes, kernel events; context switches and cgroups are left out for their cost.

CPU time: /proc/PID/stat counts whole ticks of 1/USER_HZ, 10 ms (proc_pid_stat(5)). /proc/PID/schedstat is exact, but
of the main thread alone (Documentation/scheduler/sched-stats.rst), so it is used only while the process has one
thread, and then the larger of the two: the other also knows threads that have ended. A count never goes back when a
second thread starts.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from smoothtask_gui.domain.batch import PROCESS, Batch, Missing
from smoothtask_gui.sources.files import read_bytes, why_not
from smoothtask_gui.sources.pace import Pace
from smoothtask_gui.sources.protocol import SourceError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping

    from smoothtask_gui.sources.protocol import Item
    from smoothtask_gui.sources.surroundings import Surroundings

UNAVAILABLE: Final[Mapping[str, str]] = MappingProxyType(
    {
        "exited": "processes that live shorter than a tick: /proc shows only those alive when it is read",
        "io": "disk reads and writes of other users' processes: /proc shows them to their owner only",
        "switches": "context switches: left out, they would need another file a process",
        "network": "connections and network bytes of processes: /proc doesn't tell whose bytes they are",
        "events": "OOM kills and thermal events: only the helper hears the kernel's tracepoints",
    }
)
"""Key to reason, in words for people."""

_ALWAYS_MISSING: Final = int(Missing.SWITCHES | Missing.CGROUP)
_PF_KTHREAD: Final = 0x00200000  # include/linux/sched.h


@dataclass(slots=True)
class _Known:
    """What was last seen of a process: its stat line and the row made of it."""

    line: bytes
    start: bytes
    row: tuple[object, ...]
    run_ns: int


class ProcessTable:
    """Reads the process table; remembers each process's last line and row."""

    def __init__(self, proc_root: Path = Path("/proc")) -> None:
        self._root = str(proc_root)
        self._tick_ns = 1_000_000_000 // os.sysconf("SC_CLK_TCK")
        self._page_bytes = os.sysconf("SC_PAGE_SIZE")
        self._known: dict[str, _Known] = {}

    def read(self) -> npt.NDArray[np.void]:
        """Rows of dtype PROCESS, ordered by pid; a process that goes away meanwhile has none. Raises SourceError."""
        try:
            names = [name for name in os.listdir(self._root) if name.isdigit()]  # noqa: PTH208 - as in files.py
        except OSError as error:
            raise SourceError(f"{self._root} can't be listed: {why_not(error)}") from error
        known: dict[str, _Known] = {}
        for name in names:
            seen = self._process(name)
            if seen is not None:
                known[name] = seen
        self._known = known
        rows = np.array([seen.row for seen in known.values()], PROCESS)
        rows.sort(order="pid")
        return rows

    def _process(self, name: str) -> _Known | None:
        folder = f"{self._root}/{name}"
        try:
            line = read_bytes(f"{folder}/stat", 1024)
            before = self._known.get(name)
            if before is not None and before.line == line:
                return before
            fields = line[line.rindex(b")") + 2 :].split()
            same = before if before is not None and before.start == fields[19] else None
            return self._parse(folder, line, fields, same)
        except (OSError, ValueError, IndexError):
            return None  # gone meanwhile, or hidden (hidepid)

    def _parse(self, folder: str, line: bytes, fields: list[bytes], before: _Known | None) -> _Known:
        """Make the row; `fields` are those after the name, so that fields[n] is number n + 3 in proc_pid_stat(5)."""
        opening = line.index(b"(")
        threads = int(fields[17])
        missing = _ALWAYS_MISSING
        run_ns = (int(fields[11]) + int(fields[12])) * self._tick_ns
        exact = _numbers(f"{folder}/schedstat") if threads == 1 else None
        if exact is None:
            delay_ns = 0
            missing |= Missing.RUN_DELAY
        else:
            run_ns = max(run_ns, exact[0])
            delay_ns = exact[1]
        if before is not None:
            run_ns = max(run_ns, before.run_ns)
        io = _io(f"{folder}/io")
        if io is None:
            missing |= Missing.IO
        row = (
            int(line[:opening]),
            int(fields[1]),
            os.stat(folder).st_uid,  # noqa: PTH116 - as in files.py
            threads,
            int(fields[19]) * self._tick_ns,
            run_ns,
            delay_ns,
            int(fields[21]) * self._page_bytes,
            int(fields[7]),
            int(fields[9]),
            *(io or (0, 0)),
            0,
            0,
            0,
            missing,
            fields[0],
            int(fields[6]) & _PF_KTHREAD != 0,
            line[opening + 1 : line.rindex(b")")],
        )
        return _Known(line, fields[19], row, run_ns)


def _numbers(path: str) -> tuple[int, int] | None:
    """Parse schedstat: (run time, run delay) of the main thread, ns; None without CONFIG_SCHED_INFO."""
    try:
        words = read_bytes(path, 128).split()
        return int(words[0]), int(words[1])
    except (OSError, ValueError, IndexError):
        return None


def _io(path: str) -> tuple[int, int] | None:
    """Parse io: (bytes read from, bytes written to storage), all threads; None if it isn't ours to read."""
    try:
        values = dict(line.split(b": ") for line in read_bytes(path, 512).splitlines())
        return int(values[b"read_bytes"]), max(0, int(values[b"write_bytes"]) - int(values[b"cancelled_write_bytes"]))
    except (OSError, ValueError, KeyError):
        return None


class ProcfsSource:
    """The source that needs nothing: `Source` over /proc."""

    def __init__(self, surroundings: Surroundings, proc_root: Path = Path("/proc")) -> None:
        self._surroundings = surroundings
        self._root = proc_root
        self._pace: Pace | None = None

    @property
    def name(self) -> str:
        return "procfs"

    async def items(self, period_ms: int) -> AsyncGenerator[Item]:
        """Yield a batch at once and then every `period_ms`. Raises SourceError."""
        table = ProcessTable(self._root)
        unavailable = self._unavailable()
        self._pace = pace = Pace(period_ms)
        try:
            while True:
                yield await self._batch(table, unavailable)
                await pace.wait()
        finally:
            self._surroundings.close()

    async def change_period(self, period_ms: int) -> None:
        if self._pace is not None:
            self._pace.change(period_ms)

    async def _batch(self, table: ProcessTable, unavailable: dict[str, str]) -> Batch:
        sensors = await self._surroundings.read_sensors()
        gpus = await self._surroundings.read_gpus()
        system = self._surroundings.read_system()
        parts = await self._surroundings.read_parts()
        boottime_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        processes = table.read()
        return Batch(
            boottime_ns=boottime_ns,
            realtime_ns=time.time_ns(),
            source=self.name,
            processes=processes,
            exited=None,
            system=system,
            sensors=sensors,
            unavailable=unavailable | self._surroundings.unavailable,
            gpus=gpus,
            parts=parts,
            traits=self._surroundings.read_traits(processes),
            clocks=self._surroundings.read_clocks(),
        )

    def _unavailable(self) -> dict[str, str]:
        unavailable = dict(UNAVAILABLE)
        if os.geteuid() == 0:
            del unavailable["io"]
        if not (self._root / "1").exists():
            unavailable["processes"] = "other users' processes: /proc is mounted with hidepid, or this is a sandbox"
        return unavailable
