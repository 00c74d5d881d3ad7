"""What each graph of the overview draws: a row of numbers of the store, and how they are said.

Pure but for translated words: from `View` and `Store` to one `Picture` a card.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QCoreApplication

from smoothtask_gui.domain.store import Series, Store
from smoothtask_gui.ui import formats
from smoothtask_gui.ui.graph import Floats, Picture

if TYPE_CHECKING:
    from smoothtask_gui.domain.sample import SystemRates
    from smoothtask_gui.domain.view import View

_TEMPERATURE_FLOOR_C = 20.0
_TEMPERATURE_TOP_C = 100.0


def pictures(view: View, store: Store) -> dict[str, Picture]:
    """One picture for each of cpu, memory, disk, network, temperature, pressure."""
    age_s = ages(store)
    system = view.sample.system if view.sample else None
    return {
        "cpu": _cpu(system, store, age_s),
        "memory": _memory(system, store, age_s),
        "disk": _disk(system, store, age_s),
        "network": _network(system, store, age_s),
        "temperature": _temperature(view, store, age_s),
        "pressure": _pressure(system, store, age_s),
    }


def ages(store: Store) -> Floats:
    """Seconds from each point of the store to its newest, shape (len(store),)."""
    times_ns = store.times_ns
    return (times_ns[-1] - times_ns) / 1e9 if len(times_ns) else np.empty(0)


def _curves(store: Store, *series: Series) -> tuple[Floats, ...]:
    return tuple(store.series(each).astype(np.float64) for each in series)


def _cpu(system: SystemRates | None, store: Store, age_s: Floats) -> Picture:
    value = formats.percent(system.cpu_busy_ratio if system else None)
    if system and system.package_watts is not None:
        value = f"{value} · {formats.watts(system.package_watts)}"
    return Picture(age_s, _curves(store, Series.CPU_BUSY_RATIO), value)


def _memory(system: SystemRates | None, store: Store, age_s: Floats) -> Picture:
    total = system.memory_total_bytes if system else None
    value = formats.size_of(system.memory_used_bytes, total) if system else formats.MISSING
    top = float(total) if total else None
    return Picture(age_s, _curves(store, Series.MEMORY_USED_BYTES), value, top=top)


def _disk(system: SystemRates | None, store: Store, age_s: Floats) -> Picture:
    curves = _curves(store, Series.DISK_READ_BPS, Series.DISK_WRITE_BPS)
    if system is None:
        return Picture(age_s, curves, formats.MISSING)
    if system.disk_read_bps is None and system.disk_write_bps is None:
        reason = QCoreApplication.translate("Cards", "The kernel reports no disk here (/proc/diskstats).")
        return Picture(age_s, curves, formats.MISSING, unavailable=reason)
    return Picture(age_s, curves, formats.rate_pair(system.disk_read_bps, system.disk_write_bps, "{} / {}"))


def _network(system: SystemRates | None, store: Store, age_s: Floats) -> Picture:
    curves = _curves(store, Series.NETWORK_RECEIVED_BPS, Series.NETWORK_SENT_BPS)
    if system is None:
        return Picture(age_s, curves, formats.MISSING)
    if system.network_received_bps is None and system.network_sent_bps is None:
        reason = QCoreApplication.translate("Cards", "The kernel reports no network interface here (/proc/net/dev).")
        return Picture(age_s, curves, formats.MISSING, unavailable=reason)
    value = formats.rate_pair(system.network_received_bps, system.network_sent_bps, "↓ {}  ↑ {}")
    return Picture(age_s, curves, value)


def _temperature(view: View, store: Store, age_s: Floats) -> Picture:
    curves = _curves(store, Series.CPU_TEMPERATURE_C)
    sensor, limit = view.cpu_sensor, view.cpu_limit
    if sensor is None or sensor.temperature_c is None:
        reason = sensor.reason if sensor else ""
        if view.sample and not reason:
            reason = QCoreApplication.translate("Cards", "No sensor here reports the temperature of the CPU.")
        return Picture(age_s, curves, formats.MISSING, unavailable=reason)
    limit_c = limit.temperature_c if limit else None
    shown = [part[np.isfinite(part)] for part in curves]
    peak = max((float(part.max()) for part in shown if len(part)), default=0.0)
    top = max(limit_c + 10 if limit_c else _TEMPERATURE_TOP_C, math.ceil((peak + 1) / 10) * 10)
    label = QCoreApplication.translate("Cards", "limit {value}").format(value=formats.celsius(limit_c)) if limit else ""
    return Picture(age_s, curves, formats.celsius(sensor.temperature_c), limit_c, label, top=top)


def _pressure(system: SystemRates | None, store: Store, age_s: Floats) -> Picture:
    curves = _curves(store, Series.CPU_PRESSURE_RATIO, Series.MEMORY_PRESSURE_RATIO, Series.IO_PRESSURE_RATIO)
    if system is None:
        return Picture(age_s, curves, formats.MISSING)
    named = (
        (system.cpu_pressure_ratio, QCoreApplication.translate("Cards", "CPU")),
        (system.memory_pressure_ratio, QCoreApplication.translate("Cards", "memory")),
        (system.io_pressure_ratio, QCoreApplication.translate("Cards", "disk")),
    )
    known = [(ratio, name) for ratio, name in named if ratio is not None]
    if not known:
        reason = QCoreApplication.translate(
            "Cards", "This kernel keeps no pressure values (no /proc/pressure; boot with psi=1 if it has them)."
        )
        return Picture(age_s, curves, formats.MISSING, unavailable=reason)
    ratio, name = max(known, key=lambda entry: entry[0])
    return Picture(age_s, curves, formats.percent(ratio) if not ratio else f"{formats.percent(ratio)} {name}")
