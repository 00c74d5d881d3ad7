"""Debian's packages as ./dev builds them: which of them a release takes, and how they get into a guest or container."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tests.contract.layout import ROOT
from tests.vm.conftest import PLACE

if TYPE_CHECKING:
    from tests.vm.conftest import Machine

DEBS: Final = ROOT / "build" / "packages" / "deb"
PACKAGES: Final = {"debian12": ("smoothtask-helper",), "debian13": ("smoothtask", "smoothtask-helper")}
"""The app needs what Debian 12 doesn't have."""
APP: Final = {"debian12": f"env -C {PLACE} python3 -B -m smoothtask_gui", "debian13": "smoothtask"}
"""A client of the helper: the checkout's where there is no package of the app."""


def send(machine: Machine) -> None:
    """Copy the packages to /root/debs."""
    machine.guest.send(DEBS, [path.name for path in DEBS.glob("*.deb")], "/root/debs")


def install(machine: Machine) -> None:
    """Install those for this release with apt, which has no network: what they depend on is there already."""
    files = " ".join(f"/root/debs/{package}_*.deb" for package in PACKAGES[machine.name])
    machine.sh(f"DEBIAN_FRONTEND=noninteractive apt-get -qy install {files}")
