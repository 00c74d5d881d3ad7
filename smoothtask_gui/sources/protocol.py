"""The one port through which readings enter the app.

helper stream, /proc and recordings all implement `Source`; nothing downstream knows which it has.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from smoothtask_gui.domain.batch import Batch, KernelEvent

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator


@dataclass(frozen=True, slots=True)
class SourceChanged:
    """The readings come from elsewhere now. `reason` is for people; rates start afresh."""

    source: str  # "helper", "procfs" or "none"
    reason: str


class SourceError(Exception):
    """A source can't be opened or went away; the message says what, why and what can be done."""


Item = Batch | KernelEvent | SourceChanged


class Source(Protocol):
    """Where batches come from."""

    @property
    def name(self) -> str:
        """One of "helper", "procfs" or "recording"."""

    def items(self, period_ms: int) -> AsyncGenerator[Item]:
        """Yield batches every `period_ms` and events as they happen.

        The iterator ends when a recording ends. Raises SourceError when the source can't go on. Closing the
        iterator (aclose) releases everything it holds.
        """

    async def change_period(self, period_ms: int) -> None:
        """Go on with another period on the open iterator; without one, or for a recording, nothing happens.

        Where the source can't, the iterator ends with a SourceError, and opening it again has the new period.
        """
