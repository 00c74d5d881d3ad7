"""Debian's packages in containers of the releases they are for; the same disks as lane vm's, on this machine's kernel."""

from __future__ import annotations

import shlex
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.contract.layout import ROOT
from tests.vm.conftest import IMAGES, PLACE, Machine, tool

if TYPE_CHECKING:
    from collections.abc import Iterator

DEBS: Final = ROOT / "build" / "packages" / "deb"
SENT: Final = ("smoothtask_gui",)
PACKAGES: Final = {"debian12": ("smoothtask-helper",), "debian13": ("smoothtask", "smoothtask-helper")}
"""The app needs what Debian 12 doesn't have."""
APP: Final = {"debian12": f"env -C {PLACE} python3 -B -m smoothtask_gui", "debian13": "smoothtask"}
"""A client of the helper: the checkout's where there is no package of the app."""


@contextmanager
def container(name: str) -> Iterator[Machine]:
    """A container with the packages in /root/debs, not installed."""
    system: Any = tool("vm.container").Container(IMAGES.FOLDER / name)
    try:
        system.start()
        system.send(DEBS, [path.name for path in DEBS.glob("*.deb")], "/root/debs")
        system.send(ROOT, SENT, PLACE)
        yield Machine(name, system)
    finally:
        system.stop()


def install(machine: Machine) -> None:
    files = " ".join(f"/root/debs/{package}_*.deb" for package in PACKAGES[machine.name])
    machine.sh(f"DEBIAN_FRONTEND=noninteractive apt-get -qy install {files}")


def ticks(machine: Machine, count: int) -> str:
    """JSON lines that the helper gave to root, whom polkit never refuses."""
    return machine.sh(f"{APP[machine.name]} top --json --source helper --count {shlex.quote(str(count))}")


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
