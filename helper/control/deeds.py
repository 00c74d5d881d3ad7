"""What can be done to a process, and which of the two polkit actions that takes.

`control-own` gives nobody more than a user's own kill(2) and setpriority(2) would: it covers the caller's own
processes, the end of a pause that the caller began, and no better niceness than the caller has elsewhere.
"""

import signal
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from helper.bus import errors
from helper.bus.errors import Refusal
from helper.bus.operations import Caller, Reply
from helper.control import priorities
from helper.control.leases import Leases
from helper.control.priorities import Priority
from helper.control.targets import Target

OWN: Final = "io.github.smoothtask.control-own"
OTHERS: Final = "io.github.smoothtask.control-others"
LONGEST_PAUSE_S: Final = 3600

Arguments = Sequence[Any]


@dataclass(frozen=True, slots=True)
class Plan:
    """What is going to be done, if polkit allows `action`. `do` is called after the target was looked at again."""

    action: str
    do: Callable[[], Reply]


@dataclass(frozen=True, slots=True)
class Deed:
    """One method on a process; `signature` is that of its arguments beyond pid and start time.

    `check` refuses arguments that make no sense, before anything is looked at.
    """

    title: str
    signature: str
    check: Callable[[Arguments], None]
    plan: Callable[[Leases, Caller, Target, Arguments], Plan]


def _action_on(target: Target, caller: Caller) -> str:
    return OWN if target.belongs_to(caller.uid) else OTHERS


def _nothing_to_check(_more: Arguments) -> None:
    """Pid and start time are all there is."""


def _check_pause(more: Arguments) -> None:
    if not 1 <= more[0] <= LONGEST_PAUSE_S:
        raise Refusal(errors.INVALID_ARGUMENT, f"duration_s is {more[0]}; 1 to {LONGEST_PAUSE_S} are allowed")


def _pause(leases: Leases, caller: Caller, target: Target, more: Arguments) -> Plan:
    return Plan(_action_on(target, caller), lambda: Reply("t", (leases.grant(caller, target, more[0]),)))


def _resume(leases: Leases, caller: Caller, target: Target, _more: Arguments) -> Plan:
    def end_own_lease() -> Reply:
        leases.end(caller.name, target.key)
        return Reply()

    def let_go_on() -> Reply:
        leases.end_all_on(target.key)
        target.send(signal.SIGCONT)
        return Reply()

    if leases.holds(caller, target.key):
        return Plan(OWN, end_own_lease)
    return Plan(_action_on(target, caller), let_go_on)


def _terminate(leases: Leases, caller: Caller, target: Target, _more: Arguments) -> Plan:
    def do() -> Reply:
        target.send(signal.SIGTERM)
        leases.end_all_on(target.key)
        with suppress(Refusal):  # it has ended
            target.send(signal.SIGCONT)  # a stopped process doesn't hear the other
        return Reply()

    return Plan(_action_on(target, caller), do)


def _kill(_leases: Leases, caller: Caller, target: Target, _more: Arguments) -> Plan:
    def do() -> Reply:
        target.send(signal.SIGKILL)
        return Reply()

    return Plan(_action_on(target, caller), do)


def _check_priority(more: Arguments) -> None:
    priorities.check(Priority(*more))


def _set_priority(_leases: Leases, caller: Caller, target: Target, more: Arguments) -> Plan:
    def do() -> Reply:
        before = priorities.current(target)
        priorities.change(target, Priority(*more))
        return Reply("iuu", (before.nice, before.io_class, before.io_level))

    nice = more[0]
    if priorities.raises(target, nice) and nice < priorities.best_nice_of(caller.uid):
        return Plan(OTHERS, do)
    return Plan(_action_on(target, caller), do)


DEEDS: Final = {
    "Pause": Deed("Pause", "u", _check_pause, _pause),
    "Resume": Deed("Resume", "", _nothing_to_check, _resume),
    "Terminate": Deed("Terminate", "", _nothing_to_check, _terminate),
    "Kill": Deed("Kill", "", _nothing_to_check, _kill),
    "SetPriority": Deed("SetPriority", "iuu", _check_priority, _set_priority),
}
