"""AMD's cards, through the sysfs files of the driver amdgpu (Documentation/gpu/amdgpu/thermal.rst, driver-misc.rst)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smoothtask_gui.sources import files
from smoothtask_gui.sources.gpu.protocol import CardUse

if TYPE_CHECKING:
    from smoothtask_gui.sources.gpu.protocol import Card


class AmdDriver:
    """Nothing is kept open between readings."""

    def read(self, card: Card) -> CardUse:
        """Read it now; older cards lack some files, which gives None."""
        device = card.device_path
        busy_percent = files.read_int(f"{device}/gpu_busy_percent")
        chip = hwmon_folder(device)
        power_uw = files.read_int(f"{chip}/power1_average")
        if power_uw is None:
            power_uw = files.read_int(f"{chip}/power1_input")  # APUs, and cards from the 7000 series on
        clock_hz = files.read_int(f"{chip}/freq1_input")
        millidegrees = files.read_int(f"{chip}/temp1_input")
        return CardUse(
            busy_ratio=None if busy_percent is None else min(1.0, busy_percent / 100),
            memory_used_bytes=files.read_int(f"{device}/mem_info_vram_used"),
            memory_total_bytes=files.read_int(f"{device}/mem_info_vram_total"),
            power_w=None if power_uw is None else power_uw / 1e6,
            frequency_mhz=None if clock_hz is None else clock_hz / 1e6,
            temperature_c=None if millidegrees is None else millidegrees / 1000,
        )

    def release(self) -> None:
        """Nothing is held."""


def hwmon_folder(device_path: str) -> str:
    """The card's own sensor chip; a path with nothing in it if it has none."""
    folder = f"{device_path}/hwmon"
    names = files.list_names(folder)
    return f"{folder}/{names[0]}" if names else folder
