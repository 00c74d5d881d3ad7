"""Debian's packages in containers of their releases: the disks of lane vm, on this machine's kernel."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.contract.layout import ROOT
from tests.vm.conftest import IMAGES, PLACE, Machine, tool
from tests.vm.packages import APP, PACKAGES, install, send

if TYPE_CHECKING:
    from collections.abc import Iterator

SENT: Final = ("smoothtask_gui",)


@contextmanager
def container(name: str) -> Iterator[Machine]:
    """A container with the packages in /root/debs, not installed."""
    system: Any = tool("vm.container").Container(IMAGES.GUESTS[name])
    try:
        system.start()
        machine = Machine(name, system)
        send(machine)
        system.send(ROOT, SENT, PLACE)
        yield machine
    finally:
        system.stop()


def ticks(machine: Machine, count: int) -> str:
    """JSON lines that the helper gave to root, whom polkit never refuses."""
    return machine.sh(f"{APP[machine.name]} top --json --source helper --count {count}")


@pytest.fixture(params=list(PACKAGES))
def fresh(request: pytest.FixtureRequest) -> Iterator[Machine]:
    """For a test that changes what is installed."""
    with container(request.param) as machine:
        yield machine


@pytest.fixture(scope="session", params=list(PACKAGES))
def installed(request: pytest.FixtureRequest) -> Iterator[Machine]:
    """For tests that look at what is installed."""
    with container(request.param) as machine:
        install(machine)
        yield machine
