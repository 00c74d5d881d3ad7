"""What the processor packages have used, from RAPL through powercap (Documentation/power/powercap/powercap.rst).

Since CVE-2020-8694 the kernel lets root alone read energy_uj (949dd0104c49), because fine-grained energy betrays what
others compute; where the administrator hasn't opened it the reading is None and `reason` says why. Which CPU time
caused it is never measured, only estimated: by CPU time, as the words beside a culprit's share say.

Counters wrap at max_energy_range_uj (262 kJ on many: an hour at 73 W); what is given here goes on. Where a counter was
reset (suspend) or may have wrapped unseen there is no reading once, and then it goes on.
"""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from smoothtask_gui.sources import files

if TYPE_CHECKING:
    from collections.abc import Callable

_PACKAGE: Final = re.compile(r"(?:intel-rapl|intel-rapl-mmio):\d+")
"""Top-level zones; those below (intel-rapl:0:0) are parts of them. AMD's processors use the same names."""
MOST_W: Final = 1000.0
"""More than a package draws: a count that grew faster was reset, and in range / MOST_W seconds it can't wrap twice."""

_NONE: Final = "how much energy the processor uses: the kernel shows no RAPL counter here (usual in virtual machines)"
_CLOSED: Final = "how much energy the processor uses: only root may read RAPL counters (a side channel, CVE-2020-8694)"
_JUMPED: Final = "how much energy the processor used: its RAPL counter was reset, or last read too long ago"
_BROKEN: Final = "how much energy the processor uses: the RAPL counter could not be read"


class EnergyReader:
    """Remembers each package's last count. `reason` is why the latest reading is None, "" if it isn't."""

    def __init__(self, sysfs_root: Path = Path("/sys"), now_s: Callable[[], float] | None = None) -> None:
        self._folder = f"{sysfs_root}/class/powercap"
        self._now_s = now_s or (lambda: time.clock_gettime(time.CLOCK_BOOTTIME))
        self._last: dict[str, tuple[int, float]] = {}
        self._total_uj = 0
        self.reason = ""

    def read(self) -> int | None:
        """Energy of all packages since the first reading, µJ; None where it can't be read."""
        zones = self._zones()
        if not zones:
            self.reason = _NONE
            return None
        now_s = self._now_s()
        counts: dict[str, tuple[int, float]] = {}
        for zone in zones:
            try:
                count_uj = int(files.read_bytes(f"{zone}/energy_uj"))
            except PermissionError:
                self.reason = _CLOSED
                return None
            except (OSError, ValueError):
                self.reason = _BROKEN
                return None
            counts[zone] = (count_uj, now_s)
        grown_uj = self._grown_uj(counts)
        self._last = counts
        if grown_uj is None:
            self.reason = _JUMPED
            return None
        self._total_uj += grown_uj
        self.reason = ""
        return self._total_uj

    def _zones(self) -> list[str]:
        """One folder a package: some processors show the same one by two ways, of which the MSR's goes first."""
        found: dict[str, str] = {}
        for entry in sorted(files.list_names(self._folder), key=lambda entry: ("mmio" in entry, entry)):
            if _PACKAGE.fullmatch(entry):
                name = files.read_text(f"{self._folder}/{entry}/name") or ""
                if name.startswith("package-"):
                    found.setdefault(name, f"{self._folder}/{entry}")
        return list(found.values())

    def _grown_uj(self, counts: dict[str, tuple[int, float]]) -> int | None:
        """What all packages used since the reading before; None where a counter can't be followed."""
        total_uj = 0
        for zone, (count_uj, now_s) in counts.items():
            before_uj, before_s = self._last.get(zone, (count_uj, now_s))
            range_uj = files.read_int(f"{zone}/max_energy_range_uj") or 0
            grown_uj = count_uj - before_uj
            if grown_uj < 0:
                grown_uj += range_uj
            most_uj = MOST_W * 1e6 * (now_s - before_s)
            if not 0 <= grown_uj <= most_uj or (range_uj and most_uj > range_uj):
                return None
            total_uj += grown_uj
        return total_uj
