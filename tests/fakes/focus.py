"""A focus that the test moves."""

from __future__ import annotations

from dataclasses import dataclass

from smoothtask_gui.domain.focus import Focus


@dataclass
class FakeFocus:
    """`FocusPort`."""

    latest: Focus | None = None
    reason: str = ""


def windows(*pids: int, active: int | None = None, full_screen: bool = False) -> Focus:
    """All that a compositor may tell: who has windows, and which of them is in focus."""
    owners = {*pids, *((active,) if active is not None else ())}
    return Focus(True, active, full_screen, True, tuple(sorted(owners)))
