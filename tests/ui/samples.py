"""Samples, views and palettes to show; their numbers are the tests' own."""

from dataclasses import replace

import numpy as np
from PySide6.QtGui import QColor, QPalette

from smoothtask_gui.domain.batch import Lost, SensorReading
from smoothtask_gui.domain.culprit import Culprits
from smoothtask_gui.domain.incident import Incident, Share
from smoothtask_gui.domain.sample import RATE, ExitedRate, Sample, SystemRates
from smoothtask_gui.domain.sensors import Limit
from smoothtask_gui.domain.store import Store
from smoothtask_gui.domain.view import View

SECOND_NS = 1_000_000_000
SYSTEM = SystemRates(
    cpus=4, cpu_busy_ratio=0.342, cpu_iowait_ratio=0.0, cpu_attributed_ratio=0.34, memory_total_bytes=32_000_000_000,
    memory_used_bytes=9_100_000_000, swap_used_bytes=0, disk_read_bps=12e6, disk_write_bps=0.0,
    network_received_bps=3.1e6, network_sent_bps=2e5, cpu_pressure_ratio=0.02, memory_pressure_ratio=0.0,
    io_pressure_ratio=0.0, on_battery=False,
)  # fmt: skip
NO_SYSTEM = SystemRates(4, *[None] * 14)
TCTL = SensorReading("k10temp/Tctl", "k10temp", "Tctl", "cpu", 71.0, None, 100.0)


def processes(*rows: tuple[int, str | bytes, float], uid: int = 1000, start_ns: int = 7) -> np.ndarray:
    """Rows of (pid, name, CPU ratio), ordered by pid; the other numbers follow from them."""
    table = np.zeros(len(rows), RATE)
    for place, (pid, name, cpu_ratio) in enumerate(sorted(rows)):
        table[place]["pid"] = pid
        table[place]["comm"] = name.encode() if isinstance(name, str) else name
        table[place]["cpu_ratio"] = cpu_ratio
        table[place]["rss_bytes"] = pid * 1e6
    table["uid"] = uid
    table["start_ns"] = start_ns
    table["threads"] = 1
    return table


def sample(table: np.ndarray | None = None, *, second: int = 1, **changes: object) -> Sample:
    """One interval of a second."""
    made = Sample(
        boottime_ns=second * SECOND_NS, realtime_ns=1_700_000_000 * SECOND_NS + second * SECOND_NS,
        interval_ns=SECOND_NS, source="helper", processes=processes((1, "init", 0.0)) if table is None else table,
        exited=(), system=SYSTEM, sensors=(TCTL,), lost=Lost(), unavailable={},
    )  # fmt: skip
    return replace(made, **changes)


def exited(comm: str, count: int, cpu_ratio: float) -> ExitedRate:
    return ExitedRate(comm, 1, 1000, count, cpu_ratio)


def view(shown: Sample | None, *, incidents: tuple[Incident, ...] = (), **changes: object) -> View:
    """The helper's view of `shown`."""
    made = View(
        source="helper", notice="", sample=shown, cpu_sensor=TCTL if shown else None,
        cpu_limit=Limit(100.0, is_critical=True) if shown else None, cpu_limit_reason="",
        culprits=lambda: Culprits(
            (Share("HandBrake", 0.71, None), Share("firefox", 0.12, None)), 0.17, 60 * SECOND_NS, 2.0
        ),
        open_incidents=incidents, recent_incidents=(), fill_ratio=0.5,
    )  # fmt: skip
    return replace(made, **changes)


def store(seconds: int = 30) -> Store:
    """As many samples as seconds, one second apart."""
    made = Store()
    for second in range(seconds):
        made.append(sample(second=second + 1))
    return made


def palette(*, dark: bool) -> QPalette:
    """A usual light or dark desktop palette."""
    if not dark:
        made = QPalette(QColor("#eff0f1"), QColor("#eff0f1"))
        made.setColor(QPalette.ColorRole.WindowText, QColor("#232629"))
        return made
    made = QPalette(QColor("#31363b"), QColor("#2a2e32"))
    made.setColor(QPalette.ColorRole.WindowText, QColor("#fcfcfc"))
    return made
