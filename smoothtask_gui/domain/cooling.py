"""Which cooling devices slow the processor down, by the type they register with the kernel."""

from __future__ import annotations

import re
from typing import Final

# drivers/acpi/processor_thermal.c ("Processor"), drivers/thermal/cpufreq_cooling.c ("cpufreq-*"; before 5.12
# "thermal-cpufreq-N"), drivers/thermal/cpuidle_cooling.c ("cpuidle-*", before that "thermal-idle-N"),
# drivers/thermal/intel/intel_powerclamp.c.
_PROCESSOR: Final = re.compile(r"Processor|cpufreq-.*|thermal-cpufreq-.*|cpuidle-.*|thermal-idle-.*|intel_powerclamp")


def is_processor_cooling(device_type: str) -> bool:
    """Whether a target state above 0 of this device means that the processor is throttled; a fan's doesn't."""
    return _PROCESSOR.fullmatch(device_type) is not None
