"""At what clock busy processes run: of the CPUs that their threads ran on last, from cpufreq.

A thread's last CPU is field 39 of its stat line (proc_pid_stat(5)); that CPU's clock is scaling_cur_freq, which on x86
is measured (APERF/MPERF, arch_freq_get_on_cpu) and elsewhere is what the governor asked for
(Documentation/admin-guide/pm/cpufreq.rst). Of a process with several threads a few are looked at, those that run now
before those that wait. Machines without cpufreq (most virtual ones) have no clocks, and cost nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from smoothtask_gui.sources import files

if TYPE_CHECKING:
    from pathlib import Path

MOST_THREADS: Final = 8
"""Each costs a file; of more threads this many are taken, evenly spread."""

_STATE, _LAST_CPU, _THREADS = 0, 36, 17
"""Places after the name in a stat line: fields 3, 39 and 20."""


class CpuClocks:
    """`begin` a look, then ask for each process; a CPU is read once a look."""

    def __init__(self, sysfs_root: Path) -> None:
        self._cpus = f"{sysfs_root}/devices/system/cpu"
        self._known_khz: dict[int, int | None] = {}
        self._is_there = bool(files.list_names(f"{self._cpus}/cpufreq"))

    def begin(self) -> None:
        """What was read before isn't now."""
        self._known_khz.clear()

    def of_process(self, folder: str, fields: list[bytes]) -> int:
        """The mean clock of a process's CPUs in kHz, 0 where it can't be known; `fields` are those of its stat line."""
        if not self._is_there:
            return 0
        cpus = [int(fields[_LAST_CPU])] if int(fields[_THREADS]) == 1 else _last_cpus(folder)
        found = [khz for khz in map(self._khz, cpus) if khz]
        return round(sum(found) / len(found)) if found else 0

    def _khz(self, cpu: int) -> int | None:
        if cpu not in self._known_khz:
            self._known_khz[cpu] = files.read_int(f"{self._cpus}/cpu{cpu}/cpufreq/scaling_cur_freq")
        return self._known_khz[cpu]


def _last_cpus(folder: str) -> list[int]:
    """Of the threads looked at: the CPUs of those that run, else of all."""
    names = files.list_names(f"{folder}/task")
    running: list[int] = []
    waiting: list[int] = []
    for name in names[:: -(-len(names) // MOST_THREADS) or 1]:
        try:
            line = files.read_bytes(f"{folder}/task/{name}/stat", 1024)
            fields = line[line.rindex(b")") + 2 :].split()
            (running if fields[_STATE] == b"R" else waiting).append(int(fields[_LAST_CPU]))
        except (OSError, ValueError, IndexError):
            continue  # gone meanwhile
    return running or waiting
