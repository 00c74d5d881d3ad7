"""What the processor packages have used: RAPL through the kernel's `power` unit (arch/x86/events/rapl.c).

/sys/class/powercap shows the same counters to root alone, since fine-grained energy betrays what others compute
(CVE-2020-8694). So they are read here, where it takes CAP_PERFMON, and told coarsely: at most once in each second, in
whole tenths of a joule. Streams are for active sessions only; to them the sum of the whole machine is shown. Nothing
runs between two readings. Virtual machines have no such unit: then the probe is unavailable.
"""

from __future__ import annotations

import os
import struct
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from helper.loaders.errors import LoaderError
from helper.probes.activity import Table, Whose
from helper.probes.probe import ProbeCost

if TYPE_CHECKING:
    from collections.abc import Callable

SECTION_ENERGY: Final = 23
ENERGY: Final = struct.Struct("@IIQQ")  # struct st_energy
STEP_UJ: Final = 100_000
SECOND_NS: Final = 10**9
SLACK_NS: Final = 2_000_000
"""A tick may come so much before its second (helper/sampler/schedule.py)."""


class Counters(Protocol):
    """helper.loaders.perf_events.PerfEvents."""

    def open(self, unit: int, event: int, cpu: int) -> int: ...

    def read(self, fd: int) -> int: ...


class Energy:
    """The probe `energy`."""

    name = "energy"

    def __init__(
        self,
        counters: Counters,
        sysfs_root: Path = Path("/sys"),
        clock_ns: Callable[[], int] = lambda: time.clock_gettime_ns(time.CLOCK_BOOTTIME),
    ) -> None:
        self._counters = counters
        self._unit = sysfs_root / "bus" / "event_source" / "devices" / "power"
        self._clock_ns = clock_ns
        self._packages: list[int] = []
        self._joules_per_count = 0.0
        self._row = b""
        self._second = -1

    def open(self) -> None:
        """One counter a package, on the CPU that the kernel names. Raises LoaderError."""
        try:
            unit, event = int(self._text("type")), self._event()
            self._joules_per_count = float(self._text("events/energy-pkg.scale"))
            cpus = _cpus(self._text("cpumask"))
        except ValueError as error:
            hint = f"the kernel describes the package's counter in an unknown way: {error}"
            raise LoaderError(self.name, "open", 0, hint=hint) from error
        try:
            for cpu in cpus:
                self._packages.append(self._counters.open(unit, event, cpu))
        except LoaderError as reason:
            self.close()
            raise LoaderError(self.name, reason.step, reason.errno, hint=reason.hint) from reason

    def close(self) -> None:
        while self._packages:
            os.close(self._packages.pop())
        self._row, self._second = b"", -1

    def cost(self) -> ProbeCost:
        """Counters in hardware: no program, no map."""
        return ProbeCost(None, None, 0)

    def tables(self) -> tuple[Table, ...]:
        """One row, `struct st_energy`; the latest reading again if this second has had one. Raises LoaderError."""
        now_ns = self._clock_ns()
        second = (now_ns + SLACK_NS) // SECOND_NS
        if second != self._second:
            joules = sum(map(self._counters.read, self._packages)) * self._joules_per_count
            energy_uj = int(joules * 1e6) // STEP_UJ * STEP_UJ
            self._row, self._second = ENERGY.pack(len(self._packages), 0, now_ns, energy_uj), second
        return (Table(SECTION_ENERGY, ENERGY.size, self._row, Whose.EVERYBODYS),)

    def lost(self) -> int:
        return 0

    def forget_idle(self) -> None:
        """Nothing is kept."""

    def _event(self) -> int:
        """Of event=0x02: Documentation/ABI/testing/sysfs-bus-event_source-devices-events."""
        return int(self._text("events/energy-pkg").removeprefix("event="), 0)

    def _text(self, name: str) -> str:
        try:
            return (self._unit / name).read_text(encoding="ascii").strip()
        except OSError as error:
            hint = "the kernel shows no RAPL counter of packages here (usual in virtual machines)"
            raise LoaderError(self.name, "hardware", error.errno or 0, hint=hint) from error


def _cpus(mask: str) -> list[int]:
    """Of 0,8 or 0-1, as cpumask files have it."""
    found: list[int] = []
    for part in mask.split(","):
        first, _, last = part.partition("-")
        found += range(int(first), int(last or first) + 1)
    return found
