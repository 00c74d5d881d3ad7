"""What apt makes of the packages on Debian 12 and 13: installation, activation, upgrade, removal, purge."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

import pytest

from tests.packages.conftest import ticks
from tests.vm.packages import ACCOUNTS, APP, EVERY_FILE, NEXT_VERSION, PACKAGES, install

if TYPE_CHECKING:
    from tests.vm.conftest import Machine

UNIT: Final = "smoothtask-sampler.service"
BUSCTL_VERSION: Final = (
    "busctl get-property io.github.smoothtask.Sampler1 /io/github/smoothtask/Sampler1 "
    "io.github.smoothtask.Sampler1 Version"
)
EXPOSURE_MOST: Final = {UNIT: 16, "smoothtask-control.service": 14}
"""Tenths, as systemd-analyze(1) takes its --threshold."""
TICKS_AFTERWARDS: Final = """
{app} top --json --source auto >/tmp/ticks 2>/tmp/words &
until grep -q '"source": "helper"' /tmp/ticks; do sleep 0.1; done
before=$(systemctl show -P MainPID {unit})
{event} >&2
seen=$(wc -l </tmp/ticks)
until tail -n +$((seen + 3)) /tmp/ticks | grep -q '"source": "helper"'; do sleep 0.1; done
kill $!
after=$(systemctl show -P MainPID {unit})
echo $before $after
"""
"""An app that follows the helper sees it end through `event`, and gets ticks from the one that came after it."""


def test_installation_starts_and_enables_nothing(fresh: Machine) -> None:
    install(fresh)
    assert fresh.sh(f"systemctl is-active {UNIT} || true").strip() == "inactive"
    assert fresh.sh(f"systemctl is-enabled {UNIT} || true").strip() == "static"
    assert fresh.sh("getent passwd smoothtask").split(":")[-1].strip() == "/usr/sbin/nologin"


def test_the_bus_starts_the_sampler_and_every_probe_of_the_package_runs(installed: Machine) -> None:
    told = [json.loads(line) for line in ticks(installed, 2).splitlines()]
    assert [one["source"] for one in told] == ["helper", "helper"]
    assert installed.sh(f"systemctl is-active {UNIT}").strip() == "active"
    rows = json.loads(installed.sh(f"{APP[installed.name]} doctor --json || true"))
    probes = {row["check"]: row["detail"] for row in rows if row["check"].startswith("probe ")}
    assert [row for row in rows if "the check itself failed" in row["detail"]] == []
    assert len(probes) >= 8
    energy = probes.pop("probe energy")  # virtual machines have no counters
    assert energy == "running" or energy.startswith("unavailable")
    for name in ("gpu_jobs", "gpu_fences", "gpu_memory"):
        said = probes.pop(f"probe {name}")
        assert said.startswith(("unavailable", "running")) or "no tracepoint" in said, said
    assert probes.pop("probe socket_events").startswith("running: datagrams are counted ")  # where, the kernel decides
    assert set(probes.values()) == {"running"}, probes
    assert installed.sh(f"journalctl -q -o cat -b -u {UNIT} -p warning") == ""


def test_whoever_does_not_sit_at_the_machine_is_refused(installed: Machine) -> None:
    said = installed.sh(f"runuser -u bob -- {BUSCTL_VERSION} 2>&1 || echo exit $?")
    assert said.splitlines()[-1] == "exit 1"
    assert "0.1" not in said


def test_the_version_on_the_bus_is_the_package_s(installed: Machine) -> None:
    version = installed.sh("dpkg-query -W -f '${Version}' smoothtask-helper").rpartition("-")[0]
    assert installed.sh(BUSCTL_VERSION).strip() == f's "{version}"'


def test_only_root_may_change_what_is_installed(installed: Machine) -> None:
    listed = installed.sh(f"dpkg -L {' '.join(PACKAGES[installed.name])} | sort -u | xargs stat -c '%U %a %n'")
    loose = [line for line in listed.splitlines() if line.split()[0] != "root" or int(line.split()[1], 8) & 0o7022]
    assert loose == []


def test_no_module_of_ours_can_be_imported_by_other_programs(installed: Machine) -> None:
    said = installed.sh("cd /; python3 -c 'import helper' 2>&1 || python3 -c 'import smoothtask_gui' 2>&1 || true")
    assert said.count("ModuleNotFoundError") == 2


@pytest.mark.parametrize("unit", EXPOSURE_MOST)
def test_the_exposure_of_the_unit_stays_low(installed: Machine, unit: str) -> None:
    most = EXPOSURE_MOST[unit]
    said = installed.sh(f"systemd-analyze security --no-pager --threshold={most} {unit} 2>&1 || echo exit $?")
    assert "exit" not in said.splitlines()[-1], said


def ends_and_comes_back(machine: Machine, event: str) -> bool:
    """Whether the ticks after `event` came from another process."""
    script = TICKS_AFTERWARDS.format(app=APP[machine.name], unit=UNIT, event=event)
    before, after = map(int, machine.sh(script).split())
    return 0 not in (before, after) and before != after


def test_an_upgrade_restarts_a_running_sampler_and_the_app_goes_on_with_the_new_one(fresh: Machine) -> None:
    install(fresh)
    fresh.sh(NEXT_VERSION)
    files = " ".join(f"/tmp/next-{package}_*.deb" for package in PACKAGES[fresh.name])
    assert ends_and_comes_back(fresh, f"DEBIAN_FRONTEND=noninteractive apt-get -qy install {files}")
    assert fresh.sh("dpkg-query -W -f '${Version}' smoothtask-helper").endswith("+next")


def test_a_killed_sampler_comes_back_and_the_app_goes_on_with_it(fresh: Machine) -> None:
    install(fresh)
    assert ends_and_comes_back(fresh, "kill -KILL $before")


def test_removal_stops_the_sampler_and_purge_leaves_nothing(fresh: Machine) -> None:
    before, users = fresh.sh(EVERY_FILE), fresh.sh(ACCOUNTS)
    install(fresh)
    ticks(fresh, 1)
    names = " ".join(PACKAGES[fresh.name])
    fresh.sh(f"apt-get -qy remove {names}")
    assert fresh.sh(f"systemctl is-active {UNIT} || true").strip() == "inactive"
    assert "smoothtask" not in fresh.sh("busctl list --no-pager; ps -eo args | grep -v grep")
    fresh.sh(f"apt-get -qy purge {names}")
    assert fresh.sh("dpkg-query -W -f '${Package}\\n' 'smoothtask*' 2>/dev/null || true") == ""
    assert fresh.sh(ACCOUNTS) == users
    assert set(fresh.sh(EVERY_FILE).splitlines()) ^ set(before.splitlines()) == set()
