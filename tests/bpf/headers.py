"""A place where BCC can compile: kernel headers where it looks for them, tracefs mounted.

Debian has no headers of the sandbox's kernel, so those of Debian's own kernel stand in for them: right enough for
programs that read only arguments of tracepoints, whose format the running kernel tells.
"""

from __future__ import annotations

import ctypes
import os
import platform
import subprocess
from pathlib import Path
from typing import Final

CLONE_NEWNS: Final = 0x00020000
MODULES: Final = Path("/lib/modules")
TRACEFS: Final = Path("/sys/kernel/tracing")


def stand_in_headers() -> dict[str, Path]:
    """Targets of the links `build` and `source` of the newest headers that are installed."""
    folders = sorted(path.parent for path in MODULES.glob("*/build"))
    assert folders, "no kernel headers are installed (Debian package linux-headers-amd64 or your architecture's)"
    return {name: (folders[-1] / name).resolve() for name in ("build", "source") if (folders[-1] / name).exists()}


def mount_all() -> None:
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)
    if not (TRACEFS / "events").is_dir():
        subprocess.run(["mount", "-t", "tracefs", "tracefs", TRACEFS], check=True)
    own = MODULES / platform.release()
    if not (own / "build").exists():
        links = stand_in_headers()
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", MODULES], check=True)
        own.mkdir()
        for name, target in links.items():
            (own / name).symlink_to(target)


def enter_place_to_compile() -> None:
    """Gives this thread, for good, a mount namespace with all that: the way back could lead out of a chroot."""
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.unshare(CLONE_NEWNS) == 0, os.strerror(ctypes.get_errno())
    mount_all()
