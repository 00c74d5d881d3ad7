"""How long `--seconds` is: of the items' own boot time, so that a recording ends where the live run would have."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smoothtask_gui.domain.batch import Batch

if TYPE_CHECKING:
    from smoothtask_gui.sources.protocol import Item


class Span:
    """Begins with the first batch; None is without end."""

    def __init__(self, seconds: float | None) -> None:
        self._length_ns = None if seconds is None else round(seconds * 1e9)
        self._start_ns: int | None = None

    def ends_before(self, item: Item) -> bool:
        """Whether this item lies past the end (a tick may come a tenth of a second late)."""
        if self._length_ns is None or not isinstance(item, Batch):
            return False
        if self._start_ns is None:
            self._start_ns = item.boottime_ns
        return item.boottime_ns - self._start_ns > self._length_ns + 100_000_000
