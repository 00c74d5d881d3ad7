"""The core that decides: items of a source in, effects out, nothing performed.

`Monitor` is deterministic: the same items and commands in the same order give the same effects, on a live machine and
on a recording. It never reads a clock; time is what the items say.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from smoothtask_gui.domain.culprit import Culprits
from smoothtask_gui.domain.rates import rates
from smoothtask_gui.domain.store import Store
from smoothtask_gui.domain.view import View

if TYPE_CHECKING:
    from smoothtask_gui.domain.batch import Batch, KernelEvent
    from smoothtask_gui.domain.effects import Effect
    from smoothtask_gui.domain.incident import Incident
    from smoothtask_gui.domain.rules import Rules
    from smoothtask_gui.domain.sample import Sample


class Monitor:
    """Judges what a source yields by `rules`."""

    def __init__(self, rules: Rules, store: Store | None = None) -> None:
        self._rules = rules
        self._store = store if store is not None else Store()
        self._previous: Batch | None = None
        self._sample: Sample | None = None

    @property
    def rules(self) -> Rules:
        return self._rules

    @property
    def sample(self) -> Sample | None:
        """The latest sample; None until two batches of one source have come."""
        return self._sample

    @property
    def incidents(self) -> tuple[Incident, ...]:
        """Open ones first, then the recently resolved, each newest first."""
        return ()

    @property
    def store(self) -> Store:
        return self._store

    def receive_batch(self, batch: Batch) -> tuple[Effect, ...]:
        """Judge one tick."""
        if self._previous is not None:
            self._sample = rates(self._previous, batch)
            if self._sample is not None:
                self._store.append(self._sample)
        self._previous = batch
        return ()

    def receive_event(self, event: KernelEvent) -> tuple[Effect, ...]:
        """Judge what the kernel said between two ticks, at once."""
        return ()

    def source_changed(self, source: str, reason: str) -> tuple[Effect, ...]:
        """Readings come from elsewhere (or nowhere, "none") now: rates start afresh."""
        self._previous = self._sample = None
        return ()

    def snooze(self, target: str | int, until_boottime_ns: int) -> tuple[Effect, ...]:
        """No notifications of a rule (name) or of an incident's rule and subject (id) until then."""
        return ()

    def dismiss(self, incident_id: int) -> tuple[Effect, ...]:
        """The person has seen it: no more notifications of this incident."""
        return ()

    def set_rules(self, rules: Rules) -> tuple[Effect, ...]:
        """Judge by other rules from now on; incidents of a rule that was switched off end."""
        self._rules = rules
        return ()

    def view(self) -> View:
        """One frozen picture for the user interface."""
        return View("", "", self._sample, None, None, "", Culprits(), (), (), None)
