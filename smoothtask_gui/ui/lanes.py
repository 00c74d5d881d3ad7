"""What the time line draws: its graphs and their scales, its gaps, the stretches in between."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from PySide6.QtCore import QCoreApplication

from smoothtask_gui.domain.history.series import CPU, MEMORY, MEMORY_TOTAL, TEMPERATURE
from smoothtask_gui.domain.incident import IncidentState
from smoothtask_gui.ui import formats

if TYPE_CHECKING:
    from smoothtask_gui.domain.history.answers import Line
    from smoothtask_gui.domain.incident import Incident
    from smoothtask_gui.ui.graph import Floats

_NS: Final = 1_000_000_000
_ROOM: Final = 1.5
"""Points this many lengths apart have a gap between them."""

_LEAST_GAP_S: Final = 2.0
_COOL_C, _HOT_C = 20.0, 100.0


@dataclass(frozen=True, slots=True)
class Lane:
    """One graph: which series, its name, and the ends of its scale."""

    series: int
    title: str
    floor: float
    top: float
    top_text: str
    missing: str  # what to say where no value is known in the whole span


def lanes(line: Line) -> tuple[Lane, ...]:
    """The graphs, from top to bottom."""
    totals, hottest = line.means[:, MEMORY_TOTAL], line.peaks[:, TEMPERATURE]
    total = float(np.nanmax(totals)) if np.isfinite(totals).any() else 1.0
    top_c = max(_HOT_C, float(np.nanmax(hottest)) if np.isfinite(hottest).any() else 0.0)
    no_sensor = QCoreApplication.translate("Timeline", "No sensor reported the temperature of the CPU.")
    none = QCoreApplication.translate("Timeline", "Not known in this time.")
    heat = QCoreApplication.translate("Timeline", "CPU temperature")
    memory = QCoreApplication.translate("Timeline", "Memory")
    return (
        Lane(TEMPERATURE, heat, _COOL_C, top_c, formats.celsius(top_c), no_sensor),
        Lane(CPU, QCoreApplication.translate("Timeline", "CPU"), 0.0, 1.0, formats.percent(1.0), none),
        Lane(MEMORY, memory, 0.0, total, formats.size(total), none),
    )


def gaps(line: Line, since_s: float, until_s: float) -> list[tuple[float, float]]:
    """The stretches in which nothing was recorded."""
    if not len(line):
        return [(since_s, until_s)]
    begins = np.concatenate(([since_s], np.maximum.accumulate(line.start_s + line.length_s)))
    ends = np.concatenate((line.start_s, [until_s]))
    least_s = np.maximum(_LEAST_GAP_S, np.concatenate((line.length_s, line.length_s[-1:])) * _ROOM)
    return [(float(begins[at]), float(ends[at])) for at in np.flatnonzero(ends - begins > least_s)]


def runs(line: Line, values: Floats) -> list[slice]:
    """Stretches of successive points with a value and no gap between them."""
    present = np.isfinite(values)
    if not present.any():
        return []
    apart_s = line.start_s[1:] - (line.start_s[:-1] + line.length_s[:-1])
    joined = present[1:] & present[:-1] & (apart_s <= np.maximum(_LEAST_GAP_S, line.length_s[1:] * _ROOM))
    first = np.flatnonzero(present & np.concatenate(([True], ~joined)))
    last = np.flatnonzero(present & np.concatenate((~joined, [True])))
    return [slice(int(a), int(b) + 1) for a, b in zip(first, last, strict=True)]


def end_s(incident: Incident, until_s: float) -> float:
    """Where an incident ended, `until_s` for one that goes on; its beginning where nobody recorded the end."""
    began_s = incident.started_realtime_ns / _NS
    if incident.resolved_boottime_ns is not None:
        return began_s + (incident.resolved_boottime_ns - incident.started_boottime_ns) / _NS
    return began_s if incident.state is IncidentState.RESOLVED else until_s
