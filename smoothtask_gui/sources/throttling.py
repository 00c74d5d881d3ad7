"""For how long the processors have been slowed down because of heat, as Intel's driver counts it.

/sys/devices/system/cpu/cpuN/thermal_throttle/package_throttle_total_time_ms, the same for all CPUs of a package
(arch/x86/kernel/cpu/mce/therm_throt.c, drivers/thermal/intel since 5.6). Other processors count nothing: None there.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from smoothtask_gui.sources import files

if TYPE_CHECKING:
    from pathlib import Path

_CPU: Final = re.compile(r"cpu\d+")


class ThrottleReader:
    """Finds one file a package when first asked."""

    def __init__(self, sysfs_root: Path) -> None:
        self._folder = f"{sysfs_root}/devices/system/cpu"
        self._paths: list[str] | None = None

    def read(self) -> int | None:
        """The sum over all packages since boot; None where no driver counts it."""
        if self._paths is None:
            self._paths = self._find()
        found = [value for path in self._paths if (value := files.read_int(path)) is not None]
        return sum(found) if found else None

    def _find(self) -> list[str]:
        packages: dict[int | None, str] = {}
        for name in files.list_names(self._folder):
            path = f"{self._folder}/{name}/thermal_throttle/package_throttle_total_time_ms"
            if _CPU.fullmatch(name) and files.read_int(path) is not None:
                packages.setdefault(files.read_int(f"{self._folder}/{name}/topology/physical_package_id"), path)
        return list(packages.values())
