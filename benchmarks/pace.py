"""The loads of pace.c: how fast the machine does one kind of work, by the clock and by the CPU time that it takes."""

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

SOURCE = Path(__file__).with_name("pace.c")
PROGRAM = Path(__file__).parents[1] / "build" / "bench" / "pace"
FILE_NAME, DISK_BYTES = "written", 64 << 20
ON_A_MOUNT = 'mount -o loop,lazytime "$1" "$2" && shift 2 && exec "$@"'
"""In a mount namespace of its own, which takes the mount and the loop device with it when it ends."""


@dataclass(frozen=True, slots=True)
class Pace:
    """Of one run: nanoseconds of the clock and of CPU for one operation, all lanes together."""

    clock_ns: float
    cpu_ns: float


def build(program: Path = PROGRAM, *options: str) -> None:
    """Compile pace.c unless that was done since its last change; `options` are the compiler's."""
    program.parent.mkdir(parents=True, exist_ok=True)
    if not program.exists() or program.stat().st_mtime < SOURCE.stat().st_mtime:
        subprocess.run(["cc", "-O2", "-Wall", *options, "-o", program, SOURCE], check=True)


@dataclass(frozen=True, slots=True)
class Disk:
    """A file to write, and the words before a command that make it reachable."""

    file: Path
    before: tuple[str, ...] = ()


class Load:
    """One kind of work (a word of pace.c) that stands still unless `run`; a context manager.

    CalledProcessError once a lane of it can't work; it has said why on standard error.
    """

    def __init__(self, what: str, disk: Disk | None = None) -> None:
        before, file = (disk.before, [str(disk.file)]) if disk else ((), [])
        self._words = [*before, str(PROGRAM), what, *file]

    def __enter__(self) -> Self:
        self._running = subprocess.Popen(self._words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._running.communicate()

    def run(self, milliseconds: int) -> Pace:
        """Go on for that long."""
        assert self._running.stdin is not None
        assert self._running.stdout is not None
        self._running.stdin.write(f"{milliseconds}\n")
        self._running.stdin.flush()
        said = self._running.stdout.readline()
        if not said:
            raise subprocess.CalledProcessError(self._running.wait(), self._words)
        count, took_ns, count_in_all, cpu_ns = map(int, said.split())
        return Pace(took_ns / count, cpu_ns / count_in_all)


@contextmanager
def disk_in_memory() -> Iterator[Disk]:
    """A file system on a loop device whose contents are in memory. Needs root and e2fsprogs.

    The requests are real, but nothing is awaited of a disk that others use too; nor of the journal, which lazytime
    spares the times of a file that is written in place.
    """
    with tempfile.TemporaryDirectory(dir="/dev/shm", prefix="smoothtask-bench-") as folder:
        image, mount = Path(folder) / "image", Path(folder) / "mount"
        mount.mkdir()
        with image.open("wb") as made:
            made.truncate(DISK_BYTES)
        subprocess.run(["mkfs.ext4", "-q", "-F", image], check=True)
        before = ("unshare", "--mount", "sh", "-c", ON_A_MOUNT, "sh", str(image), str(mount))
        yield Disk(mount / FILE_NAME, before)
