"""The doctor on Python and libraries, by their metadata: importing Qt to ask for its version would take a second."""

from __future__ import annotations

import importlib.util
import platform
import sys
from importlib import metadata
from typing import Final

from smoothtask_gui.cli.checks import Row, failed, ok, warning

_LIBRARIES: Final = (
    # check, module, names under which it is distributed, whether nothing works without it
    ("pyside6", "PySide6", ("PySide6-Essentials", "PySide6"), True),
    ("dbus-fast", "dbus_fast", ("dbus-fast",), True),
    ("desktop-notifier", "desktop_notifier", ("desktop-notifier",), False),
    ("numpy", "numpy", ("numpy",), True),
    ("psutil", "psutil", ("psutil",), False),
)


async def software() -> list[Row]:
    """Versions, and those known to be broken."""
    rows = [ok("python", f"Python {platform.python_version()}")]
    for check, module, names, needed in _LIBRARIES:
        found = _version(names)
        if found is None and importlib.util.find_spec(module) is None:
            make = failed if needed else warning
            rows.append(make(check, f"{names[0]} is not installed", f"Install {names[0]}."))
        elif check == "pyside6" and breaks(found, sys.version_info[:2]):
            rows.append(
                failed(
                    check,
                    f"{names[0]} {found} on Python {platform.python_version()} loses a reference on every call and "
                    "aborts after some 5,000",
                    "Install PySide6-Essentials below 6.12, or use Python 3.12.",
                )
            )
        else:
            rows.append(ok(check, f"{names[0]} {found or 'of unknown version'}"))
    return rows


def breaks(pyside_version: str | None, python: tuple[int, int]) -> bool:
    """Whether this PySide6 aborts on this Python: 6.12.0 does on Python before 3.12, 6.11.3 doesn't."""
    parts = (pyside_version or "").split(".")[:2]
    return python < (3, 12) and all(part.isdigit() for part in parts) and tuple(map(int, parts)) >= (6, 12)


def _version(names: tuple[str, ...]) -> str | None:
    for name in names:
        try:
            return metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return None
