"""What the app wants of a history: to take things in at once and never fail."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from smoothtask_gui.domain.incident import Incident
    from smoothtask_gui.domain.sample import Sample


class History(Protocol):
    """Every method returns at once, from any thread, and raises nothing; trouble is told by other ways."""

    def record(self, sample: Sample) -> None:
        """Keep what this sample says."""

    def append(self, incident: Incident) -> None:
        """Keep this state of an incident."""

    def append_failure(self, message: str, realtime_ns: int) -> None:
        """Keep what went wrong inside the app itself."""

    def close(self) -> bool:
        """Write what waits and end; whether that was done in time. This one may take some seconds."""
