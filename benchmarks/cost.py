"""What a process costs, from /proc: CPU time by the scheduler's own count and resident memory."""

import time
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Cost:
    """CPU as a share of one core over `seconds`, and resident memory at the end."""

    cpu_ratio: float
    rss_bytes: int
    seconds: float


def run_ns(pid: int) -> int:
    """CPU time of all threads in ns: the first field of schedstat, Documentation/scheduler/sched-stats.rst."""
    return sum(int(path.read_text().split()[0]) for path in Path(f"/proc/{pid}/task").glob("*/schedstat"))


def rss_bytes(pid: int) -> int:
    """VmRSS of /proc/PID/status, proc_pid_status(5)."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise ProcessLookupError(pid)


def over(pid: int, seconds: float) -> Cost:
    """Watch a process for that long."""
    before, started = run_ns(pid), time.monotonic()
    time.sleep(seconds)
    passed = time.monotonic() - started
    return Cost((run_ns(pid) - before) / 1e9 / passed, rss_bytes(pid), passed)


def pid_named(words: str) -> int | None:
    """The newest process whose command line holds these words."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                continue  # gone meanwhile
            if words in line:
                found.append(int(entry.name))
    return max(found, default=None)
