"""The loads of load.c, as context managers and calls. Each ends with the benchmark that started it."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SOURCE = Path(__file__).with_name("load.c")
PROGRAM = Path(__file__).parents[1] / "build" / "bench" / "load"
BRIEF_SOURCE = Path(__file__).with_name("brief.c")
BRIEF = PROGRAM.with_name("brief")
WITHOUT_LIBRARY = ("-static", "-nostdlib", "-ffreestanding", "-fno-stack-protector", "-fno-pie", "-no-pie", "-s")
PID_MAX = Path("/proc/sys/kernel/pid_max")


def build() -> None:
    """Compile load.c and brief.c unless that was done since their last change."""
    PROGRAM.parent.mkdir(parents=True, exist_ok=True)
    for program, source, options in ((PROGRAM, SOURCE, ()), (BRIEF, BRIEF_SOURCE, WITHOUT_LIBRARY)):
        if not program.exists() or program.stat().st_mtime < source.stat().st_mtime:
            subprocess.run(["cc", "-O2", "-Wall", *options, "-o", program, source], check=True)


@contextmanager
def idle(processes: int) -> Iterator[int]:
    """That many sleeping processes; yields their parent's pid."""
    with _sleeping("idle", processes) as pid:
        yield pid


@contextmanager
def threads(count: int) -> Iterator[int]:
    """One process of that many sleeping threads; yields its pid. Meanwhile kernel.pid_max is raised if need be."""
    before = PID_MAX.read_text()
    PID_MAX.write_text(str(max(int(before), 2 * count)))
    try:
        with _sleeping("threads", count) as pid:
            yield pid
    finally:
        PID_MAX.write_text(before)


@contextmanager
def _sleeping(what: str, count: int) -> Iterator[int]:
    with subprocess.Popen([PROGRAM, what, str(count)], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        assert parent.stdin is not None
        assert parent.stdout is not None
        if parent.stdout.readline() != b"ready\n":
            raise RuntimeError(f"{count} sleeping tasks could not be started")
        try:
            yield parent.pid
        finally:
            parent.stdin.close()


@contextmanager
def storm(cpu_us: int, seconds: int, lanes: int) -> Iterator["subprocess.Popen[str]"]:
    """Children that burn cpu_us of CPU each, one after another in each lane; prints their count at its end."""
    command = [str(PROGRAM), "storm", str(cpu_us), str(seconds), str(lanes)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.terminate()


def elapsed_ns(*words: str) -> int:
    """Run one of the loads of load.c that measure themselves; nanoseconds it took."""
    return int(subprocess.run([PROGRAM, *words], check=True, capture_output=True, text=True).stdout)
