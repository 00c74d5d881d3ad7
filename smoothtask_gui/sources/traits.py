"""Why a busy process may be busy: its niceness, its terminal, what passes through it. Read for few, every tick.

A process that computes for a person shows it: it is nice, or it is its terminal's foreground job, or bytes pass through
it. One that merely spins shows none of these. Only processes above BUSY_CORES are looked at, the busiest MOST of them.
What isn't ours to read (other users' io and descriptors; in a sandbox everything) is flagged as unknown. At what clock
those run that are looked at is read in the same place (`clocks.py`).
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from smoothtask_gui.domain.matching import is_same_start, positions
from smoothtask_gui.domain.parts import TRAITS, ClockReading
from smoothtask_gui.sources import files
from smoothtask_gui.sources.clocks import CpuClocks

BUSY_CORES: Final = 0.2
MOST: Final = 16
LOOKS_AFTER: Final = 10
"""For how many looks one that was busy is still looked at: what passes through it needs two looks in a row."""
_STANDARD_FDS: Final = ("0", "1", "2")


class TraitsReader:
    """Compares CPU times from call to call to find the busy ones."""

    def __init__(self, proc_root: Path = Path("/proc"), sysfs_root: Path = Path("/sys")) -> None:
        self._root = str(proc_root)
        self._cpu_clocks = CpuClocks(sysfs_root)
        self.clocks: tuple[ClockReading, ...] = ()  # of those that `read` looked at last
        self._before: npt.NDArray[np.void] | None = None
        self._before_ns = 0
        self._tick_ns = 1_000_000_000 // os.sysconf("SC_CLK_TCK")
        self._looks_left: dict[int, int] = {}  # by pid

    def read(self, processes: npt.NDArray[np.void]) -> npt.NDArray[np.void]:
        """Rows of dtype TRAITS for the busy ones of `processes` (dtype PROCESS, by pid); none the first time."""
        before, before_ns = self._before, self._before_ns
        self._before = processes
        self._before_ns = time.monotonic_ns()
        self.clocks = ()
        self._cpu_clocks.begin()
        if before is None:
            return np.zeros(0, TRAITS)
        place = positions(before, processes["pid"], processes["start_ns"])
        seen = place >= 0
        used = processes["run_ns"].astype(np.float64)
        if seen.all():
            used -= before["run_ns"][place]
        else:
            used[seen] -= before["run_ns"][place[seen]]
        busy = used >= BUSY_CORES * (self._before_ns - before_ns)
        if not self._looks_left and not busy.any():
            return np.zeros(0, TRAITS)
        looked_at = np.flatnonzero((busy | self._was_busy(processes)) & ~processes["is_kernel"] & seen)
        looked_at = looked_at[np.argsort(-used[looked_at], kind="stable")][:MOST]
        self._remember(processes, busy)
        found = [self._row(processes[at]) for at in np.sort(looked_at)]
        return np.array(found, TRAITS) if found else np.zeros(0, TRAITS)

    def _was_busy(self, processes: npt.NDArray[np.void]) -> npt.NDArray[np.bool_]:
        """Which were busy a moment ago: on a crowded machine even one that never sleeps gets little now and then."""
        found = np.zeros(len(processes), bool)
        pids = list(self._looks_left)
        at = np.searchsorted(processes["pid"], pids)
        for pid, row in zip(pids, at.tolist(), strict=True):
            found[row : row + 1] = row < len(processes) and processes["pid"][row] == pid
        return found

    def _remember(self, processes: npt.NDArray[np.void], busy: npt.NDArray[np.bool_]) -> None:
        left = {pid: looks - 1 for pid, looks in self._looks_left.items() if looks > 1}
        self._looks_left = left | dict.fromkeys(processes["pid"][busy].tolist()[:MOST], LOOKS_AFTER)

    def _row(self, process: np.void) -> tuple[object, ...]:
        pid = int(process["pid"])
        folder = f"{self._root}/{pid}"
        try:
            line = files.read_bytes(f"{folder}/stat", 1024)
            fields = line[line.rindex(b")") + 2 :].split()
            group, terminal, listens_to = int(fields[2]), int(fields[4]), int(fields[5])
            nice, policy = int(fields[16]), int(fields[38])
            if not is_same_start(int(fields[19]) * self._tick_ns, int(process["start_ns"])):
                return _unreadable(process)  # another /proc than the helper's: a sandbox has numbers of its own
            clock_khz = self._cpu_clocks.of_process(folder, fields)
        except (OSError, ValueError, IndexError):
            return _unreadable(process)  # gone meanwhile, or hidden
        if clock_khz:
            self.clocks = (*self.clocks, ClockReading(pid, int(process["start_ns"]), clock_khz))
        passed = _passed_bytes(folder)
        lost = None if terminal else _lost_terminal(folder)
        return (
            pid,
            int(process["start_ns"]),
            nice,
            policy,
            terminal & 0xFFFFFFFF,
            bool(terminal) and group == listens_to,
            bool(lost),
            passed or 0,
            passed is not None,
            lost is not None or bool(terminal),
        )


def _unreadable(process: np.void) -> tuple[object, ...]:
    """A row that says only that nothing could be read."""
    return int(process["pid"]), int(process["start_ns"]), 0, 0, 0, False, False, 0, False, False


def _passed_bytes(folder: str) -> int | None:
    """Rchar + wchar of proc_pid_io(5): all that read(2) and write(2) moved."""
    try:
        values = dict(line.split(b": ") for line in files.read_bytes(f"{folder}/io", 512).splitlines())
        return int(values[b"rchar"]) + int(values[b"wchar"])
    except (OSError, ValueError, KeyError):
        return None


def _lost_terminal(folder: str) -> bool | None:
    """Whether a standard descriptor still is a pseudo-terminal that was closed: the kernel marks its path so."""
    seen = False
    for fd in _STANDARD_FDS:
        try:
            target = os.readlink(f"{folder}/fd/{fd}")  # noqa: PTH115 - as in files.py
        except FileNotFoundError:
            continue
        except OSError:
            return None
        seen = True
        if target.startswith("/dev/pts/") and target.endswith(" (deleted)"):
            return True
    return False if seen else None
