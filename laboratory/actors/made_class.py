# noqa: INP001 - actors are programs that are started, no package
"""A class of devices made of text files, /sys/class/NAME in this box's mounts only. Needs root.

The one edge at which a machine without sensors or battery can be given some: everything from the files on is real. The
other classes stay what they are.
"""

import subprocess
import tempfile
from pathlib import Path

CLASSES = Path("/sys/class")


def _mount(*words: str | Path) -> None:
    subprocess.run(["mount", *words], check=True)


def made_class(name: str) -> Path:
    """An empty folder in memory that lies where the kernel's class of that name would."""
    kept = Path(tempfile.mkdtemp())
    _mount("--bind", CLASSES, kept)
    _mount("-t", "tmpfs", "-o", "mode=755", "tmpfs", CLASSES)
    for real in kept.iterdir():
        (CLASSES / real.name).mkdir()
        if real.name != name:
            _mount("--bind", real, CLASSES / real.name)
    made = CLASSES / name
    made.mkdir(exist_ok=True)
    return made
