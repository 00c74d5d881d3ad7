"""The two services under their units in a guest: who calls them, and what the kernel says of their processes."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from tests.vm.packages import APP

if TYPE_CHECKING:
    from tests.vm.conftest import Machine

ALICES: Final = (
    "setpriv --reuid alice --regid alice --init-groups --reset-env env XDG_RUNTIME_DIR=/run/user/$(id -u alice)"
)
"""What follows talks to her systemd. (--machine alice@.host makes a session first: two seconds of emulation.)"""
ACTIVE: Final = f"{ALICES} systemd-run --quiet --user --pipe --wait --collect"
"""In the session of alice, who sits at the machine."""
REMOTE: Final = "systemd-run --quiet --pipe --wait --collect --property User=bob"
"""As a user without a session."""
CAPABILITIES: Final = {"cap_kill": 5, "cap_sys_nice": 23, "cap_perfmon": 38, "cap_bpf": 39}
"""include/uapi/linux/capability.h."""
PATIENT: Final = "busctl --timeout=120"
"""Longer than a guest takes to start a service while the machine is busy; busctl's own limit is 25 s."""


@dataclass(frozen=True, slots=True)
class Service:
    """`user`: who runs it."""

    unit: str
    name: str
    user: str

    @property
    def path(self) -> str:
        return "/" + self.name.replace(".", "/")


SAMPLER: Final = Service("smoothtask-sampler.service", "io.github.smoothtask.Sampler1", "smoothtask")
CONTROL: Final = Service("smoothtask-control.service", "io.github.smoothtask.Control1", "root")


def ping(machine: Machine, service: Service) -> int:
    """Have the bus start it, and polkit, which may take too long the first time; the service's process then."""
    ask = f"{PATIENT} get-property {service.name} {service.path} {service.name} Version"
    asking = f"until {ask} >/dev/null 2>/tmp/st-ping; do sleep 0.5; done"
    machine.sh(f"timeout 200 sh -c '{asking}' || {{ cat /tmp/st-ping; false; }}")
    return main_pid(machine, service)


def main_pid(machine: Machine, service: Service) -> int:
    return int(machine.sh(f"systemctl show -P MainPID {service.unit}"))


def ticks(machine: Machine, count: int = 1) -> list[dict[str, Any]]:
    """Alice's, through the bus, which starts the sampler and polkit: the app may give up before they are there.

    The sampler runs for another minute then.
    """
    ask = f"{ACTIVE} {APP[machine.name]} top --json --count {count} --source helper"
    asking = f"until {ask} >/tmp/st-ticks 2>/tmp/st-ticks.words; do sleep 0.5; done"
    said = machine.sh(f"timeout 200 sh -c '{asking}' && cat /tmp/st-ticks || {{ cat /tmp/st-ticks.words; false; }}")
    return [json.loads(line) for line in said.splitlines()]


def of_process(machine: Machine, pid: int) -> dict[str, str]:
    """Its proc_pid_status(5)."""
    lines = machine.sh(f"cat /proc/{pid}/status").splitlines()
    return dict(line.split(":\t", 1) for line in lines if ":\t" in line)
