"""Puts where the focus is into each batch, so that it is judged, and recorded, with what was measured then."""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING

from smoothtask_gui.domain.batch import Batch

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from smoothtask_gui.domain.focus import FocusPort
    from smoothtask_gui.sources.protocol import Item, Source


class FocusSource:
    """`Source` over another one."""

    def __init__(self, inner: Source, focus: FocusPort) -> None:
        self._inner, self._focus = inner, focus

    @property
    def name(self) -> str:
        return self._inner.name

    async def items(self, period_ms: int) -> AsyncGenerator[Item]:
        """Yield all items of the other source; it ends, and raises SourceError, when that one does."""
        async with aclosing(self._inner.items(period_ms)) as items:
            async for item in items:
                yield self._with_focus(item) if isinstance(item, Batch) else item

    async def change_period(self, period_ms: int) -> None:
        await self._inner.change_period(period_ms)

    def _with_focus(self, batch: Batch) -> Batch:
        reason = self._focus.reason
        unavailable = {**batch.unavailable, "focus": reason} if reason else batch.unavailable
        return replace(batch, focus=self._focus.latest, unavailable=unavailable)
