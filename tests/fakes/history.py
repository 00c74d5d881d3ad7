"""A history that remembers in memory what it was given, and samples to give to a real one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smoothtask_gui.domain.apps import AppGrouper
from smoothtask_gui.domain.rates import rates
from tests.fakes.batches import SECOND

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smoothtask_gui.domain.incident import Incident
    from smoothtask_gui.domain.sample import Sample
    from tests.fakes.batches import Machine


def samples(machine: Machine, count: int, seconds: float = 1.0) -> Iterator[Sample]:
    """The next samples of a machine, apps included; boot time begins at whole seconds of the wall clock."""
    grouper, previous = AppGrouper(), machine.tick(seconds)
    for _ in range(count):
        batch = machine.tick(seconds)
        sample = rates(previous, batch)
        previous = batch
        if sample is not None:
            yield grouper.group(sample)


def at_s(sample: Sample) -> float:
    """When a sample ended, in seconds since 1970."""
    return sample.realtime_ns / SECOND


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
