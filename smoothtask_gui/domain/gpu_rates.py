"""From two readings of each graphics card to how busy it and its processes were in between.

A process is as busy as its busiest kind of engine: engines work side by side, so adding them up would exceed what
the card can do. Where a driver doesn't say how busy a card is, the busiest engine's sum over the processes that may
be read is shown, and `method` says so. Counters that ran backwards, processes that weren't there before and cards that
slept give None.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from smoothtask_gui.domain.gpu_reading import GpuState

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy.typing as npt

    from smoothtask_gui.domain.activity_rates import GpuUserRates
    from smoothtask_gui.domain.gpu_reading import EngineUse, GpuReading, GpuUse

BY_DRIVER: Final = "the driver's own count"
BY_PROCESSES: Final = "the sum of the processes that may be read"
TICK_NS: Final = 10_000_000
"""/proc rounds a start time down to this (USER_HZ is 100 on every architecture, include/asm-generic/param.h)."""


@dataclass(frozen=True, slots=True)
class GpuProcessRate:
    """One process on one card; `ratio` 0..1 of its busiest engine."""

    pid: int
    start_ns: int
    ratio: float | None
    memory_bytes: int | None
    engines: dict[str, float]  # 0..1 each


@dataclass(frozen=True, slots=True)
class GpuRates:
    """One card in this interval; ratios 0..1. The other fields are those of `GpuReading`."""

    key: str
    driver: str
    name: str
    state: str
    busy_ratio: float | None
    method: str  # how busy_ratio was found, "" if it wasn't
    engines: dict[str, float]
    memory_used_bytes: int | None
    memory_total_bytes: int | None
    power_w: float | None
    frequency_mhz: float | None
    temperature_c: float | None
    processes: tuple[GpuProcessRate, ...]
    reason: str


def gpu_rates(previous: Iterable[GpuReading], current: Iterable[GpuReading]) -> tuple[GpuRates, ...]:
    """One row a card of `current`, in its order."""
    before = {reading.key: reading for reading in previous}
    return tuple(_card(before.get(reading.key), reading) for reading in current)


def gpu_ratios(gpus: Iterable[GpuRates], rows: npt.NDArray[np.void]) -> npt.NDArray[np.float64]:
    """Per row (with pid and start_ns, ordered by pid) the use of the card it uses most, NaN where no card tells."""
    found = np.full(len(rows), np.nan)
    for card in gpus:
        for process in card.processes:
            at = int(np.searchsorted(rows["pid"], process.pid))
            if process.ratio is None or at == len(rows) or rows["pid"][at] != process.pid:
                continue
            if 0 <= int(rows["start_ns"][at]) - process.start_ns < TICK_NS:
                found[at] = np.fmax(found[at], process.ratio)
    return found


def with_jobs(
    ratios: npt.NDArray[np.float64], rows: npt.NDArray[np.void], users: Iterable[GpuUserRates]
) -> npt.NDArray[np.float64]:
    """`ratios` of `rows` (ordered by pid); where no card tells, at most 1 of what the scheduler of cards saw."""
    found = ratios.copy()
    for user in users:
        at = int(np.searchsorted(rows["pid"], user.pid))
        if at < len(rows) and (rows["pid"][at], rows["start_ns"][at]) == (user.pid, user.start_ns):
            found[at] = min(1.0, user.busy_ratio) if np.isnan(found[at]) else found[at]
    return found


def _card(before: GpuReading | None, now: GpuReading) -> GpuRates:
    span_ns = now.boottime_ns - before.boottime_ns if before else 0
    seen = {(use.pid, use.start_ns): use for use in before.processes} if before and span_ns > 0 else {}
    processes = tuple(_process(seen.get((use.pid, use.start_ns)), use, span_ns) for use in now.processes)
    engines: dict[str, float] = {}
    for process in processes:
        for engine, ratio in process.engines.items():
            engines[engine] = min(1.0, engines.get(engine, 0.0) + ratio)
    busy_ratio, method = now.busy_ratio, BY_DRIVER if now.busy_ratio is not None else ""
    if busy_ratio is None and engines and now.state == GpuState.ACTIVE:
        busy_ratio, method = max(engines.values()), BY_PROCESSES
    return GpuRates(
        key=now.key,
        driver=now.driver,
        name=now.name,
        state=now.state,
        busy_ratio=busy_ratio,
        method=method,
        engines=engines,
        memory_used_bytes=now.memory_used_bytes,
        memory_total_bytes=now.memory_total_bytes,
        power_w=now.power_w if now.power_w is not None else _watts(before, now, span_ns),
        frequency_mhz=now.frequency_mhz,
        temperature_c=now.temperature_c,
        processes=processes,
        reason=now.reason,
    )


def _process(before: GpuUse | None, now: GpuUse, span_ns: int) -> GpuProcessRate:
    engines: dict[str, float] = {}
    if before is not None:
        seen = {use.engine: use for use in before.engines}
        for use in now.engines:
            ratio = _engine(seen.get(use.engine), use, span_ns)
            if ratio is not None:
                engines[use.engine] = ratio
    ratio = now.ratio if now.ratio is not None else max(engines.values(), default=None)
    return GpuProcessRate(now.pid, now.start_ns, ratio, now.memory_bytes, engines)


def _engine(before: EngineUse | None, now: EngineUse, span_ns: int) -> float | None:
    if before is None or now.busy < before.busy or (now.total is None) != (before.total is None):
        return None
    span = span_ns if now.total is None or before.total is None else now.total - before.total
    if span <= 0:
        return None
    return min(1.0, (now.busy - before.busy) / (span * max(1, now.capacity)))


def _watts(before: GpuReading | None, now: GpuReading, span_ns: int) -> float | None:
    if before is None or before.energy_uj is None or now.energy_uj is None or span_ns <= 0:
        return None
    used_uj = now.energy_uj - before.energy_uj
    return used_uj * 1000 / span_ns if used_uj >= 0 else None
