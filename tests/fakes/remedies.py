"""Remedies that only remember; stand in for `adapters/remedies.py`."""

from smoothtask_gui.adapters.process_control import ControlError
from smoothtask_gui.domain.incident import Action
from smoothtask_gui.domain.target import Target


class FakeRemedies:
    """Does nothing; `done` is what it was asked. Refuses when `refusal` says why."""

    def __init__(self) -> None:
        self.done: list[tuple[Action, Target]] = []
        self.refusal = ""

    async def apply(self, action: Action, target: Target) -> str:
        if self.refusal:
            raise ControlError(self.refusal)
        self.done.append((action, target))
        return f"{target.name}: {action}."

    async def undo_leftovers(self) -> str:
        return ""

    async def close(self) -> None:
        pass
