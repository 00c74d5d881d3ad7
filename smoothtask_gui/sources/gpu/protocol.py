"""What a driver's reader is given and what it gives: the one protocol of all cards."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Card:
    """A graphics card as sysfs shows it without being asked anything that could wake it."""

    key: str  # where it is plugged in: PCI slot, or the device tree's name
    driver: str  # the kernel module's name, "" without one
    name: str
    device_path: str
    card_path: str = ""  # below class/drm, "" for a card that no DRM driver shows

    @property
    def runtime_status_path(self) -> str:
        return f"{self.device_path}/power/runtime_status"


@dataclass(frozen=True, slots=True)
class ProcessUse:
    """A process's use of a card in the driver's own words."""

    pid: int
    memory_bytes: int | None
    ratio: float | None


@dataclass(frozen=True, slots=True)
class CardUse:
    """What the driver says of a card now; None is what it doesn't tell, with `reason` for people if that is all."""

    busy_ratio: float | None = None
    memory_used_bytes: int | None = None
    memory_total_bytes: int | None = None
    power_w: float | None = None
    energy_uj: int | None = None
    frequency_mhz: float | None = None
    temperature_c: float | None = None
    name: str = ""  # better than the card's own, "" if not
    processes: tuple[ProcessUse, ...] = ()
    reason: str = ""


class CardDriver(Protocol):
    """Reads one kind of card. Not asked while the card sleeps."""

    def read(self, card: Card) -> CardUse:
        """Read it now; what fails is None, never an exception."""

    def release(self) -> None:
        """Let go of everything that could keep a card awake; the next `read` opens it again."""
