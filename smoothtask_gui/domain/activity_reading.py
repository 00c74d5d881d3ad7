"""What the activity tab is told each second while a person has switched opt-in probes on."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from smoothtask_gui.domain.activity_rates import ActivityRates

if TYPE_CHECKING:
    from smoothtask_gui.domain.own_cost import ProbeUse


@dataclass(frozen=True, slots=True)
class ActivityReading:
    """`reason`: why there is nothing, for people; `costs`: of the probes that were asked for, as last asked."""

    rates: ActivityRates = field(default_factory=ActivityRates)
    costs: tuple[ProbeUse, ...] = ()
    reason: str = ""
