"""Machine-wide counters from /proc and /sys, for every source: the helper sends processes only.

Parsing is apart from reading. A file that isn't there, or doesn't say what proc(5) promises, gives None for its fields
and leaves the others alone; only /proc/stat is indispensable (SourceError). Both roots are parameters, so that a test
builds its own machine in a folder.
"""

from __future__ import annotations

import os
import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from smoothtask_gui.domain.batch import SystemReading
from smoothtask_gui.sources import files
from smoothtask_gui.sources.disks import WholeDisks
from smoothtask_gui.sources.power import PowerReader
from smoothtask_gui.sources.protocol import SourceError
from smoothtask_gui.sources.throttling import ThrottleReader

PAGE_BYTES: Final = os.sysconf("SC_PAGE_SIZE")
SOCKETS_KEEP_NS: Final = 10_000_000_000
"""How often sockets are counted: the kernel walks all protocols for it, and a leak of them takes minutes."""
_MEMORY: Final = re.compile(rb"^(MemTotal|MemAvailable|SwapTotal|SwapFree): +(\d+) kB$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class CpuTimes:
    """Sums over all CPUs, in clock ticks (proc_stat(5))."""

    cpus: int
    busy: int
    idle: int
    iowait: int
    steal: int
    forks: int | None  # since boot, threads included


def parse_stat(text: bytes) -> CpuTimes:
    """Parse /proc/stat. Raises ValueError if its first line isn't the sum of all CPUs.

    Busy is everything but idle and iowait; guest time is already in user time (account_guest_time,
    kernel/sched/cputime.c).
    """
    first = text.partition(b"\n")[0]
    words = first.split()
    if len(words) < 9 or words[0] != b"cpu":
        raise ValueError(f"the first line is {first[:60]!r}")
    user, nice, system, idle, iowait, irq, softirq, steal = (int(word) for word in words[1:9])
    forks = text.partition(b"\nprocesses ")[2].partition(b"\n")[0]
    busy = user + nice + system + irq + softirq + steal
    return CpuTimes(text.count(b"\ncpu"), busy, idle, iowait, steal, int(forks) if forks.isdigit() else None)


def parse_meminfo(text: bytes) -> dict[bytes, int]:
    """Find what is told of memory and swap in /proc/meminfo, bytes by name (proc_meminfo(5)); other lines are left."""
    return {name: int(kibibytes) * 1024 for name, kibibytes in _MEMORY.findall(text)}


def parse_net_dev(text: bytes) -> tuple[int, int] | None:
    """Parse /proc/net/dev: (bytes received, bytes sent) of all interfaces but lo; None if it has no interface line."""
    received = sent = 0
    seen = False
    for line in text.split(b"\n"):
        name, colon, counters = line.rpartition(b":")
        words = counters.split()
        if not colon or len(words) < 16 or not (words[0].isdigit() and words[8].isdigit()):
            continue
        seen = True
        if name.strip() != b"lo":
            received += int(words[0])
            sent += int(words[8])
    return (received, sent) if seen else None


def parse_unix_sockets(text: bytes) -> int | None:
    """Parse /proc/net/protocols: the sockets of AF_UNIX; None if it has no such line.

    Streams have a line of their own since 5.15 (94531cfcbe79, "af_unix: Add unix_stream_proto for sockmap").
    """
    counts = [line.split()[2] for line in text.split(b"\n") if line.startswith((b"UNIX ", b"UNIX-STREAM "))]
    return sum(map(int, counts)) if counts and all(count.isdigit() for count in counts) else None


def parse_pressure(text: bytes, extent: bytes = b"some") -> int | None:
    """Parse a total of a /proc/pressure file, µs; `extent` is some or full (Documentation/accounting/psi.rst)."""
    for line in text.split(b"\n"):
        if line.startswith(extent + b" "):
            total = line.rpartition(b"total=")[2]
            return int(total) if total.isdigit() else None
    return None


def parse_vmstat(text: bytes, name: bytes) -> int | None:
    """Find one counter in /proc/vmstat, which has some 180 of them; None if it isn't there or no number."""
    found = text.partition(b"\n" + name + b" ")[2].partition(b"\n")[0]
    return int(found) if found.isdigit() else None


class SystemReader:
    """Reads one `SystemReading` a call; about 0.15 ms on two CPUs."""

    def __init__(self, proc_root: Path = Path("/proc"), sysfs_root: Path = Path("/sys")) -> None:
        self._proc = f"{proc_root}/"
        self._disks = WholeDisks(f"{sysfs_root}/block")
        self._power = PowerReader(sysfs_root)
        self._throttling = ThrottleReader(sysfs_root)
        self._tick_ns = 1_000_000_000 // os.sysconf("SC_CLK_TCK")
        self._sockets: int | None = None
        self._sockets_ns: int | None = None  # when they were counted

    def read(self) -> SystemReading:
        """Read everything now. Raises SourceError if /proc/stat can't be used."""
        boottime_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        cpu = self._cpu_times()
        memory = parse_meminfo(self._file("meminfo") or b"")
        disks = self._disks.pick(self._file("diskstats"))
        memory_pressure, io_pressure = self._file("pressure/memory") or b"", self._file("pressure/io") or b""
        paged = b"\n" + (self._file("vmstat") or b"")
        network = parse_net_dev(self._file("net/dev") or b"")
        return SystemReading(
            boottime_ns=boottime_ns,
            cpus=cpu.cpus,
            cpu_busy_ns=cpu.busy * self._tick_ns,
            cpu_idle_ns=cpu.idle * self._tick_ns,
            cpu_iowait_ns=cpu.iowait * self._tick_ns,
            cpu_steal_ns=cpu.steal * self._tick_ns,
            memory_total_bytes=memory.get(b"MemTotal"),
            memory_available_bytes=memory.get(b"MemAvailable"),
            swap_total_bytes=memory.get(b"SwapTotal"),
            swap_free_bytes=memory.get(b"SwapFree"),
            disk_read_bytes=None if disks is None else sum(disk.read_bytes for disk in disks),
            disk_write_bytes=None if disks is None else sum(disk.write_bytes for disk in disks),
            network_received_bytes=network[0] if network else None,
            network_sent_bytes=network[1] if network else None,
            cpu_pressure_us=parse_pressure(self._file("pressure/cpu") or b""),
            memory_pressure_us=parse_pressure(memory_pressure),
            io_pressure_us=parse_pressure(io_pressure),
            on_battery=self._power.on_battery(boottime_ns),
            unix_sockets=self._count_sockets(boottime_ns),
            memory_full_pressure_us=parse_pressure(memory_pressure, b"full"),
            io_full_pressure_us=parse_pressure(io_pressure, b"full"),
            swap_in_bytes=_pages(parse_vmstat(paged, b"pswpin")),
            swap_out_bytes=_pages(parse_vmstat(paged, b"pswpout")),
            forks=cpu.forks,
            major_faults=parse_vmstat(paged, b"pgmajfault"),
            throttled_ms=self._throttling.read(),
            disks=disks or (),
        )

    def _count_sockets(self, now_ns: int) -> int | None:
        if self._sockets_ns is None or now_ns - self._sockets_ns >= SOCKETS_KEEP_NS:
            self._sockets_ns = now_ns
            self._sockets = parse_unix_sockets(self._file("net/protocols") or b"")
        return self._sockets

    def _cpu_times(self) -> CpuTimes:
        path = f"{self._proc}stat"
        try:
            return parse_stat(files.read_bytes(path, 16384))
        except OSError as error:
            raise SourceError(f"{path} can't be read: {files.why_not(error)}") from error
        except ValueError as error:
            raise SourceError(f"{path} isn't what proc_stat(5) describes: {error}") from error

    def _file(self, name: str) -> bytes | None:
        try:
            return files.read_bytes(self._proc + name, 8192)
        except OSError:
            return None


def _pages(count: int | None) -> int | None:
    return None if count is None else count * PAGE_BYTES
