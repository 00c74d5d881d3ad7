"""Limits on system units, through systemd: SetUnitProperties with runtime=true (org.freedesktop.systemd1(5)).

No process is moved and no file written: systemd changes its own control group, and forgets the change at the next boot.
A unit that holds something guarded (guards.py) is refused, slices above it included: a bus that gets no CPU time is a
lost machine.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from dbus_fast import Message, Variant
from dbus_fast.aio import MessageBus

from helper.bus import connection, errors
from helper.bus.errors import Refusal
from helper.control.guards import Guards

UNCHANGED: Final = 0
NO_LIMIT: Final = 2**64 - 1  # systemd's own word for it, in both properties
_HEAVIEST: Final = 10_000  # CPUWeight: systemd.resource-control(5)
_SMALLEST_QUOTA_US, _LARGEST_QUOTA_US = 10_000, 10_000_000_000  # a second: 1 % of a CPU to 10,000 CPUs
_NEVER: Final = frozenset(
    {"-.slice", "system.slice", "init.scope", "dbus.service", "dbus-broker.service", "polkit.service"}
    | {"systemd-logind.service", "display-manager.service", "smoothtask-sampler.service", "smoothtask-control.service"}
)
"""Guarded by name too: what is found by control group is only as good as what /proc tells of those."""

_UNIT_NAME: Final = re.compile(r"(?P<name>[A-Za-z0-9:_.@\\-]{1,240})\.(?P<kind>service|scope|slice)")  # systemd.unit(5)
_MANAGER: Final = "org.freedesktop.systemd1"
_PATH: Final = "/org/freedesktop/systemd1"
_PROPERTIES: Final = "org.freedesktop.DBus.Properties"
_MANAGER_INTERFACE: Final = _MANAGER + ".Manager"
_LIMITS: Final = ("CPUWeight", "CPUQuotaPerSecUSec")
_NO_SUCH_UNIT: Final = _MANAGER + ".NoSuchUnit"


@dataclass(frozen=True, slots=True)
class Limits:
    """`cpu_weight` 1 to 10000, `cpu_quota_us` of CPU time a second; UNCHANGED and NO_LIMIT for both."""

    cpu_weight: int
    cpu_quota_us: int


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit that runs. `run`: systemd's id of this run of it; `limits`: what it has now."""

    name: str
    run: bytes
    cgroup: str
    limits: Limits


def check(name: str, wanted: Limits) -> None:
    """Refusal if that isn't a unit's name, or not a limit."""
    if not _UNIT_NAME.fullmatch(name):
        raise Refusal(errors.INVALID_ARGUMENT, "unit isn't the name of a service, scope or slice")
    if name in _NEVER:
        raise Refusal(errors.PROTECTED, f"unit {name} is one that the machine lives by; it is never limited")
    if wanted == Limits(UNCHANGED, UNCHANGED):
        raise Refusal(errors.INVALID_ARGUMENT, "cpu_weight and cpu_quota_us are both 0: nothing would change")
    if wanted.cpu_weight not in {UNCHANGED, NO_LIMIT} and wanted.cpu_weight > _HEAVIEST:
        raise Refusal(errors.INVALID_ARGUMENT, f"cpu_weight is {wanted.cpu_weight}; 1 to {_HEAVIEST} are allowed")
    in_range = _SMALLEST_QUOTA_US <= wanted.cpu_quota_us <= _LARGEST_QUOTA_US
    if wanted.cpu_quota_us not in {UNCHANGED, NO_LIMIT} and not in_range:
        raise Refusal(
            errors.INVALID_ARGUMENT,
            f"cpu_quota_us is {wanted.cpu_quota_us}; {_SMALLEST_QUOTA_US} to {_LARGEST_QUOTA_US} are allowed",
        )


class Units:
    """The system manager's units."""

    def __init__(self, bus: MessageBus, guards: Guards) -> None:
        self._bus = bus
        self._guards = guards

    async def find(self, name: str) -> Unit:
        """The unit of that (checked) name; Refusal if it doesn't run or holds something guarded."""
        body = await self._ask(name, _message(_MANAGER_INTERFACE, "GetUnit", "s", [name]))
        path = str(body[0])
        kind = name.rpartition(".")[2].capitalize()
        names = (("Id", "Unit"), ("InvocationID", "Unit"), *((each, kind) for each in ("ControlGroup", *_LIMITS)))
        values = [await self._property(name, path, f"{_MANAGER}.{where}", each) for each, where in names]
        try:
            found = Unit(str(values[0]), bytes(values[1]), str(values[2]), Limits(int(values[3]), int(values[4])))
        except (TypeError, ValueError) as error:
            raise Refusal(errors.UNAVAILABLE, f"systemd's answer about {name} makes no sense") from error
        if not found.cgroup:
            raise Refusal(errors.GONE, f"unit {name} doesn't run")
        for guarded, what in (await self._guards.cgroups()).items():
            if f"{guarded}/".startswith(f"{found.cgroup.rstrip('/')}/"):
                raise Refusal(errors.PROTECTED, f"unit {name} holds {what}; it is never limited")
        return found

    async def limit(self, unit: Unit, wanted: Limits) -> None:
        """Sets what of `wanted` isn't UNCHANGED; Refusal if systemd can't, or the unit isn't the one found."""
        again = await self.find(unit.name)
        if (again.name, again.run, again.cgroup) != (unit.name, unit.run, unit.cgroup):
            raise Refusal(errors.CHANGED, f"unit {unit.name} was started anew; nothing was done, look again")
        pairs = zip(_LIMITS, (wanted.cpu_weight, wanted.cpu_quota_us), strict=True)
        properties = [[name, Variant("t", value)] for name, value in pairs if value != UNCHANGED]
        body = [unit.name, True, properties]
        await self._ask(unit.name, _message(_MANAGER_INTERFACE, "SetUnitProperties", "sba(sv)", body))

    async def _property(self, unit: str, path: str, interface: str, name: str) -> Any:
        body = await self._ask(unit, _message(_PROPERTIES, "Get", "ss", [interface, name], path))
        return body[0].value if body and isinstance(body[0], Variant) else None

    async def _ask(self, unit: str, question: Message) -> Sequence[Any]:
        try:
            return await connection.call(self._bus, question)
        except connection.CallFailed as failure:
            if failure.error_name == _NO_SUCH_UNIT:
                raise Refusal(errors.GONE, f"systemd knows no running unit {unit}") from failure
            raise Refusal(errors.UNAVAILABLE, f"unit {unit}: {failure}") from failure


def _message(interface: str, member: str, signature: str, body: list[Any], path: str = _PATH) -> Message:
    return Message(destination=_MANAGER, path=path, interface=interface, member=member, signature=signature, body=body)
