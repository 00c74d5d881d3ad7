"""Reads temperatures with their limits through `hwmon.find_channels`.

A sensor that can't be read stays in the list with the reason, so that it shows as a gap and not as nothing. A limit
that no silicon could mean (0 °C, 65261 °C) is none. A sleeping graphics card isn't read: that would wake it. Reading
may block for milliseconds in slow drivers (i2c, disks), so callers do it off their event loop, unless `is_prompt` says
that there is none of these.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

from smoothtask_gui.domain.batch import SensorReading
from smoothtask_gui.sources import files, hwmon

if TYPE_CHECKING:
    from collections.abc import Callable

LIMIT_RANGE_C: Final = (40.0, 150.0)
"""Below: acpitz tables with 20 °C trips; above: NVMe's 65261.85 °C for "no limit" (0xffff K)."""
READING_RANGE_C: Final = (-60.0, 200.0)
"""Outside lie a sensor's own error values (-273, -128, 255)."""

IN_PROCESSOR: Final = frozenset({"coretemp", "k8temp", "k10temp", "zenpower", "x86_pkg_temp"})
"""Drivers that answer from a register of the processor (MSR, its own PCI functions): microseconds, no bus between."""

_REASONS: Final = {
    errno.EIO: "the device did not answer its driver (EIO)",
    errno.ENODATA: "the driver has no reading at the moment (ENODATA)",
    errno.EAGAIN: "the driver has no reading yet (EAGAIN)",
    errno.EACCES: "only the administrator may read it (EACCES)",
    errno.EPERM: "only the administrator may read it (EPERM)",
    errno.ENODEV: "the device was removed (ENODEV)",
    errno.ENOENT: "the device was removed (ENOENT)",
}


class SensorReader:
    """Remembers channels and limits; looks for new devices when the classes' entries change.

    `kind_of(driver)` gives the kind shown to people ("cpu", "gpu", "disk", …).
    """

    def __init__(self, kind_of: Callable[[str], str], sysfs_root: Path = Path("/sys")) -> None:
        self._kind_of = kind_of
        self._root = sysfs_root
        self._entries: tuple[str, ...] | None = None
        self._channels: tuple[hwmon.Channel, ...] = ()
        self._limits: dict[str, tuple[float | None, float | None]] = {}
        self._has_found = False  # since the last reading

    def is_prompt(self) -> bool:
        """Whether a `read` now would ask no device but the processor itself."""
        self._find()
        self._has_found = True
        return all(channel.driver in IN_PROCESSOR for channel in self._channels)

    def read(self) -> tuple[SensorReading, ...]:
        """Read all sensors now, in a stable order."""
        if not self._has_found:
            self._find()
        self._has_found = False
        return tuple(map(self._read, self._channels))

    def _find(self) -> None:
        """Look which there are; none is asked for that."""
        entries = hwmon.class_entries(self._root)
        if entries != self._entries:
            self._entries = entries
            self._channels = hwmon.find_channels(self._root)
            self._limits.clear()

    def _read(self, channel: hwmon.Channel) -> SensorReading:
        temperature_c, reason = self._temperature(channel)
        limits = self._limits.get(channel.key, (None, None))
        return SensorReading(
            key=channel.key,
            driver=channel.driver,
            label=channel.label,
            kind=self._kind_of(channel.driver),
            temperature_c=temperature_c,
            max_c=limits[0],
            critical_c=limits[1],
            reason=reason,
        )

    def _temperature(self, channel: hwmon.Channel) -> tuple[float | None, str]:
        """Return (degrees, "") or (None, why not)."""
        if channel.runtime_status_path:
            state = files.read_text(channel.runtime_status_path)
            if state in ("suspended", "suspending"):
                return None, "the graphics card sleeps; reading would wake it"
        try:
            text = files.read_bytes(channel.input_path)
            temperature_c = int(text) / 1000
        except OSError as error:
            if error.errno in (errno.ENODEV, errno.ENOENT):
                self._entries = None  # the number may be another device's next time
            code = errno.errorcode.get(error.errno or 0, str(error.errno))
            return None, _REASONS.get(error.errno or 0, f"{os.strerror(error.errno or 0)} ({code})")
        except ValueError:
            return None, f"the driver gives no number: {text[:20]!r}"
        if channel.key not in self._limits:
            self._limits[channel.key] = (_limit(channel.max_paths), _limit(channel.critical_paths))
        if channel.fault_path and files.read_int(channel.fault_path):
            return None, "the chip reports a faulty or missing sensor"
        if not READING_RANGE_C[0] <= temperature_c <= READING_RANGE_C[1]:
            return None, f"the driver gives {temperature_c:g} °C, which no sensor can mean"
        return temperature_c, ""


def _limit(paths: tuple[str, ...]) -> float | None:
    """First plausible limit, °C."""
    for path in paths:
        millidegrees = files.read_int(path)
        if millidegrees is not None and LIMIT_RANGE_C[0] <= millidegrees / 1000 <= LIMIT_RANGE_C[1]:
            return millidegrees / 1000
    return None
