"""What the core wants done; performed at the edges, never by the core."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from smoothtask_gui.domain.choices import Choices
    from smoothtask_gui.domain.incident import Incident


@dataclass(frozen=True, slots=True)
class Notify:
    """Show this incident, replacing an earlier notification of the same incident id."""

    incident: Incident


@dataclass(frozen=True, slots=True)
class Withdraw:
    """Take the notification of this incident back without a word."""

    incident_id: int


@dataclass(frozen=True, slots=True)
class Record:
    """Put this state of the incident into the history (firing, after each deed, resolved)."""

    incident: Incident


@dataclass(frozen=True, slots=True)
class Remember:
    """Keep what the person chose (snoozes, what is expected) for the next start."""

    choices: Choices


Effect = Notify | Withdraw | Record | Remember
