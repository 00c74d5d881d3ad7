"""What the user interface shows: one frozen picture of the monitor's state.

The window, the tray and the command line draw a `View` and nothing else, so that none of them keeps a state of its
own that could grow stale. It is made by `Monitor.view()` and costs no more than its few references.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from smoothtask_gui.domain.incident import Severity
from smoothtask_gui.domain.sensors import NO_OWN_LIMITS, OwnLimits, cpu_sensor, limit_of, no_limit_reason

if TYPE_CHECKING:
    from collections.abc import Callable

    from smoothtask_gui.domain.batch import SensorReading
    from smoothtask_gui.domain.culprit import Culprits
    from smoothtask_gui.domain.incident import Incident
    from smoothtask_gui.domain.sample import Sample
    from smoothtask_gui.domain.sensors import Limit


@dataclass(frozen=True, slots=True)
class View:
    """The state after the latest item.

    `sample` is None until two batches of one source have come, and again after the source changed: what was shown
    before is not live. `fill_ratio` is for the tray's ring: 0..1, None while nothing is known.
    """

    source: str  # "helper", "procfs", "none"; "" before the first item
    notice: str  # why the source is what it is, "" if there is nothing to say
    sample: Sample | None
    cpu_sensor: SensorReading | None
    cpu_limit: Limit | None
    cpu_limit_reason: str  # why cpu_limit is None, "" if it isn't
    culprits: Callable[[], Culprits]  # added up when asked for: most views are drawn by the tray alone
    open_incidents: tuple[Incident, ...]  # newest first
    recent_incidents: tuple[Incident, ...]  # resolved, newest first, bounded
    fill_ratio: float | None
    own_limits: OwnLimits = NO_OWN_LIMITS  # the rule's

    @property
    def worst(self) -> Severity | None:
        """The highest severity among the open incidents, None while all is well."""
        severities = {incident.severity for incident in self.open_incidents}
        return next((level for level in (Severity.CRITICAL, Severity.WARNING) if level in severities), None)


_COOL_C: Final = 40.0
"""Where the ring begins to fill: below it no desktop processor is under load."""


def make_view(
    *,
    source: str,
    notice: str,
    sample: Sample | None,
    culprits: Callable[[], Culprits],
    open_incidents: tuple[Incident, ...],
    recent_incidents: tuple[Incident, ...],
    own_limits: OwnLimits = NO_OWN_LIMITS,
) -> View:
    """A view of this state, with the processor's sensor and its limit picked out of the sample."""
    sensor = cpu_sensor(sample.sensors) if sample else None
    limit = limit_of(sensor, own_limits) if sensor else None
    reason = ""
    if limit is None and sample is not None:
        reason = (
            "No sensor of the processor's temperature was found."
            if sensor is None
            else no_limit_reason(sensor, own_limits)
        )
    return View(
        source=source,
        notice=notice,
        sample=sample,
        cpu_sensor=sensor,
        cpu_limit=limit,
        cpu_limit_reason=reason,
        culprits=culprits,
        open_incidents=open_incidents,
        recent_incidents=recent_incidents,
        own_limits=own_limits,
        fill_ratio=_fill_ratio(sample, sensor, limit),
    )


def _fill_ratio(sample: Sample | None, sensor: SensorReading | None, limit: Limit | None) -> float | None:
    """The larger of CPU busy and of how far the processor is on the way from _COOL_C to its own limit."""
    if sample is None:
        return None
    ratios = [] if sample.system.cpu_busy_ratio is None else [sample.system.cpu_busy_ratio]
    if sensor is not None and sensor.temperature_c is not None and limit is not None and limit.temperature_c > _COOL_C:
        ratios.append((sensor.temperature_c - _COOL_C) / (limit.temperature_c - _COOL_C))
    return min(1.0, max(0.0, *ratios)) if ratios else None
