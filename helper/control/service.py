"""What Control answers on the bus: the operations of resources/dbus/io.github.smoothtask.Control1.xml.

Each call on a process: resolve it (targets.py), refuse what is guarded (guards.py), ask polkit, look again, act.
"""

import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

from dbus_fast import Variant

from helper.bus import journal
from helper.bus.operations import Attempt, Caller, Question, Reply, Table
from helper.bus.quotas import CallRate
from helper.bus.serving import Place
from helper.bus.standard import Readers, StandardInterfaces
from helper.control import namespaces, units
from helper.control.deeds import DEEDS, OTHERS, OWN, Deed
from helper.control.guards import Guards
from helper.control.keeper import Keeper
from helper.control.leases import Leases
from helper.control.targets import Target
from helper.version import VERSION

NAME: Final = "io.github.smoothtask.Control1"
PATH: Final = "/io/github/smoothtask/Control1"
INTERFACE: Final = NAME
MOST_ACTIONS, ACTIONS_WINDOW_S = 25, 20.0
_UNIT_MESSAGE: Final = "Authentication is required to limit the CPU time of $(unit)"


class Control:
    """The service, apart from the bus connection."""

    def __init__(self, place: Place, keeper: Keeper, guards: Guards, rate: CallRate, interface_xml: str) -> None:
        self._place = place
        self._keeper = keeper
        self._guards = guards
        self._rate = rate
        self._units = units.Units(place.bus, guards)
        self.leases = Leases(keeper, self._stay)
        self.idle_since_s = time.monotonic()
        self.readers: Readers = {"Version": lambda: Variant("s", VERSION)}
        self.table: Table = {
            **{(INTERFACE, member): OnProcess(self, deed) for member, deed in DEEDS.items()},
            (INTERFACE, "LimitUnit"): OnUnit(self),
            **StandardInterfaces(INTERFACE, interface_xml, self.readers, OWN).rows(),
        }

    def is_needed(self) -> bool:
        """Whether something is paused."""
        return self.leases.count() > 0

    async def chores(self) -> None:
        """It has none."""

    def close(self) -> None:
        """Everything paused goes on."""
        self.leases.close()
        self._keeper.close()

    @asynccontextmanager
    async def attempt_on_process(self, deed: Deed, caller: Caller, body: Sequence[Any]) -> AsyncIterator[Attempt]:
        """Holds the process until the call is over."""
        pid, start_ns, *more = body
        deed.check(more)
        await self._admit(caller)
        target = Target(pid, start_ns)
        try:
            await self._guards.refuse_guarded(target)
            plan = deed.plan(self.leases, caller, target, more)

            async def act() -> Reply:
                await self._guards.refuse_guarded(target)
                target.look_again()
                reply = plan.do()
                self._note(caller, f"{deed.title}: {target} of {target.owner()}")
                return reply

            yield Attempt([Question(plan.action, _details(deed.title, target))], act)
        finally:
            target.close()

    @asynccontextmanager
    async def attempt_on_unit(self, caller: Caller, body: Sequence[Any]) -> AsyncIterator[Attempt]:
        """As for a process, with a unit of the system, which is nobody's own."""
        name, wanted = body[0], units.Limits(*body[1:])
        units.check(name, wanted)
        await self._admit(caller)
        unit = await self._units.find(name)

        async def act() -> Reply:
            await self._units.limit(unit, wanted)
            self._note(caller, f"LimitUnit: {unit.name}")
            return Reply("tt", (unit.limits.cpu_weight, unit.limits.cpu_quota_us))

        details = {"operation": "LimitUnit", "unit": unit.name, "polkit.message": _UNIT_MESSAGE}
        yield Attempt([Question(OTHERS, details)], act)

    async def _admit(self, caller: Caller) -> None:
        self._stay()
        self._rate.spend(caller.uid, time.monotonic())
        await namespaces.expect_machine_numbers(self._place.bus, caller)

    def _stay(self) -> None:
        self.idle_since_s = time.monotonic()

    def _note(self, caller: Caller, what: str) -> None:
        self._stay()
        journal.write(f"{what}; asked by {caller.name}, user {caller.uid}")


@dataclass(frozen=True, slots=True)
class OnProcess:
    """A row of the table whose authorization depends on whose process it is."""

    control: Control
    deed: Deed
    for_everyone: bool = False

    @property
    def signature(self) -> str:
        return f"ut{self.deed.signature}"

    def attempt(self, caller: Caller, body: Sequence[Any]) -> AbstractAsyncContextManager[Attempt]:
        return self.control.attempt_on_process(self.deed, caller, body)


@dataclass(frozen=True, slots=True)
class OnUnit:
    """The row of LimitUnit."""

    control: Control
    for_everyone: bool = False
    signature: str = "stt"

    def attempt(self, caller: Caller, body: Sequence[Any]) -> AbstractAsyncContextManager[Attempt]:
        return self.control.attempt_on_unit(caller, body)


def _details(title: str, target: Target) -> dict[str, str]:
    """What the prompt says: the action's message names each of them."""
    return {"operation": title, "pid": str(target.pid), "owner": target.owner(), "executable": target.program()}
