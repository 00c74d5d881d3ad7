"""Real processes for tests to act on, and a /proc with processes of a test's choice."""

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

USUAL_NICE = os.getpriority(os.PRIO_PROCESS, 0)
"""What processes have that tests start: the lane itself may run niced."""

TICK_NS = 10**9 // os.sysconf("SC_CLK_TCK")


def fields_of(pid: int, proc: Path = Path("/proc")) -> list[str]:
    """The fields of proc_pid_stat(5) after the name."""
    return (proc / str(pid) / "stat").read_text().rpartition(")")[2].split()


def nice_of(pid: int) -> int:
    """Its niceness: field 19 of proc_pid_stat(5)."""
    return int(fields_of(pid)[16])


def start_ns(pid: int) -> int:
    """When it started, to the tick, in ns of boot time."""
    return int(fields_of(pid)[19]) * TICK_NS


def state_of(pid: int) -> str:
    """R, S, T, Z …; empty once it is gone."""
    try:
        return fields_of(pid)[0]
    except (FileNotFoundError, ProcessLookupError):
        return ""


def wait_until(holds: Callable[[], bool], seconds: float = 60) -> None:
    """Waits for another process to become so."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it never came to be"
        time.sleep(0.01)


@contextmanager
def sleeping(*words: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process that sleeps until the test is over, whatever was done to it."""
    with subprocess.Popen(words or ["sleep", "600"]) as process:
        try:
            yield process
        finally:
            process.kill()


def write_process(
    root: Path, pid: int, *, comm: str = "x", flags: int = 0, uids: str = "0\t0\t0\t0", start_ticks: int = 500
) -> None:
    """A process in the /proc at `root`, or what has become of it."""
    folder = root / str(pid)
    folder.mkdir(exist_ok=True)
    middle = " ".join(["0"] * 12)
    (folder / "stat").write_text(f"{pid} ({comm}) S 1 1 1 0 -1 {flags} {middle} {start_ticks} 0 0\n")
    (folder / "status").write_text(f"Name:\tUid: 7 7 7\nUid:\t{uids}\nNSpid:\t{pid}\n")
