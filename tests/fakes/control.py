"""Control that only remembers; stands in for `adapters/control_client.py`."""

from smoothtask_gui.adapters.process_control import ControlError
from smoothtask_gui.domain.incident import ProcessIdentity
from smoothtask_gui.domain.priority import Priority


class FakeControl:
    """Answers as if everything had been normal before; refuses when `refusal` says why."""

    def __init__(self) -> None:
        self.done: list[tuple[object, ...]] = []
        self.refusal = ""
        self.is_closed = False
        self.before = Priority(0)

    def _do(self, *what: object) -> None:
        if self.refusal:
            raise ControlError(self.refusal)
        self.done.append(what)

    async def pause(self, who: ProcessIdentity, duration_s: int) -> int:
        self._do("pause", who.pid, duration_s)
        return 1

    async def resume(self, who: ProcessIdentity) -> None:
        self._do("resume", who.pid)

    async def terminate(self, who: ProcessIdentity) -> None:
        self._do("terminate", who.pid)

    async def kill(self, who: ProcessIdentity) -> None:
        self._do("kill", who.pid)

    async def set_priority(self, who: ProcessIdentity, wanted: Priority) -> Priority:
        self._do("priority", who.pid, wanted)
        return self.before

    async def limit_unit(self, unit: str, cpu_weight: int, cpu_quota_us: int) -> tuple[int, int]:
        self._do("limit", unit, cpu_weight, cpu_quota_us)
        return (2**64 - 1, 2**64 - 1)

    async def close(self) -> None:
        self.is_closed = True
