"""smoothtask --install-desktop and --uninstall-desktop: SmoothTask in the desktop's menu after pip or pipx."""

from __future__ import annotations

import os
import platform
import sys
from pathlib import Path
from typing import Final

from smoothtask_gui.adapters import desktop_files
from smoothtask_gui.adapters.autostart import own_command
from smoothtask_gui.adapters.files import FileError
from smoothtask_gui.cli.failure import Failure

PACKAGE_OF: Final = {"debian": ".deb", "ubuntu": ".deb", "fedora": ".rpm", "suse": ".rpm", "arch": "Arch"}
"""ID and ID_LIKE of os-release(5) → the kind of package such a system takes."""


def install() -> int:
    """Copy the files and say which, and what the helper's package is called here."""
    try:
        made = desktop_files.install(desktop_files.shipped(), _xdg_home(), own_command(_launcher()))
    except FileError as error:
        raise Failure(str(error)) from error
    for path in made:
        print(f"made {path}")
    print(helper_package())
    return 0


def remove() -> int:
    """Remove what install made, and say it."""
    try:
        removed = desktop_files.remove(desktop_files.shipped(), _xdg_home())
    except FileError as error:
        raise Failure(str(error)) from error
    print("\n".join(f"removed {path}" for path in removed) or "there was nothing to remove")
    return 0


def helper_package() -> str:
    """One sentence: pip can't bring the helper; which package does."""
    try:
        told = platform.freedesktop_os_release()
    except OSError:
        told = {}
    names = [told.get("ID", ""), *told.get("ID_LIKE", "").split()]
    kind = next((PACKAGE_OF[name] for name in names if name in PACKAGE_OF), "system")
    return (
        f"To see more through eBPF, install the {kind} package smoothtask-helper as well: it is a service of the "
        "system, which pip can't bring. Without it SmoothTask reads /proc."
    )


def _xdg_home() -> Path:
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")


def _launcher() -> str:
    """This program's own path, even if it was found through PATH by its name."""
    return str(Path(sys.argv[0]).absolute())
