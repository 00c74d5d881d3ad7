"""Which processes use graphics cards, by DRM fdinfo: without privileges, so those of one's own user only.

Finding who has a card open means looking at every descriptor, 1.5 µs each; so that is done in rounds, ROUND_NS apart,
about DESCRIPTORS_A_TICK in one tick, and a process that had no card open is passed over in the next rounds (1, then 2,
then ROUNDS_PASSED_OVER of them). Known clients are read every tick, some 30 µs each. A client that shows up through
several descriptors or processes (drm-client-id) counts once, for the lowest pid.

Counters start at a client's first sight and go on when one of a process's clients closes, so that neither a new nor a
closed one makes a jump. A process that may not be read has no row.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from smoothtask_gui.domain.gpu_reading import EngineUse, GpuUse
from smoothtask_gui.sources import files
from smoothtask_gui.sources.gpu.fdinfo import DrmClient, parse_fdinfo

ROUND_NS: Final = 5_000_000_000
DESCRIPTORS_A_TICK: Final = 2000
PROCESS_COST: Final = 10
"""What a process costs beside its descriptors, in descriptors."""
ROUNDS_PASSED_OVER: Final = 3
"""So a process that opens its first card late is noticed within 20 s."""
_DRM_FOLDER: Final = "/dev/dri/"

Owner = tuple[int, int]  # pid, start_ns
ClientKey = tuple[str, str]  # place or driver, drm-client-id


def start_ns_of(proc_root: Path | str, pid: int) -> int | None:
    """When a process started, ns of boot time rounded down to a tick (proc_pid_stat(5), field 22); None if gone."""
    try:
        line = files.read_bytes(f"{proc_root}/{pid}/stat", 1024)
        ticks = int(line.rpartition(b")")[2].split()[19])
    except (OSError, ValueError, IndexError):
        return None
    return ticks * (1_000_000_000 // os.sysconf("SC_CLK_TCK"))


@dataclass(slots=True)
class _Count:
    """One engine of one process on one card: growth since first sight."""

    grown: int = 0
    total: int | None = None
    capacity: int = 1


@dataclass(slots=True)
class _Process:
    """`seen` holds each client's last counters."""

    descriptors: list[str]
    seen: dict[ClientKey, dict[str, int]] = field(default_factory=dict)
    counts: dict[str, dict[str, _Count]] = field(default_factory=dict)  # by place


class DrmClients:
    """Remembers who has a card open."""

    def __init__(self, proc_root: Path = Path("/proc"), uid: int | None = None) -> None:
        self._root = str(proc_root)
        self._uid = os.getuid() if uid is None else uid
        self._processes: dict[Owner, _Process] = {}
        self._left: list[str] = []
        self._passed_over: dict[str, tuple[int, int]] = {}  # by pid: rounds left, rounds the next time
        self._round_ns: int | None = None

    def read(self, now_ns: int) -> dict[str, tuple[GpuUse, ...]]:
        """Uses by card: the PCI slot, or the driver's name where it gives none; ordered by pid."""
        self._look_for_clients(now_ns)
        found: dict[str, list[GpuUse]] = {}
        taken: set[ClientKey] = set()
        for owner in sorted(self._processes):
            process = self._processes[owner]
            memory = self._read_process(owner, process, taken)
            for place, size in memory.items():
                found.setdefault(place, []).append(_use(owner, size, process.counts.get(place, {})))
        return {place: tuple(uses) for place, uses in found.items()}

    def _look_for_clients(self, now_ns: int) -> None:
        if not self._left:
            if self._round_ns is not None and now_ns - self._round_ns < ROUND_NS:
                return
            self._round_ns = now_ns
            self._left = self._round([name for name in files.list_names(self._root) if name.isdigit()])
        looked = 0
        while self._left and looked < DESCRIPTORS_A_TICK:
            looked += PROCESS_COST + self._look_at(self._left.pop())

    def _round(self, pids: list[str]) -> list[str]:
        """Those whose turn it is; what is remembered of pids that are gone is dropped."""
        before, self._passed_over = self._passed_over, {}
        turn = []
        for pid in pids:
            left, following = before.get(pid, (0, 0))
            if left:
                self._passed_over[pid] = (left - 1, following)
            else:
                self._passed_over[pid] = (0, following)
                turn.append(pid)
        return turn

    def _look_at(self, pid: str) -> int:
        """Find a process's DRM descriptors; returns how many it has in all."""
        folder = f"{self._root}/{pid}"
        try:
            if os.stat(folder).st_uid != self._uid:  # noqa: PTH116 - as in files.py
                return 0
            names = os.listdir(f"{folder}/fd")  # noqa: PTH208 - as in files.py
        except OSError:
            return 0
        descriptors = [name for name in names if self._is_card(f"{folder}/fd/{name}")]
        start_ns = start_ns_of(self._root, int(pid)) if descriptors else None
        rounds = 0 if descriptors else min(ROUNDS_PASSED_OVER, self._passed_over.get(pid, (0, 0))[1] + 1)
        self._passed_over[pid] = (rounds, rounds)
        for owner in [owner for owner in self._processes if owner[0] == int(pid) and owner[1] != start_ns]:
            del self._processes[owner]
        if start_ns is not None:
            process = self._processes.setdefault((int(pid), start_ns), _Process([]))
            process.descriptors = descriptors
        return len(names)

    def _is_card(self, path: str) -> bool:
        try:
            return os.readlink(path).startswith(_DRM_FOLDER)  # noqa: PTH115 - as in files.py
        except OSError:
            return False

    def _read_process(self, owner: Owner, process: _Process, taken: set[ClientKey]) -> dict[str, int | None]:
        """Take in the clients of one process; returns its memory by card. Forgets it when it has none left."""
        memory: dict[str, int | None] = {}
        alive: list[str] = []
        for descriptor in process.descriptors:
            client = self._client(owner[0], descriptor)
            if client is None:
                continue
            place = client.place or client.driver
            key = (place, client.client_id or f"{owner[0]}:{descriptor}")
            if key in taken:
                continue  # the same file by another descriptor
            taken.add(key)
            alive.append(descriptor)
            _count(process, place, key, client)
            if client.memory_bytes is not None:
                memory[place] = (memory.get(place) or 0) + client.memory_bytes
            memory.setdefault(place, None)
        process.descriptors = alive
        process.seen = {key: values for key, values in process.seen.items() if key in taken}
        if not alive:
            del self._processes[owner]
        return memory

    def _client(self, pid: int, descriptor: str) -> DrmClient | None:
        try:
            return parse_fdinfo(files.read_bytes(f"{self._root}/{pid}/fdinfo/{descriptor}"))
        except OSError:
            return None


def _count(process: _Process, place: str, key: ClientKey, client: DrmClient) -> None:
    before = process.seen.get(key)
    counts = process.counts.setdefault(place, {})
    for use in client.engines:
        count = counts.setdefault(use.engine, _Count())
        count.capacity = use.capacity
        if use.total is not None:
            count.total = max(count.total or 0, use.total)
        if before is not None and use.engine in before:
            count.grown += max(0, use.busy - before[use.engine])
    process.seen[key] = {use.engine: use.busy for use in client.engines}


def _use(owner: Owner, memory_bytes: int | None, counts: dict[str, _Count]) -> GpuUse:
    engines = tuple(EngineUse(name, count.grown, count.total, count.capacity) for name, count in sorted(counts.items()))
    return GpuUse(owner[0], owner[1], memory_bytes, None, engines)
