"""All graphics cards at one moment: an ordered table of drivers, and the rule that no card is woken or kept awake.

power/runtime_status is read first: a card that sleeps isn't asked anything and no handle to it is kept. A question
itself counts as use and starts the driver's own idle time anew, so a card that may sleep and was idle when last asked
is left alone for twice that time: it falls asleep in between, or has found something to do (which DRM fdinfo tells,
without touching the card). A card that drives a screen doesn't sleep and is asked every time.

May block in drivers for milliseconds (NVML's start: some 100 ms), so callers read off their event loop.
"""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from smoothtask_gui.domain.gpu_reading import GpuReading, GpuState, GpuUse
from smoothtask_gui.sources.gpu.amd import AmdDriver
from smoothtask_gui.sources.gpu.cards import drives_a_screen, find_cards, idle_time_ms, sleeps
from smoothtask_gui.sources.gpu.clients import DrmClients, start_ns_of
from smoothtask_gui.sources.gpu.intel import IntelDriver
from smoothtask_gui.sources.gpu.nvidia import NvidiaDriver
from smoothtask_gui.sources.gpu.other import OtherDriver
from smoothtask_gui.sources.gpu.protocol import CardUse

if TYPE_CHECKING:
    from collections.abc import Callable

    from smoothtask_gui.sources.gpu.protocol import Card, CardDriver

LOOK_NS: Final = 10_000_000_000
"""How often class/drm and the bus are looked through for cards that came or went."""
_IDLE_RATIO: Final = 0.0
_ASLEEP: Final = "It sleeps; asking would wake it."
_RESTING: Final = "It was idle when last asked, and is left alone so that it can fall asleep."
_ONLY_OWN: Final = "Only your own processes' use of it can be read, and none of them uses it."


def usual_drivers() -> tuple[tuple[str, CardDriver], ...]:
    """(pattern of the kernel driver's name, reader); the first row that matches the whole name wins."""
    return (
        (r"amdgpu|radeon", AmdDriver()),
        (r"i915|xe", IntelDriver()),
        (r"nvidia", NvidiaDriver()),
        (r".*", OtherDriver()),
    )


class GpuReader:
    """Remembers cards, clients and who is resting. `boottime_ns` is a clock, `uid` whose processes may be read."""

    def __init__(
        self,
        sysfs_root: Path = Path("/sys"),
        proc_root: Path = Path("/proc"),
        drivers: tuple[tuple[str, CardDriver], ...] | None = None,
        uid: int | None = None,
        boottime_ns: Callable[[], int] = lambda: time.clock_gettime_ns(time.CLOCK_BOOTTIME),
    ) -> None:
        self._sysfs, self._proc = sysfs_root, proc_root
        self._drivers = usual_drivers() if drivers is None else drivers
        self._clients = DrmClients(proc_root, uid)
        self._boottime_ns = boottime_ns
        self._cards: tuple[Card, ...] = ()
        self._looked_ns: int | None = None
        self._rests_until_ns: dict[str, int] = {}
        self._engine_counts: dict[str, int] = {}

    def has_none(self) -> bool:
        """Whether there is no card that could be asked; looking for them asks none."""
        now_ns = self._boottime_ns()
        if self._looked_ns is None or now_ns - self._looked_ns >= LOOK_NS:
            self._looked_ns, self._cards = now_ns, find_cards(self._sysfs)
        return not self._cards

    def read(self) -> tuple[GpuReading, ...]:
        """All cards now, ordered by key; empty where there is none."""
        if self.has_none():
            return ()
        now_ns = self._boottime_ns()
        clients = self._clients.read(now_ns)
        asked: set[int] = set()
        readings = []
        for card in self._cards:
            driver = self._driver_of(card)
            uses = clients.get(card.key) or clients.get(card.driver, ())
            state = self._state(card, uses, now_ns)
            if state is GpuState.ACTIVE:
                asked.add(id(driver))
                use = driver.read(card)
                self._rest_if_idle(card, use, now_ns)
            else:
                use = CardUse(reason=_ASLEEP if state is GpuState.ASLEEP else _RESTING)
            readings.append(self._reading(card, state, use, uses, now_ns))
        for _, driver in self._drivers:
            if id(driver) not in asked:
                driver.release()
        return tuple(readings)

    def close(self) -> None:
        """Let go of all handles; the next `read` opens them again."""
        for _, driver in self._drivers:
            driver.release()

    def _driver_of(self, card: Card) -> CardDriver:
        return next(driver for pattern, driver in self._drivers if re.fullmatch(pattern, card.driver))

    def _state(self, card: Card, uses: tuple[GpuUse, ...], now_ns: int) -> GpuState:
        count = sum(engine.busy for use in uses for engine in use.engines)
        works = count > self._engine_counts.get(card.key, count)
        self._engine_counts[card.key] = count
        if sleeps(card):
            self._rests_until_ns.pop(card.key, None)
            return GpuState.ASLEEP
        if not works and now_ns < self._rests_until_ns.get(card.key, now_ns):
            return GpuState.RESTING
        return GpuState.ACTIVE

    def _rest_if_idle(self, card: Card, use: CardUse, now_ns: int) -> None:
        self._rests_until_ns.pop(card.key, None)
        if (use.busy_ratio or 0.0) > _IDLE_RATIO or drives_a_screen(card):
            return
        delay_ms = idle_time_ms(card)
        if delay_ms is not None:
            self._rests_until_ns[card.key] = now_ns + 2 * max(delay_ms, 1000) * 1_000_000

    def _reading(self, card: Card, state: GpuState, use: CardUse, uses: tuple[GpuUse, ...], now_ns: int) -> GpuReading:
        processes = self._named(use) or uses
        reason = use.reason
        if state is GpuState.ACTIVE and use.busy_ratio is None:
            reason = "" if any(process.engines for process in processes) else reason or _ONLY_OWN
        return GpuReading(
            key=card.key,
            driver=card.driver,
            name=use.name or card.name,
            state=state.value,
            boottime_ns=now_ns,
            busy_ratio=use.busy_ratio,
            memory_used_bytes=use.memory_used_bytes,
            memory_total_bytes=use.memory_total_bytes,
            power_w=use.power_w,
            energy_uj=use.energy_uj,
            frequency_mhz=use.frequency_mhz,
            temperature_c=use.temperature_c,
            processes=processes,
            reason=reason,
        )

    def _named(self, use: CardUse) -> tuple[GpuUse, ...]:
        """The driver's own list, with start times; who has ended meanwhile is left out."""
        found = ((process, start_ns_of(self._proc, process.pid)) for process in use.processes)
        return tuple(
            GpuUse(process.pid, start_ns, process.memory_bytes, process.ratio)
            for process, start_ns in found
            if start_ns is not None
        )
