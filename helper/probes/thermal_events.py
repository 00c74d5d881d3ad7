"""Temperatures, crossed trip points, cooling; the reader of bpf/thermal_events.bpf.c.

Which of the three tracepoints a kernel has depends on its configuration, so each may be missing; without any the
probe fails. They fire for thermal zones only: a driver that offers just hwmon is not heard here.
"""

from __future__ import annotations

from helper.probes.events import RareEvents


class ThermalEvents(RareEvents):
    """The probe `thermal_events`."""

    name = "thermal_events"
