"""What a graphics card says of itself at one moment, raw; `Batch.gpus` is made of these.

Counters are cumulative, as the kernel keeps them; what a driver gives as a ratio already stays one. None is missing.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class GpuState(StrEnum):
    """Of a card's power, from power/runtime_status (Documentation/ABI/testing/sysfs-devices-power)."""

    ACTIVE = "active"
    ASLEEP = "asleep"  # suspended: it isn't asked anything, since that would wake it
    RESTING = "resting"  # idle when last asked, and left alone so that it can fall asleep


@dataclass(frozen=True, slots=True)
class EngineUse:
    """How long one process kept one kind of engine busy (Documentation/gpu/drm-usage-stats.rst).

    `busy` is in ns where `total` is None (drm-engine-*), else both are cycles of the engine's own clock (drm-cycles-*
    of drm-total-cycles-*). `capacity` is how many such engines the card has.
    """

    engine: str
    busy: int
    total: int | None = None
    capacity: int = 1


@dataclass(frozen=True, slots=True)
class GpuUse:
    """One process's part of a card. `ratio` (0..1) where the driver gives no counters but a share of its own."""

    pid: int
    start_ns: int  # rounded down to a clock tick, as /proc has it
    memory_bytes: int | None = None
    ratio: float | None = None
    engines: tuple[EngineUse, ...] = ()


@dataclass(frozen=True, slots=True)
class GpuReading:
    """One card. `key` is where it is plugged in (PCI slot, or the device tree's name): stable over reboots.

    `busy_ratio` is the driver's own; memory is the card's own (VRAM). `reason` says, in words for people, why values
    are missing, "" if none is.
    """

    key: str
    driver: str
    name: str
    state: str  # a GpuState
    boottime_ns: int
    busy_ratio: float | None = None
    memory_used_bytes: int | None = None
    memory_total_bytes: int | None = None
    power_w: float | None = None
    energy_uj: int | None = None
    frequency_mhz: float | None = None
    temperature_c: float | None = None
    processes: tuple[GpuUse, ...] = ()
    reason: str = ""
