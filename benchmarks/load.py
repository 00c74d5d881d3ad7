"""The loads of load.c, as context managers and calls. Each ends with the benchmark that started it."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SOURCE = Path(__file__).with_name("load.c")
PROGRAM = Path(__file__).parents[1] / "build" / "bench" / "load"


def build() -> None:
    """Compile load.c unless that was done since its last change."""
    if PROGRAM.exists() and PROGRAM.stat().st_mtime >= SOURCE.stat().st_mtime:
        return
    PROGRAM.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(["cc", "-O2", "-Wall", "-o", PROGRAM, SOURCE], check=True)


@contextmanager
def idle(processes: int) -> Iterator[int]:
    """That many sleeping processes; yields their parent's pid."""
    with subprocess.Popen([PROGRAM, "idle", str(processes)], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        assert parent.stdin is not None
        assert parent.stdout is not None
        if parent.stdout.readline() != b"ready\n":
            raise RuntimeError(f"{processes} idle processes could not be started")
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
    """Run `pingpong PAIRS ROUNDS` or `forks N`; nanoseconds it took."""
    return int(subprocess.run([PROGRAM, *words], check=True, capture_output=True, text=True).stdout)
