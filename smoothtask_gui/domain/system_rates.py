"""The machine-wide part of a sample: differences of /proc's counters over their own time stamps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smoothtask_gui.domain.sample import SystemRates

if TYPE_CHECKING:
    from smoothtask_gui.domain.batch import SystemReading


def system_rates(previous: SystemReading, current: SystemReading, attributed_cores: float | None) -> SystemRates:
    """The rates between two readings; `attributed_cores` is what the processes add up to, 1.0 = one core.

    Ratios are of all CPUs over boot time, like the processes' own, so that both compare: the larger count of CPUs
    holds where one went on- or offline. A counter that is missing or ran backwards gives None.
    """
    seconds = (current.boottime_ns - previous.boottime_ns) / 1e9
    cpus = max(previous.cpus, current.cpus)

    def per_second(before: int | None, now: int | None) -> float | None:
        if before is None or now is None or now < before or seconds <= 0:
            return None
        return (now - before) / seconds

    def share(before: int | None, now: int | None, units_per_s: float) -> float | None:
        rate = per_second(before, now)
        return None if rate is None or units_per_s <= 0 else min(1.0, rate / units_per_s)

    return SystemRates(
        cpus=current.cpus,
        cpu_busy_ratio=share(previous.cpu_busy_ns, current.cpu_busy_ns, cpus * 1e9),
        cpu_iowait_ratio=share(previous.cpu_iowait_ns, current.cpu_iowait_ns, cpus * 1e9),
        cpu_attributed_ratio=None if attributed_cores is None or cpus <= 0 else attributed_cores / cpus,
        memory_total_bytes=current.memory_total_bytes,
        memory_used_bytes=_used(current.memory_total_bytes, current.memory_available_bytes),
        swap_used_bytes=_used(current.swap_total_bytes, current.swap_free_bytes),
        disk_read_bps=per_second(previous.disk_read_bytes, current.disk_read_bytes),
        disk_write_bps=per_second(previous.disk_write_bytes, current.disk_write_bytes),
        network_received_bps=per_second(previous.network_received_bytes, current.network_received_bytes),
        network_sent_bps=per_second(previous.network_sent_bytes, current.network_sent_bytes),
        cpu_pressure_ratio=share(previous.cpu_pressure_us, current.cpu_pressure_us, 1e6),
        memory_pressure_ratio=share(previous.memory_pressure_us, current.memory_pressure_us, 1e6),
        io_pressure_ratio=share(previous.io_pressure_us, current.io_pressure_us, 1e6),
        on_battery=current.on_battery,
        package_watts=_watts(previous, current),
        unix_sockets=current.unix_sockets,
    )


def most_run_ns(previous: SystemReading, current: SystemReading, interval_ns: int) -> float:
    """The CPU time that the machine can have given in the interval, with slack: what exceeds it is no reading.

    Slack: snapshots take time (up to 250 ms with 8,000 processes) and /proc counts in ticks of 10 ms.
    """
    return max(previous.cpus, current.cpus, 1) * (interval_ns * 1.1 + 0.3e9)


def _watts(previous: SystemReading, current: SystemReading) -> float | None:
    """None also where `current` has no newer reading than `previous`, or one read another way."""
    before_uj, now_uj = previous.package_energy_uj, current.package_energy_uj
    if (previous.package_energy_ns is None) != (current.package_energy_ns is None):
        return None
    before_ns = previous.boottime_ns if previous.package_energy_ns is None else previous.package_energy_ns
    now_ns = current.boottime_ns if current.package_energy_ns is None else current.package_energy_ns
    if before_uj is None or now_uj is None or now_uj < before_uj or now_ns <= before_ns:
        return None
    return (now_uj - before_uj) * 1e3 / (now_ns - before_ns)


def _used(total: int | None, free: int | None) -> int | None:
    return None if total is None or free is None or free > total else total - free
