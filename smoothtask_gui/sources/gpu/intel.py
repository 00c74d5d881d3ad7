"""Intel's cards, through sysfs of the drivers i915 and xe.

Neither tells without privileges how busy a card is: that is the sum of what DRM fdinfo says of one's own processes
(domain/gpu_rates.py). Clock: i915 gt/gt0/rps_act_freq_mhz (older: gt_act_freq_mhz), xe tile0/gt0/freq0/act_freq; a
clock of 0 is an engine that is switched off (RC6). Power of discrete cards: hwmon energy1_input, cumulative µJ
(Documentation/ABI/testing/sysfs-driver-intel-i915-hwmon, sysfs-driver-intel-xe-hwmon).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from smoothtask_gui.sources import files
from smoothtask_gui.sources.gpu.amd import hwmon_folder
from smoothtask_gui.sources.gpu.protocol import CardUse

if TYPE_CHECKING:
    from smoothtask_gui.sources.gpu.protocol import Card

_CLOCKS: Final = (
    "{card}/gt/gt0/rps_act_freq_mhz",  # i915, gt/intel_gt_sysfs_pm.c
    "{card}/gt_act_freq_mhz",
    "{device}/tile0/gt0/freq0/act_freq",
)


class IntelDriver:
    """Nothing is kept open between readings."""

    def read(self, card: Card) -> CardUse:
        """Read it now."""
        paths = (path.format(card=card.card_path, device=card.device_path) for path in _CLOCKS)
        clocks_mhz = (files.read_int(path) for path in paths)
        clock_mhz = next((clock for clock in clocks_mhz if clock is not None), None)
        energy_uj = files.read_int(f"{hwmon_folder(card.device_path)}/energy1_input")
        return CardUse(
            energy_uj=energy_uj,
            frequency_mhz=None if clock_mhz is None else float(clock_mhz),
        )

    def release(self) -> None:
        """Nothing is held."""
