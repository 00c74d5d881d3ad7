"""What the activity tab is told each second while a person has switched opt-in probes on."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, auto
from typing import TYPE_CHECKING

from smoothtask_gui.domain.activity_rates import ActivityRates

if TYPE_CHECKING:
    from smoothtask_gui.domain.own_cost import ProbeUse


class Others(Enum):
    """Whether other users' processes and sums over all are wanted too, for which an administrator has to agree."""

    UNSEEN = auto()
    AGREED = auto()  # somebody agreed before: taken if that still holds, without a prompt
    ASKED_FOR = auto()  # a person clicked just now: a password may be asked for


@dataclass(frozen=True, slots=True)
class ActivityReading:
    """`reason`: why there is nothing, for people; `costs`: of the probes that were asked for, as last asked.

    `sees_all`: whether `rates` are those of all users' processes. `refusal`: why they aren't, though that was wanted.
    It comes alone; readings without that follow.
    """

    rates: ActivityRates = field(default_factory=ActivityRates)
    costs: tuple[ProbeUse, ...] = ()
    reason: str = ""
    sees_all: bool = False
    refusal: str = ""
