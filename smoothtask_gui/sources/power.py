"""Whether the machine runs on battery, from /sys/class/power_supply (Documentation/ABI/testing/sysfs-class-power).

A battery's own files may ask the embedded controller and take milliseconds, so the answer is kept for some seconds
and a battery is asked only where no mains adapter answers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from smoothtask_gui.sources import files

if TYPE_CHECKING:
    from pathlib import Path

KEEP_NS: Final = 5_000_000_000


class PowerReader:
    """Remembers its last answer for KEEP_NS."""

    def __init__(self, sysfs_root: Path) -> None:
        self._folder = f"{sysfs_root}/class/power_supply"
        self._answer: bool | None = None
        self._asked_ns: int | None = None

    def on_battery(self, now_ns: int) -> bool | None:
        """Whether a battery feeds the machine; None where the kernel doesn't tell."""
        if self._asked_ns is None or now_ns - self._asked_ns >= KEEP_NS:
            self._asked_ns = now_ns
            self._answer = read_on_battery(self._folder)
        return self._answer


def read_on_battery(folder: str) -> bool | None:
    """Read it now. A machine without any battery isn't on battery; without the class (no sysfs) nobody knows."""
    names = files.list_names(folder)
    adapters, batteries = [], []
    for name in names:
        supply = f"{folder}/{name}"
        if files.read_text(f"{supply}/scope") == "Device":  # a mouse's or headset's battery
            continue
        kind = files.read_text(f"{supply}/type")
        if kind == "Battery":
            batteries.append(supply)
        elif kind in ("Mains", "USB", "Wireless"):
            adapters.append(supply)
    online = [files.read_int(f"{supply}/online") for supply in adapters]
    if any(state is not None and state > 0 for state in online):
        return False
    if not batteries:
        return False if names or files.read_text(f"{folder}/../../kernel/uevent_seqnum") is not None else None
    states = {files.read_text(f"{supply}/status") for supply in batteries}
    if "Discharging" in states:
        return True
    return None if states == {None} else False
