"""The sampler from its package, as systemd starts it under its unit, with the distribution's bus, logind and polkit."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from tests.vm.packages import APP

if TYPE_CHECKING:
    from tests.vm.conftest import Machine

UNIT: Final = "smoothtask-sampler.service"
CAP_PERFMON, CAP_BPF = 38, 39  # include/uapi/linux/capability.h
ACTIVE: Final = "systemd-run --quiet --user --machine alice@.host --pipe --wait --collect"
"""In the session of alice, who sits at the machine."""
REMOTE: Final = "systemd-run --quiet --pipe --wait --collect --property User=bob"
"""As a user without a session."""
DENIALS: Final = ('apparmor="DENIED"', "avc:  denied", "type=1326", "SIGSYS")  # 1326: AUDIT_SECCOMP, linux/audit.h


def ticks(machine: Machine, count: int = 1) -> list[dict[str, Any]]:
    """Alice's, through the bus; the sampler runs for another minute then."""
    lines = machine.sh(f"{ACTIVE} {APP[machine.name]} top --json --count {count} --source helper").splitlines()
    return [json.loads(line) for line in lines]


def status(machine: Machine) -> dict[str, str]:
    """Of the sampler's process."""
    ticks(machine)
    lines = machine.sh(f"cat /proc/$(systemctl show -P MainPID {UNIT})/status").splitlines()
    return dict(line.split(":\t", 1) for line in lines if ":\t" in line)


def test_the_bus_starts_the_unit_and_the_active_user_gets_ticks(installed: Machine) -> None:
    told = ticks(installed, 3)
    assert [one["source"] for one in told] == ["helper"] * 3
    assert not any(one["lost"]["events"] or one["lost"]["exits"] for one in told)
    for one in told:
        first = next(process for process in one["processes"] if process["pid"] == 1)
        assert first["comm"] == "systemd"
        assert first["rss_bytes"] > 2**20
    assert installed.sh(f"systemctl is-active {UNIT}").strip() == "active"


def test_the_unit_leaves_the_process_two_capabilities_and_a_seccomp_filter(installed: Machine) -> None:
    told = status(installed)
    expected = 1 << CAP_BPF | 1 << CAP_PERFMON
    for kind in ("CapEff", "CapPrm", "CapBnd", "CapAmb", "CapInh"):
        assert int(told[kind], 16) == expected, kind
    assert told["NoNewPrivs"] == "1"
    assert told["Seccomp"] == "2"  # SECCOMP_MODE_FILTER
    uid = installed.sh("id -u smoothtask").strip()
    assert told["Uid"].split() == [uid] * 4


def test_every_probe_runs_within_the_unit(installed: Machine) -> None:
    rows = json.loads(installed.sh(f"{ACTIVE} {APP[installed.name]} doctor --json || true"))
    probes = {row["check"]: row["detail"] for row in rows if row["check"].startswith("probe ")}
    assert probes.keys() >= {"probe task_snapshot", "probe process_events", "probe oom_events", "probe thermal_events"}
    assert probes.pop("probe energy").startswith("unavailable"), "an emulated processor has no RAPL"
    for name in ("gpu_jobs", "gpu_fences", "gpu_memory"):
        said = probes.pop(f"probe {name}")  # the guest has no graphics driver, or one without the scheduler
        assert said.startswith(("unavailable", "running")) or "no tracepoint" in said, said
    assert set(probes.values()) == {"running"}, probes


def test_a_user_without_a_session_is_refused(installed: Machine) -> None:
    said = installed.sh(f"{REMOTE} {APP[installed.name]} top --json --count 1 --source helper 2>&1 || echo exit $?")
    assert said.splitlines()[-1] == "exit 1"
    assert "refused" in said


def test_nothing_the_sampler_does_is_denied_by_seccomp_or_a_security_module(installed: Machine) -> None:
    ticks(installed)
    journal = installed.sh("journalctl --quiet --no-pager -o cat --boot")
    assert [line for line in journal.splitlines() if any(word in line for word in DENIALS)] == []
    said = installed.sh(f"journalctl --quiet --no-pager -o cat --boot --unit {UNIT} --priority warning")
    assert said == ""


def test_the_unit_ends_in_good_order_when_told(installed: Machine) -> None:
    ticks(installed)
    installed.sh(f"systemctl stop {UNIT}")
    assert installed.sh(f"systemctl show -P Result {UNIT}").strip() == "success"
    assert installed.sh(f"systemctl show -P ExecMainStatus {UNIT}").strip() == "0"
