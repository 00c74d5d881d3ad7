"""A history that remembers in memory what it was given."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from smoothtask_gui.domain.incident import Incident
    from smoothtask_gui.domain.sample import Sample


class FakeHistory:
    """The `History` port."""

    def __init__(self) -> None:
        self.samples: list[Sample] = []
        self.incidents: list[Incident] = []
        self.failures: list[tuple[str, int]] = []
        self.is_closed = False

    def record(self, sample: Sample) -> None:
        self.samples.append(sample)

    def append(self, incident: Incident) -> None:
        self.incidents.append(incident)

    def append_failure(self, message: str, realtime_ns: int) -> None:
        self.failures.append((message, realtime_ns))

    def close(self) -> bool:
        self.is_closed = True
        return True
