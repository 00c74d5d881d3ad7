"""The virtual environment in build/venv: system Python, pinned packages checked by hash.

It is found by relative paths only (a relative .pth line, a launcher that asks where it lies), so it also works where
the checkout is bound to another place, as shared.py does for processes that may not enter the owner's home.
"""

import hashlib
import os
import shutil
import subprocess

import places
from steps import StepError, logged

SYSTEM_PYTHON = "/usr/bin/python3"
LAUNCHER = '#!/bin/sh\nexec "$(dirname "$(readlink -f "$0")")/python" -P -m smoothtask_gui "$@"\n'


def wanted() -> str:
    """What the environment is made of; a change of it means a new environment."""
    version = subprocess.run([SYSTEM_PYTHON, "-VV"], capture_output=True, text=True, check=False).stdout
    parts = [version, str(places.VENV), LAUNCHER, places.LOCK_FILE.read_text()]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def ensure() -> None:
    """Make the environment unless it is already what the lock file says."""
    stamp = places.VENV / "made-of"
    target = wanted()
    if stamp.exists() and stamp.read_text() == target and places.PYTHON.exists():
        return
    shutil.rmtree(places.VENV, ignore_errors=True)
    logged("venv", [SYSTEM_PYTHON, "-m", "venv", places.VENV], "making the virtual environment build/venv")
    install = [places.PYTHON, "-m", "pip", "install", "--require-hashes", "--no-deps", "--only-binary", ":all:"]
    logged("pip", [*install, "-r", places.LOCK_FILE], "installing the pinned Python packages (about 160 MB)")
    packages = next(places.VENV.glob("lib/python3*/site-packages"), None)
    if packages is None:
        raise StepError(f"{places.VENV} has no site-packages folder: remove it and try again.")
    (packages / "smoothtask-checkout.pth").write_text(os.path.relpath(places.TOP, packages) + "\n")
    launcher = places.VENV / "bin" / "smoothtask"
    launcher.write_text(LAUNCHER)
    launcher.chmod(0o755)
    stamp.write_text(target)
