"""What the user interface shows: one frozen picture of the monitor's state.

The window, the tray and the command line draw a `View` and nothing else, so that none of them keeps a state of its
own that could grow stale. It is made by `Monitor.view()` and costs no more than its few references.
"""

from __future__ import annotations

from dataclasses import dataclass

from smoothtask_gui.domain.incident import Incident, Severity
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from smoothtask_gui.domain.sensors import Limit
    from smoothtask_gui.domain.sample import Sample
    from smoothtask_gui.domain.culprit import Culprits
    from smoothtask_gui.domain.batch import SensorReading


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
    culprits: Culprits
    open_incidents: tuple[Incident, ...]  # newest first
    recent_incidents: tuple[Incident, ...]  # resolved, newest first, bounded
    fill_ratio: float | None

    @property
    def worst(self) -> Severity | None:
        """The highest severity among the open incidents, None while all is well."""
        severities = {incident.severity for incident in self.open_incidents}
        return next((level for level in (Severity.CRITICAL, Severity.WARNING) if level in severities), None)
