"""The packages' end in a whole system: a newer version comes while the app runs; removal and purge leave nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from tests.vm.desktop import APP_PID, STOP, until_streams
from tests.vm.packages import ACCOUNTS, EVERY_FILE, NEXT_VERSION, PACKAGES, install
from tests.vm.services import CONTROL, SAMPLER, main_pid, ping

if TYPE_CHECKING:
    from tests.vm.conftest import Machine

OF_TESTS: Final = ("/tmp", "/home", "/root", "/etc/shadow", "/etc/.pwd.lock")
"""What the lane's other tests leave: files of people, and root's password."""


@pytest.mark.parametrize("machine", ["debian13"], indirect=True)
def test_an_upgrade_restarts_what_runs_and_the_app_goes_on_with_it(watched: Machine) -> None:
    until_streams(watched, 1)
    app, sampler, control = watched.sh(APP_PID), main_pid(watched, SAMPLER), ping(watched, CONTROL)
    watched.sh(NEXT_VERSION)
    watched.sh("DEBIAN_FRONTEND=noninteractive apt-get -qy install /tmp/next-*.deb")
    until_streams(watched, 1)
    assert watched.sh("dpkg-query -W -f '${Version}' smoothtask-helper").endswith("+next")
    assert main_pid(watched, SAMPLER) not in (0, sampler)
    assert ping(watched, CONTROL) != control
    assert watched.sh(APP_PID) == app


@pytest.mark.parametrize("machine", ["debian12", "debian13"], indirect=True)
def test_removal_stops_both_services_and_purge_leaves_nothing(installed: Machine) -> None:
    names = " ".join(PACKAGES[installed.name])
    states = installed.sh(f"dpkg-query -W -f '${{db:Status-Status}} ' {names} 2>/dev/null || true").split()
    if states != ["installed"] * len(PACKAGES[installed.name]):  # an attempt of this test failed half-way
        install(installed)
    installed.sh(STOP)
    ping(installed, SAMPLER)
    ping(installed, CONTROL)
    installed.sh(f"apt-get -qy remove {names}")
    assert "smoothtask" not in installed.sh("busctl list --no-pager; ps -eo args | grep -v grep | grep -v /opt/")
    installed.sh(f"apt-get -qy purge {names}")
    assert installed.sh("dpkg-query -W -f '${Package}\\n' 'smoothtask*' 2>/dev/null || true") == ""
    assert installed.sh(ACCOUNTS) == installed.sh("cat /opt/accounts-before")
    before = set(installed.sh("cat /opt/files-before").splitlines())
    changed = set(installed.sh(EVERY_FILE).splitlines()) ^ before
    assert {line for line in changed if not line.startswith(OF_TESTS)} == set()
