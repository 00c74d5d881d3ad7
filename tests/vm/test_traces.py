"""What is left of a service's work: a journal without a denial, and no process once nobody needs it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

import pytest

from tests.vm.denials import HOSTILE, denials
from tests.vm.services import CONTROL, SAMPLER, Service, main_pid, ping, ticks

if TYPE_CHECKING:
    from tests.vm.conftest import Machine

PATIENCE_S: Final = 240.0


def test_nothing_that_was_done_so_far_was_denied_by_seccomp_or_a_security_module(installed: Machine) -> None:
    """By the tests of all files before this one, where the whole lane runs."""
    ticks(installed)
    ping(installed, CONTROL)
    assert [line for line in denials(installed) if HOSTILE not in line] == []


def last_life(machine: Machine, service: Service) -> str:
    """What systemd said of the last time that it ran."""
    machine.sh("journalctl --sync")
    said = machine.sh(f"journalctl -q -b -o cat _PID=1 UNIT={service.unit}")
    return said.rpartition("Starting ")[2]


def ended_itself(life: str) -> bool:
    return "Deactivated successfully" in life and "Stopping" not in life


@pytest.mark.parametrize("machine", ["debian12"], indirect=True)
@pytest.mark.parametrize("service", [SAMPLER, CONTROL], ids=["sampler", "control"])
def test_a_service_that_nobody_needs_ends_itself(installed: Machine, service: Service) -> None:
    """A minute after its last call; where the whole lane runs, most of that is over."""
    if main_pid(installed, service) == 0 and not ended_itself(last_life(installed, service)):
        ping(installed, service)
    deadline = time.monotonic() + PATIENCE_S
    while main_pid(installed, service):
        assert time.monotonic() < deadline, "it still runs"
        time.sleep(0.5)
    assert ended_itself(last_life(installed, service))
