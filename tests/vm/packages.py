"""Debian's packages as ./dev builds them: which of them a release takes, and how they get into a guest or container."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tests.contract.layout import ROOT
from tests.vm.conftest import PYTHON

if TYPE_CHECKING:
    from tests.vm.conftest import Machine

DEBS: Final = ROOT / "build" / "packages" / "deb"
BOTH: Final = ("smoothtask", "smoothtask-helper")
PACKAGES: Final = {"debian12": ("smoothtask-helper",), "debian13": BOTH, "newest": ("smoothtask-helper",)}
"""The app needs what Debian 12 doesn't have; on a newer kernel it would be the same app again."""
FROM_CHECKOUT: Final = f"{PYTHON} -m smoothtask_gui"
APP: Final = {"debian12": FROM_CHECKOUT, "debian13": "smoothtask", "newest": FROM_CHECKOUT}
"""A client of the helper: the checkout's where there is no package of the app."""
ASIDE: Final = (
    "/root/debs /var/tmp /var/log /var/cache /var/lib/apt /var/lib/dpkg /var/lib/systemd /opt "
    "/etc/passwd- /etc/group- /etc/shadow- /etc/gshadow- /etc/subuid- /etc/subgid-"
)
"""Where package tools and running services keep their memory, and copies that userdel(8) makes of what it changes."""
EVERY_FILE: Final = (
    f"find / -xdev \\( {' -o '.join(f'-path {path}' for path in ASIDE.split())} \\) -prune -o "
    "-type f -printf '%p %m %U %s\\n' -o -printf '%p %y %m %U\\n' | sort"
)
ACCOUNTS: Final = "getent passwd; getent group"
NEXT_VERSION: Final = """
for deb in /root/debs/*.deb; do
    dpkg-deb --raw-extract $deb /tmp/next
    sed -i 's/^Version: .*/&+next/' /tmp/next/DEBIAN/control
    dpkg-deb -Znone --build /tmp/next /tmp/next-${deb##*/} >/dev/null
    rm -r /tmp/next
done
"""


def send(machine: Machine) -> None:
    """Copy the packages to /root/debs."""
    machine.guest.send(DEBS, [path.name for path in DEBS.glob("*.deb")], "/root/debs")


def install(machine: Machine) -> None:
    """Install those for this release with apt, which has no network: what they depend on is there already.

    Also where a later version is installed, as the test of upgrades leaves it.
    """
    files = " ".join(f"/root/debs/{package}_*.deb" for package in PACKAGES[machine.name])
    machine.sh(f"DEBIAN_FRONTEND=noninteractive apt-get -qy --allow-downgrades install {files}")
