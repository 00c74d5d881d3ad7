"""Finds graphics cards in sysfs, without touching any: names, drivers and places are kept by the kernel itself.

DRM cards come from class/drm; a PCI display controller whose driver shows none there (NVIDIA's without modesetting,
one passed through to a virtual machine) is found on the bus. Order and keys follow the place, not card numbers, which
change with the order of driver loading.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Final

from smoothtask_gui.sources import files
from smoothtask_gui.sources.gpu.protocol import Card

if TYPE_CHECKING:
    from pathlib import Path

_CARD: Final = re.compile(r"card\d+")
_DISPLAY_CLASS: Final = "0x03"
"""PCI base class of display controllers (include/linux/pci_ids.h, PCI_BASE_CLASS_DISPLAY)."""
OWN_IDLE_TIME_MS: Final = 8000
"""NVIDIA's cards were seen to sleep 6 s after the last handle closed (D-Brox/cosmic-ext-applet-system-monitor#38)."""
_VENDORS: Final = {"0x1002": "AMD", "0x10de": "NVIDIA", "0x8086": "Intel", "0x1af4": "virtio", "0x1234": "QEMU"}
"""PCI ids of vendors (pci.ids)."""


def find_cards(sysfs_root: Path) -> tuple[Card, ...]:
    """All cards there are now, ordered by key."""
    found: dict[str, Card] = {}
    drm = f"{sysfs_root}/class/drm"
    for name in files.list_names(drm):
        if _CARD.fullmatch(name):
            device = os.path.realpath(f"{drm}/{name}/device")
            key = device.rpartition("/")[2]
            if key not in found and files.list_names(device):
                found[key] = _card(key, device, f"{drm}/{name}")
    bus = f"{sysfs_root}/bus/pci/devices"
    for key in files.list_names(bus):
        device = os.path.realpath(f"{bus}/{key}")
        if key not in found and (files.read_text(f"{device}/class") or "").startswith(_DISPLAY_CLASS):
            found[key] = _card(key, device, "")
    return tuple(found[key] for key in sorted(found))


def sleeps(card: Card) -> bool:
    """Whether the card is suspended or about to be; any question but this one would wake it."""
    return files.read_text(card.runtime_status_path) in ("suspended", "suspending")


def idle_time_ms(card: Card) -> int | None:
    """How long an idle card stays awake, None if it may not sleep at all (power/control "on", or no such file).

    A negative delay forbids sleeping too; a driver without autosuspend gives EIO and sleeps when it likes
    (Documentation/ABI/testing/sysfs-devices-power): OWN_IDLE_TIME_MS then.
    """
    if files.read_text(f"{card.device_path}/power/control") != "auto":
        return None
    delay_ms = files.read_int(f"{card.device_path}/power/autosuspend_delay_ms")
    if delay_ms is None:
        return OWN_IDLE_TIME_MS
    return delay_ms if delay_ms >= 0 else None


def drives_a_screen(card: Card) -> bool:
    """Whether one of its connectors is in use (drm_sysfs.c, enabled_show: asks no hardware): then it can't sleep."""
    names = files.list_names(card.card_path) if card.card_path else []
    return any(files.read_text(f"{card.card_path}/{name}/enabled") == "enabled" for name in names if "-" in name)


def _card(key: str, device: str, card_path: str) -> Card:
    driver = os.path.realpath(f"{device}/driver").rpartition("/")[2] if _is_link(f"{device}/driver") else ""
    vendor, model = files.read_text(f"{device}/vendor"), files.read_text(f"{device}/device")
    name = f"{_VENDORS.get(vendor, vendor)} {model.removeprefix('0x')}" if vendor and model else key
    return Card(key, driver, name, device, card_path)


def _is_link(path: str) -> bool:
    return os.path.islink(path)  # noqa: PTH114 - paths are text throughout
