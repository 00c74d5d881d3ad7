"""Running a command as root where every user can read the checkout: bound to /mnt/smoothtask in a mount namespace.

The sampler runs as its own user, and tests act as several; none of them may enter a home folder of mode 700. The bind
is seen by the command and its children only and goes with them. As a script: shared.py COMMAND… (root only).
"""

import os
import subprocess
import sys
from pathlib import Path

import places
import privilege
from boxparts import kernel
from following import follow

MOUNT_POINT = Path("/mnt")
SHARED_TOP = MOUNT_POINT / "smoothtask"


def command(words: list[str | Path]) -> list[str]:
    """The words, to be run as root in the shared place; paths into the checkout are rewritten to it."""
    moved = [str(word).replace(str(places.TOP), str(SHARED_TOP)) for word in words]
    return privilege.as_root(["/usr/bin/python3", "-B", __file__, *moved])


def enter(words: list[str]) -> int:
    """Bind the checkout, run the command there, give its files back; returns its exit code."""
    kernel.own_mounts_and_root()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", MOUNT_POINT], check=True)
    SHARED_TOP.mkdir()
    subprocess.run(["mount", "--bind", places.TOP, SHARED_TOP], check=True)
    os.umask(0o022)
    here = Path.cwd()
    cwd = SHARED_TOP / here.relative_to(places.TOP) if here.is_relative_to(places.TOP) else here
    inside = os.environ | {"PATH": f"{SHARED_TOP}/build/venv/bin:{os.environ['PATH']}", "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        return follow(words, cwd=cwd, env=inside)
    finally:
        privilege.give_back()


if __name__ == "__main__":
    sys.exit(enter(sys.argv[1:]))
