"""Root, when a job needs it: being root already, or sudo. And giving files back to the checkout's owner afterwards."""

import functools
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import places
from steps import StepError

KEPT = ("CI", "DISPLAY", "WAYLAND_DISPLAY", "XAUTHORITY", "XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS", "LANG", "TERM")


def is_root() -> bool:
    return os.geteuid() == 0


def ask_once() -> None:
    """Let sudo ask for the password now, in the foreground; later it is called where it could not."""
    if not is_root() and sys.stdin.isatty() and can_be_root():
        subprocess.run(["sudo", "-v"], check=False)


@functools.cache
def can_be_root() -> bool:
    """Root, sudo without a password, or sudo with a terminal to ask on."""
    if is_root():
        return True
    if not shutil.which("sudo"):
        return False
    silent = subprocess.run(["sudo", "-n", "true"], capture_output=True, check=False).returncode == 0
    return silent or sys.stdin.isatty()


def as_root(command: Sequence[str | Path]) -> list[str]:
    """The command, through sudo if need be, with the few variables that jobs use. StepError without any way to root."""
    plain = [str(word) for word in command]
    if is_root():
        return plain
    if not can_be_root():
        raise StepError("this needs root: be root, or a user who may use sudo (it asks on a terminal only).")
    kept = [f"{name}={os.environ[name]}" for name in KEPT if name in os.environ]
    return ["sudo", "--", "env", *kept, *plain]


def owner() -> tuple[int, int]:
    """(uid, gid) of the person whose checkout this is."""
    status = places.TOP.stat()
    return status.st_uid, status.st_gid


def give_back() -> None:
    """Hand files that root made in a user's checkout back to that user."""
    uid, gid = owner()
    if is_root() and uid != 0:
        subprocess.run(["chown", "-hR", "--from=0", f"{uid}:{gid}", places.TOP], check=False)
