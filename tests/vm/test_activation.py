"""Both services from their package, as the distribution's bus and systemd start them, with its logind and polkit."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import pytest

from tests.vm.conftest import all_processors
from tests.vm.packages import APP
from tests.vm.services import ACTIVE, CAPABILITIES, CONTROL, REMOTE, SAMPLER, Service, of_process, ping, ticks

if TYPE_CHECKING:
    from tests.vm.conftest import Machine

on_each_systemd = pytest.mark.parametrize("machine", ["debian12", "debian13"], indirect=True)

UNIT = SAMPLER.unit
PATIENCE_S = 200.0


@on_each_systemd
def test_the_unit_ends_in_good_order_when_told(installed: Machine) -> None:
    ping(installed, SAMPLER)
    installed.sh(f"systemctl stop {UNIT}")
    assert installed.sh(f"systemctl show -P Result {UNIT}").strip() == "success"
    assert installed.sh(f"systemctl show -P ExecMainStatus {UNIT}").strip() == "0"


def test_the_bus_starts_the_unit_and_the_active_user_gets_ticks(installed: Machine) -> None:
    with all_processors(installed):
        told = ticks(installed, 3)
    assert [one["source"] for one in told] == ["helper"] * 3
    assert not any(one["lost"]["events"] or one["lost"]["exits"] for one in told)
    for one in told:
        first = next(process for process in one["processes"] if process["pid"] == 1)
        assert first["comm"] == "systemd"
        assert first["rss_bytes"] > 2**20
    assert installed.sh(f"systemctl is-active {UNIT}").strip() == "active"


@on_each_systemd
@pytest.mark.parametrize(
    ("service", "names", "ambient"),
    [(SAMPLER, ["cap_bpf", "cap_perfmon"], True), (CONTROL, ["cap_kill", "cap_sys_nice"], False)],
    ids=["sampler", "control"],
)
def test_every_process_of_a_unit_has_its_two_capabilities_and_a_seccomp_filter(
    installed: Machine, service: Service, names: list[str], *, ambient: bool
) -> None:
    ping(installed, service)
    assert sorted(installed.sh(f"systemctl show -P CapabilityBoundingSet {service.unit}").split()) == names
    wanted = sum(1 << CAPABILITIES[name] for name in names)
    expected = dict.fromkeys(("CapEff", "CapPrm", "CapBnd"), wanted)
    expected |= dict.fromkeys(("CapAmb", "CapInh"), wanted if ambient else 0)
    uid = installed.sh(f"id -u {service.user}").strip()
    pids = installed.sh(f"cat /sys/fs/cgroup/system.slice/{service.unit}/cgroup.procs").split()
    assert pids
    for told in (of_process(installed, int(pid)) for pid in pids):
        assert {kind: int(told[kind], 16) for kind in expected} == expected
        assert (told["NoNewPrivs"], told["Seccomp"]) == ("1", "2")  # 2: SECCOMP_MODE_FILTER
        assert told["Uid"].split() == [uid] * 4


def told_of_probes(machine: Machine) -> dict[str, str]:
    """By doctor; asked again where it gave up before the sampler answered."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        rows = json.loads(machine.sh(f"{ACTIVE} {APP[machine.name]} doctor --json || true"))
        probes = {row["check"]: row["detail"] for row in rows if row["check"].startswith("probe ")}
        if probes:
            return probes
        assert time.monotonic() < deadline, rows


def test_every_probe_runs_within_the_unit(installed: Machine) -> None:
    probes = told_of_probes(installed)
    assert probes.keys() >= {"probe task_snapshot", "probe process_events", "probe oom_events", "probe thermal_events"}
    assert probes.pop("probe energy").startswith("unavailable"), "an emulated processor has no RAPL"
    for name in ("gpu_jobs", "gpu_fences", "gpu_memory"):
        said = probes.pop(f"probe {name}")  # the guest has no graphics driver, or one without the scheduler
        assert said.startswith(("unavailable", "running")) or "no tracepoint" in said, said
    assert probes.pop("probe socket_events") == "running: datagrams are counted where only they pass"
    assert set(probes.values()) == {"running"}, probes


@on_each_systemd
def test_a_user_without_a_session_is_refused(installed: Machine) -> None:
    said = installed.sh(f"{REMOTE} {APP[installed.name]} top --json --count 1 --source helper 2>&1 || echo exit $?")
    assert said.splitlines()[-1] == "exit 1"
    assert "refused" in said
