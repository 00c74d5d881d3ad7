"""The units are as tight as the security rules ask: judged by systemd itself, from the files as they are installed."""

import re
import subprocess
from pathlib import Path

import pytest

UNITS = Path(__file__).parents[2] / "resources" / "systemd"
LIMITS = {"smoothtask-sampler": 1.6, "smoothtask-control": 1.4}


@pytest.mark.parametrize(("name", "limit"), LIMITS.items())
def test_the_unit_exposes_no_more_than_the_rules_allow(tmp_path: Path, name: str, limit: float) -> None:
    unit = tmp_path / f"{name}.service"
    unit.write_text((UNITS / f"{name}.service.in").read_text().replace("@LIBEXECDIR@", "/usr/libexec"))
    said = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--no-pager", str(unit)],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    exposure = re.search(r"Overall exposure level for \S+: ([0-9.]+)", said)
    assert exposure, said
    assert float(exposure[1]) <= limit, said


@pytest.mark.parametrize("name", LIMITS)
def test_every_line_of_the_unit_is_one_that_systemd_knows(tmp_path: Path, name: str) -> None:
    unit = tmp_path / f"{name}.service"
    unit.write_text((UNITS / f"{name}.service.in").read_text().replace("@LIBEXECDIR@/" + name, "/bin/true"))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", str(unit)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert [line for line in done.stderr.splitlines() if unit.name in line] == []


def test_every_test_that_the_list_of_security_rules_names_is_there() -> None:
    top = UNITS.parents[1]
    named = set(re.findall(r"`([a-z_/]+\.py)`", (top / "docs" / "security-rules.md").read_text()))
    assert len(named) > 40
    assert [name for name in sorted(named) if not (top / "tests" / name).is_file()] == []


@pytest.mark.parametrize("name", LIMITS)
def test_a_service_that_keeps_failing_is_not_started_without_end(name: str) -> None:
    wanted = {"StartLimitIntervalSec=60", "StartLimitBurst=10", "Restart=on-failure", "RestartSec=1"}
    assert wanted <= set(lines_of(name))


def lines_of(name: str) -> list[str]:
    text = (UNITS / f"{name}.service.in").read_text()
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def test_control_has_its_two_capabilities_and_neither_network_nor_bpf() -> None:
    lines = lines_of("smoothtask-control")
    wanted = {"CapabilityBoundingSet=CAP_KILL CAP_SYS_NICE", "RestrictAddressFamilies=AF_UNIX", "PrivateNetwork=yes"}
    assert wanted | {"MemoryMax=64M", "NoNewPrivileges=yes"} <= set(lines)
    assert not [line for line in lines if "AmbientCapabilities" in line or "bpf" in line]


def test_the_sampler_has_its_two_and_isnt_root() -> None:
    wanted = {f"{kind}=CAP_BPF CAP_PERFMON" for kind in ("CapabilityBoundingSet", "AmbientCapabilities")}
    assert wanted | {"User=smoothtask", "NoNewPrivileges=yes"} <= set(lines_of("smoothtask-sampler"))
