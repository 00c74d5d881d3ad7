"""The loads of pace.c: how fast the machine does one kind of work, by the clock and by the CPU time that it takes."""

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

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


def build() -> None:
    """Compile pace.c unless that was done since its last change."""
    PROGRAM.parent.mkdir(parents=True, exist_ok=True)
    if not PROGRAM.exists() or PROGRAM.stat().st_mtime < SOURCE.stat().st_mtime:
        subprocess.run(["cc", "-O2", "-Wall", "-o", PROGRAM, SOURCE], check=True)


def of(what: str, milliseconds: int, file: Path | None = None, before: tuple[str, ...] = ()) -> Pace:
    """Run a load for that long; `before`: the words of a command that starts it."""
    words = [*before, str(PROGRAM), what, str(milliseconds), *([str(file)] if file else [])]
    said = subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True).stdout
    count, took_ns, count_in_all, cpu_ns = map(int, said.split())
    return Pace(took_ns / count, cpu_ns / count_in_all)


@dataclass(frozen=True, slots=True)
class Disk:
    """A file to write, and the words before a command that make it reachable."""

    file: Path
    before: tuple[str, ...] = ()


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
