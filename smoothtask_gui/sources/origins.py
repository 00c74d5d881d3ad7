"""Finds out where processes come from (`domain/origin.py`), each once, and tells it with the batch it was learned for.

Three small files a new process: stat (whose session it is, and that it still is the process of the row), cgroup, and
the link exe. Looked at again: what changed its name or its cgroup in the row; the young, since systemd moves an app
into its own scope a moment after it was started; and everything now and then. None of these files waits for the
process's memory map, as cmdline does. The desktop's entries lie on a disk, so all of this happens in a thread and no
tick waits long for it: what comes late is told with a later batch. What can't be read is empty: then the app is found
by name and parent alone. In a sandbox with its own /proc no start time fits, and every process stays without origin.
"""

from __future__ import annotations

import os
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

import numpy as np
import numpy.typing as npt

from smoothtask_gui.domain.batch import PROCESS, Batch
from smoothtask_gui.domain.cgroup import cgroup_path, place_at
from smoothtask_gui.domain.description import Application
from smoothtask_gui.domain.matching import are_same, positions
from smoothtask_gui.domain.origin import Origin
from smoothtask_gui.sources.files import read_bytes
from smoothtask_gui.sources.patience import PatientReader

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from smoothtask_gui.sources.protocol import Item, Source

Rows = npt.NDArray[np.void]
Entries = tuple[Application | None, Application | None]  # of the program, of the place

YOUNG_NS: Final = 5_000_000_000
AGAIN_NS: Final = 300_000_000_000
LIMIT_S: Final = 0.2
_TEXT_MOST: Final = 1024


class DesktopIndex(Protocol):
    """The desktop's names for programs (adapters/application_names.py)."""

    def by_id(self, ids: Sequence[str]) -> Application | None: ...

    def by_program(self, executable: str) -> Application | None: ...


class OriginReader:
    """Remembers which processes it has told about."""

    def __init__(self, desktop: DesktopIndex, proc_root: Path = Path("/proc")) -> None:
        self._desktop = desktop
        self._root = str(proc_root)
        self._tick_ns = 1_000_000_000 // os.sysconf("SC_CLK_TCK")
        self.forget()

    def forget(self) -> None:
        """Tell everything again: the rows come from elsewhere now."""
        self._rows: Rows = np.empty(0, PROCESS)
        self._due_ns = np.empty(0, np.int64)  # when to look at each of _rows again
        self._told: dict[tuple[int, int], Origin] = {}
        self._container = self._own_container()

    def read(self, rows: Rows, now_ns: int) -> tuple[Origin, ...]:
        """What is new about the processes of `rows` (dtype PROCESS, ordered by pid) at boot time `now_ns`."""
        due_ns = self._due(rows)
        due = np.flatnonzero(due_ns <= now_ns)
        learned = tuple(origin for index in due if (origin := self._look(rows[index])) is not None)
        young = rows["start_ns"][due].astype(np.int64) > now_ns - YOUNG_NS
        due_ns[due] = np.where(young, now_ns, now_ns + AGAIN_NS)
        self._drop_gone(rows)
        self._rows, self._due_ns = rows, due_ns
        return learned

    def has_work(self, rows: Rows, now_ns: int) -> bool:
        """Whether `read` would look at any file."""
        return bool((self._due(rows) <= now_ns).any())

    def _due(self, rows: Rows) -> npt.NDArray[np.int64]:
        """When to look at each of `rows`."""
        if are_same(self._rows, rows):
            return self._due_ns
        before = positions(self._rows, rows["pid"], rows["start_ns"])
        known = before >= 0
        due_ns = np.zeros(len(rows), np.int64)
        at = before[known]
        same = (self._rows["comm"][at] == rows["comm"][known]) & (
            self._rows["cgroup_id"][at] == rows["cgroup_id"][known]
        )
        due_ns[known] = np.where(same, self._due_ns[at], 0)
        due_ns[rows["is_kernel"]] = np.iinfo(np.int64).max
        return due_ns

    def _own_container(self) -> str:
        """The cgroup of the container that all of this runs in, "" for none: seen from inside it is no app."""
        try:
            path = _cgroup(f"{self._root}/1")
        except OSError:
            return ""
        return path if place_at(path).container else ""

    def _below_own_container(self, path: str) -> str:
        inside = self._container and (path == self._container or path.startswith(f"{self._container}/"))
        return (path[len(self._container) :] or "/") if inside else path

    def _drop_gone(self, rows: Rows) -> None:
        gone = self._rows[positions(rows, self._rows["pid"], self._rows["start_ns"]) < 0]
        for pid, start_ns in zip(gone["pid"].tolist(), gone["start_ns"].tolist(), strict=True):
            self._told.pop((pid, start_ns), None)

    def _look(self, row: np.void) -> Origin | None:
        """The origin of one process if it isn't what was told before."""
        key = (int(row["pid"]), int(row["start_ns"]))
        folder = f"{self._root}/{key[0]}"
        try:
            stat = read_bytes(f"{folder}/stat", 1024)
            fields = stat[stat.rindex(b")") + 2 :].split()  # fields[n] is number n + 3 in proc_pid_stat(5)
            if int(fields[19]) != key[1] // self._tick_ns:
                return None
            path = self._below_own_container(_cgroup(folder))
            session, terminal = int(fields[3]), int(fields[4])
        except (OSError, ValueError, IndexError):
            return None  # gone meanwhile, or hidden (hidepid)
        executable = _executable(folder)
        program_entry, place_entry = self._find_entries(path, executable)
        origin = Origin(*key, path, executable, session, terminal != 0, program_entry, place_entry)
        if self._told.get(key) == origin:
            return None
        self._told[key] = origin
        return origin

    def _find_entries(self, path: str, executable: str) -> Entries:
        place = place_at(path)
        is_elsewhere = place.container or place.flatpak_id  # they have programs of their own
        program = self._desktop.by_program(executable) if executable and not is_elsewhere else None
        return program, self._desktop.by_id(place.application_ids)


