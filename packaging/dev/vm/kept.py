"""What is kept of a guest that has just booted, so that the next start goes on from there: its memory and its disk.

In the guest's folder: `state` (memory and devices, as QEMU's migration writes them), `kept.qcow2` (what the boot
changed on disk.raw) and `state.made-of`, which says of which QEMU, command line, kernel and disk they are: others can't
go on from it. A state that is missing, of something else or damaged costs a boot, nothing more (guest.py).
"""

import hashlib
import shlex
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from vm.monitor import Monitor, MonitorError

SAVE_LIMIT_S = 300.0
FASTEST_BYTES_PER_S = 1 << 36
"""Of a migration into a file; QEMU's own limit is meant for networks."""


class Kept:
    """`folder` is the guest's."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.disk = folder / "kept.qcow2"
        self._state = folder / "state"
        self._made_of = folder / "state.made-of"

    @property
    def source(self) -> str:
        """Where QEMU's -incoming reads it: qemu(1)."""
        return f"exec:exec cat {shlex.quote(str(self._state))}"

    def is_of(self, recipe: str) -> bool:
        return self._made_of.exists() and self._made_of.read_text() == recipe

    def forget(self) -> None:
        for path in (self._made_of, self._state, self.disk):
            path.unlink(missing_ok=True)

    def begin(self) -> None:
        """Forget what there is, and lay a disk over disk.raw, whose place is told from where the two lie."""
        self.forget()
        words = ["qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", "disk.raw", self.disk]
        subprocess.run(words, check=True, stdin=subprocess.DEVNULL)

    def save(self, monitor: Monitor, recipe: str) -> None:
        """Stop the guest for good and write its state. Raises MonitorError."""
        monitor.ask("stop")
        monitor.ask("migrate-set-parameters", **{"max-bandwidth": FASTEST_BYTES_PER_S})
        monitor.ask("migrate", uri=f"exec:exec cat >{shlex.quote(str(self._state))}")
        deadline = time.monotonic() + SAVE_LIMIT_S
        while (status := monitor.ask("query-migrate").get("status")) != "completed":
            if status in ("failed", "cancelled") or time.monotonic() > deadline:
                raise MonitorError(f"migrate: {status}")
            time.sleep(0.1)
        monitor.ask("quit")
        self._made_of.write_text(recipe)


def recipe_of(command: Sequence[str], files: Sequence[Path]) -> str:
    """What a state depends on: QEMU's version, its command line, and the files that the guest is made of."""
    version = subprocess.run([command[0], "--version"], capture_output=True, text=True, check=True).stdout
    stats = [(path.stat().st_size, path.stat().st_mtime_ns) for path in files]
    return hashlib.sha256(repr((version, list(command), stats)).encode()).hexdigest()
