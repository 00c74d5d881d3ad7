"""What SmoothTask itself costs: two readings of its own counters in, what happened between them out.

Pure. What a kernel or helper doesn't count is None, never zero; a counter that ran backwards (the helper was restarted)
gives None once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from smoothtask_gui.domain.text import one_line

if TYPE_CHECKING:
    from collections.abc import Iterable

    from smoothtask_gui.domain.description import CacheCounts


@dataclass(frozen=True, slots=True)
class ProbeCost:
    """One eBPF probe, cumulative; counts are None where the kernel keeps none (kernel.bpf_stats_enabled).

    Of its maps alone: what they were reckoned to take before loading, what the kernel tells now, what they take when
    full; None where the helper doesn't say.
    """

    name: str
    state: str
    reason: str
    runs: int | None
    run_ns: int | None
    memory_bytes: int
    estimated_map_bytes: int | None = None
    map_bytes: int | None = None
    full_map_bytes: int | None = None

    @property
    def why(self) -> str:
        """The reason as one line, without the name before it, for where the name stands anyway."""
        return one_line(self.reason).removeprefix(f"{self.name}: ")

    @property
    def reckoned_map_bytes(self) -> tuple[int, int] | None:
        """What its maps were reckoned to take, empty and full; None where the helper doesn't say."""
        if self.estimated_map_bytes is None or self.full_map_bytes is None:
            return None
        return self.estimated_map_bytes, self.full_map_bytes

    @property
    def ns_per_event(self) -> float | None:
        """Mean run time; None where nothing is counted, or nothing happened."""
        return None if self.runs is None or self.run_ns is None or not self.runs else self.run_ns / self.runs


@dataclass(frozen=True, slots=True)
class HelperCost:
    """The sampler, cumulative (its bus property OwnCost)."""

    cpu_ns: int
    programs_ns: int | None  # of its eBPF programs: time of whoever triggered them
    resident_bytes: int
    kernel_bytes: int  # maps and programs
    uptime_ns: int
    streams: int
    probes: tuple[ProbeCost, ...]


@dataclass(frozen=True, slots=True)
class MapBytes:
    """Of the maps of all running probes: as the kernel tells now; as reckoned, empty and full."""

    now: int
    reckoned_empty: int
    reckoned_full: int


def map_bytes(probes: Iterable[ProbeCost]) -> MapBytes | None:
    """None unless one has maps and the helper has reckoned those of each that has."""
    found = [(probe.map_bytes, probe.reckoned_map_bytes) for probe in probes if probe.state == "running"]
    in_use = [(now, reckoned) for now, reckoned in found if now]  # energy has none
    known = [(now, *reckoned) for now, reckoned in in_use if reckoned is not None]
    return MapBytes(*map(sum, zip(*known, strict=True))) if known and len(known) == len(in_use) else None


@dataclass(frozen=True, slots=True)
class OwnReading:
    """Everything at one moment; `helper` is None with the reason."""

    boottime_ns: int
    app_cpu_ns: int
    app_resident_bytes: int | None
    app_wakeups: int  # voluntary context switches of all threads, getrusage(2)
    caches: tuple[tuple[str, CacheCounts], ...]  # what it remembers, how well
    history_bytes: int  # what the app keeps for graphs and culprits
    helper: HelperCost | None
    helper_reason: str = ""


@dataclass(frozen=True, slots=True)
class ProbeUse:
    """One probe between two readings; None where nothing is counted."""

    probe: ProbeCost
    events_per_s: float | None
    busy_ratio: float | None  # of one core


@dataclass(frozen=True, slots=True)
class OwnUse:
    """What happened between two readings; ratios are of one core."""

    app_busy_ratio: float | None
    app_wakeups_per_s: float | None
    helper_busy_ratio: float | None
    programs_busy_ratio: float | None
    probes: tuple[ProbeUse, ...]


def own_use(before: OwnReading | None, now: OwnReading) -> OwnUse:
    """The rates since `before`; all None without one."""
    if before is None:
        return OwnUse(None, None, None, None, tuple(probe_use(None, probe, 0) for probe in _probes(now.helper)))
    span_ns = now.boottime_ns - before.boottime_ns
    helper_busy, programs_busy = _helper(before.helper, now.helper, span_ns)
    seen = {probe.name: probe for probe in _probes(before.helper)}
    return OwnUse(
        app_busy_ratio=_rate(before.app_cpu_ns, now.app_cpu_ns, span_ns),
        app_wakeups_per_s=_per_s(before.app_wakeups, now.app_wakeups, span_ns),
        helper_busy_ratio=helper_busy,
        programs_busy_ratio=programs_busy,
        probes=tuple(probe_use(seen.get(probe.name), probe, span_ns) for probe in _probes(now.helper)),
    )


def _helper(before: HelperCost | None, now: HelperCost | None, span_ns: int) -> tuple[float | None, float | None]:
    """(busy ratio of the process, of its programs)."""
    if before is None or now is None or now.uptime_ns < before.uptime_ns:
        return None, None
    return _rate(before.cpu_ns, now.cpu_ns, span_ns), _rate(before.programs_ns, now.programs_ns, span_ns)


def _probes(helper: HelperCost | None) -> tuple[ProbeCost, ...]:
    return helper.probes if helper else ()


def probe_use(before: ProbeCost | None, now: ProbeCost, span_ns: int) -> ProbeUse:
    """What happened since `before`, unknown without one."""
    if before is None:
        return ProbeUse(now, None, None)
    return ProbeUse(now, _per_s(before.runs, now.runs, span_ns), _rate(before.run_ns, now.run_ns, span_ns))


def _rate(before: int | None, now: int | None, span_ns: int) -> float | None:
    if before is None or now is None or span_ns <= 0 or now < before:
        return None
    return (now - before) / span_ns


def _per_s(before: int | None, now: int | None, span_ns: int) -> float | None:
    rate = _rate(before, now, span_ns)
    return None if rate is None else rate * 1e9