def _cgroup(folder: str) -> str:
    """A process's path. Raises OSError."""
    return cgroup_path(read_bytes(f"{folder}/cgroup").decode("utf-8", "replace"))[:_TEXT_MOST]


def _executable(folder: str) -> str:
    """The program's file, "" where only its owner may see it."""
    try:
        path = os.readlink(f"{folder}/exe".encode())  # noqa: PTH115 - as in files.py, and bytes that are no text
    except OSError:
        return ""
    return path.decode("utf-8", "backslashreplace")[:_TEXT_MOST]


class OriginSource:
    """`Source` over another one: its items, each batch with what was learned of its processes."""

    def __init__(self, inner: Source, reader: OriginReader) -> None:
        self._inner = inner
        self._reader = reader
        self._latest: Batch | None = None
        self._told_source = ""
        self._patient = PatientReader(self._read, LIMIT_S)

    @property
    def name(self) -> str:
        return self._inner.name

    async def items(self, period_ms: int) -> AsyncGenerator[Item]:
        """Yield all items of the other source. Raises SourceError when that one does."""
        self._told_source = ""
        async with aclosing(self._inner.items(period_ms)) as items:
            async for item in items:
                if isinstance(item, Batch):
                    self._latest = item
                    yield replace(item, origins=await self._learn(item))
                else:
                    yield item

    async def change_period(self, period_ms: int) -> None:
        await self._inner.change_period(period_ms)

    async def _learn(self, batch: Batch) -> tuple[Origin, ...]:
        """What is new; no thread is sent where there is nothing to look at."""
        idle = not self._patient.has_late_answer and batch.source == self._told_source
        if idle and not self._reader.has_work(batch.processes, batch.boottime_ns):
            return ()
        return await self._patient.read() or ()

    def _read(self) -> tuple[Origin, ...]:
        batch = self._latest
        if batch is None:
            return ()
        if batch.source != self._told_source:  # it may know the same processes by other start times
            self._told_source = batch.source
            self._reader.forget()
        return self._reader.read(batch.processes, batch.boottime_ns)
