"""Finds temperature channels: chips of /sys/class/hwmon and zones of /sys/class/thermal.

Only finding happens here, no temperature or limit is read: that could wake a sleeping device. A key survives reboots,
which hwmonN and thermal_zoneN don't (numbers follow the order of driver loading): it is made of the driver's name,
the part of the device's path that tells where it is plugged in, and the channel's label.

Sources: Documentation/hwmon/sysfs-interface.rst, Documentation/ABI/testing/sysfs-class-thermal.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from smoothtask_gui.sources import files

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_INPUT: Final = re.compile(r"temp(\d+)_input")
_NUMBERED: Final = re.compile(
    r"nvme\d*|host\d+|target[\d:]+|\d+:\d+:\d+:\d+|ieee80211|phy\d+|hwmon\d*|thermal(_zone\d+)?"
)
"""Path parts that count devices in the order in which they were found; what stands before them says where they sit."""
_DISPLAY_CLASS: Final = "0x03"
"""PCI base class of display controllers (include/linux/pci_ids.h, PCI_BASE_CLASS_DISPLAY)."""


@dataclass(frozen=True, slots=True)
class Channel:
    """Where one temperature is read; paths of limits in order of preference."""

    key: str
    driver: str
    label: str
    input_path: str
    fault_path: str = ""
    runtime_status_path: str = ""  # of a graphics card, which a reading would wake
    max_paths: tuple[str, ...] = ()
    critical_paths: tuple[str, ...] = ()


def find_channels(sysfs_root: Path) -> tuple[Channel, ...]:
    """Find all channels now, each with a key of its own."""
    seen: Counter[str] = Counter()
    found = []
    for channel in (*_chips(f"{sysfs_root}/class/hwmon"), *_zones(f"{sysfs_root}/class/thermal")):
        seen[channel.key] += 1
        count = seen[channel.key]
        found.append(channel if count == 1 else replace(channel, key=f"{channel.key}#{count}"))
    return tuple(found)


def class_entries(sysfs_root: Path) -> tuple[str, ...]:
    """What the two classes hold: another answer means that a device came or went."""
    zones = [name for name in files.list_names(f"{sysfs_root}/class/thermal") if name.startswith("thermal_zone")]
    return (*files.list_names(f"{sysfs_root}/class/hwmon"), *zones)


def _chips(folder: str) -> Iterator[Channel]:
    for name in sorted(files.list_names(folder), key=_number):
        chip = f"{folder}/{name}"
        device = os.path.realpath(f"{chip}/device")
        if re.fullmatch(r"thermal_zone\d+", os.path.basename(device)):  # noqa: PTH119 - path is text throughout
            continue  # a zone's own mirror (thermal_hwmon.c); the zone knows its trip points
        driver = files.read_text(f"{chip}/name") or "unknown"
        place = place_of(device)
        status = _gpu_runtime_status(device)
        # Drivers older than hwmon_device_register_with_groups keep their files one level below.
        where = chip if any(map(_INPUT.fullmatch, files.list_names(chip))) else f"{chip}/device"
        inputs = sorted(filter(_INPUT.fullmatch, files.list_names(where)), key=_number)
        for input_name in inputs:
            stem = f"{where}/{input_name.removesuffix('_input')}"
            label = files.read_text(f"{stem}_label") or input_name.removesuffix("_input")
            yield Channel(
                key=f"{driver}/{place}/{label}",
                driver=driver,
                label=label,
                input_path=f"{where}/{input_name}",
                fault_path=f"{stem}_fault",
                runtime_status_path=status,
                max_paths=(f"{stem}_max",),
                critical_paths=(f"{stem}_crit", f"{stem}_emergency"),
            )


def _zones(folder: str) -> Iterator[Channel]:
    for name in sorted(files.list_names(folder), key=_number):
        if not name.startswith("thermal_zone"):
            continue
        zone = f"{folder}/{name}"
        driver = files.read_text(f"{zone}/type") or "unknown"
        trips = _trips(zone)
        yield Channel(
            key=f"{driver}/{place_of(os.path.realpath(f'{zone}/device'))}/zone",
            driver=driver,
            label=driver,
            input_path=f"{zone}/temp",
            max_paths=(*trips.get("hot", ()), *trips.get("passive", ())),
            critical_paths=tuple(trips.get("critical", ())),
        )


def _trips(zone: str) -> dict[str, list[str]]:
    """Paths of trip point temperatures by type ("critical", "hot", "passive", "active")."""
    trips: dict[str, list[str]] = {}
    for name in sorted(files.list_names(zone), key=_number):
        if re.fullmatch(r"trip_point_\d+_type", name):
            kind = files.read_text(f"{zone}/{name}") or ""
            trips.setdefault(kind, []).append(f"{zone}/{name.removesuffix('_type')}_temp")
    return trips


def _number(name: str) -> tuple[int, str]:
    found = re.search(r"\d+", name)
    return (int(found.group()) if found else -1, name)


def place_of(device: str) -> str:
    """Last part of a device's path that says where it sits; "" for devices that have none."""
    if not os.path.isdir(device):  # noqa: PTH112 - path is text throughout
        return ""
    return next((part for part in reversed(device.split("/")) if part and not _NUMBERED.fullmatch(part)), "")


def _gpu_runtime_status(device: str) -> str:
    """Path of the power state of the graphics card that `device` belongs to; "" if it belongs to none."""
    while device not in ("", "/"):
        pci_class = files.read_text(f"{device}/class")
        if pci_class is not None:
            return f"{device}/power/runtime_status" if pci_class.startswith(_DISPLAY_CLASS) else ""
        device = device.rpartition("/")[0]
    return ""
