"""The machine-wide part of a sample: differences of /proc's counters over their own time stamps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smoothtask_gui.domain.sample import DiskRates, SystemRates

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smoothtask_gui.domain.batch import SystemReading


def system_rates(previous: SystemReading, current: SystemReading, attributed_cores: float | None) -> SystemRates:
    """The rates between two readings; `attributed_cores` is what the processes add up to, 1.0 = one core.

    Ratios are of all CPUs over boot time, like the processes' own, so that both compare: the larger count of CPUs
    holds where one went on- or offline. A counter that is missing or ran backwards gives None.
    """
    seconds = (current.boottime_ns - previous.boottime_ns) / 1e9
    cpus = max(previous.cpus, current.cpus)

    def per_second(before: int | None, now: int | None) -> float | None:
        return _grown(before, now, seconds)

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
        memory_full_pressure_ratio=share(previous.memory_full_pressure_us, current.memory_full_pressure_us, 1e6),
        io_full_pressure_ratio=share(previous.io_full_pressure_us, current.io_full_pressure_us, 1e6),
        swap_free_bytes=current.swap_free_bytes,
        swap_in_bps=per_second(previous.swap_in_bytes, current.swap_in_bytes),
        swap_out_bps=per_second(previous.swap_out_bytes, current.swap_out_bytes),
        forks_per_s=per_second(previous.forks, current.forks),
        major_faults_per_s=per_second(previous.major_faults, current.major_faults),
        throttled_ratio=share(previous.throttled_ms, current.throttled_ms, 1e3),
        disks=tuple(disk_rates(previous, current, seconds)),
    )


def disk_rates(previous: SystemReading, current: SystemReading, seconds: float) -> Iterator[DiskRates]:
    """Each disk of `current`, in its order. A disk that came back with lower counters is another one: no rates yet."""
    before = {disk.name: disk for disk in previous.disks}
    for disk in current.disks:
        old = before.get(disk.name)
        if old is None or seconds <= 0 or disk.requests < old.requests or disk.busy_ms < old.busy_ms:
            yield DiskRates(disk.name, None, None, None, None, None, disk.in_flight, None)
            continue
        requests = disk.requests - old.requests
        waited_ms = disk.waited_ms - old.waited_ms
        yield DiskRates(
            name=disk.name,
            read_bps=(disk.read_bytes - old.read_bytes) / seconds if disk.read_bytes >= old.read_bytes else None,
            write_bps=(disk.write_bytes - old.write_bytes) / seconds if disk.write_bytes >= old.write_bytes else None,
            requests_per_s=requests / seconds,
            wait_ms=waited_ms / requests if requests and waited_ms >= 0 else None,
            busy_ratio=min(1.0, (disk.busy_ms - old.busy_ms) / 1e3 / seconds),
            in_flight=disk.in_flight,
            flushes_per_s=_grown(old.flushes, disk.flushes, seconds),
        )


def most_run_ns(previous: SystemReading, current: SystemReading, interval_ns: int) -> float:
    """The CPU time that the machine can have given in the interval, with slack: what exceeds it is no reading.

    Slack: snapshots take time (up to 250 ms with 8,000 processes) and /proc counts in ticks of 10 ms.
    """
    return max(previous.cpus, current.cpus, 1) * (interval_ns * 1.1 + 0.3e9)


def _grown(before: int | None, now: int | None, seconds: float) -> float | None:
    return None if before is None or now is None or now < before or seconds <= 0 else (now - before) / seconds


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
