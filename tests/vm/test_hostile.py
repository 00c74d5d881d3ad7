"""A service that was taken over: a hostile program in its place, under the very same unit but for ExecStart."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

import pytest

from tests.vm.conftest import PLACE
from tests.vm.denials import HOSTILE, denials
from tests.vm.services import CONTROL, REMOTE, SAMPLER, Service, ping

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.vm.conftest import Machine

on_each_systemd = pytest.mark.parametrize("machine", ["debian12", "newest"], indirect=True)
"""What a line of a unit does differs by systemd's version and the kernel's."""
on_one = pytest.mark.parametrize("machine", ["newest"], indirect=True)

SCRIPT: Final = f"{PLACE}/tests/vm/inside/hostile.py"
FOLDER: Final = f"{PLACE}/tests/vm/inside"
VICTIM, ROOT_VICTIM = "st-prey.service", "st-prey-of-root.service"
PREPARED: Final = f"""
for home in /root /home/alice /var/lib/systemd; do echo secret >$home/st-secret; chmod 600 $home/st-secret; done
chown alice: /home/alice/st-secret
cp /usr/bin/test {FOLDER}/hostile-test; chmod 4755 {FOLDER}/hostile-test
python3 - <<'END'
import lzma, os, pathlib
(module,) = pathlib.Path('/lib/modules', os.uname().release).rglob('dummy.ko*')
image = module.read_bytes()
pathlib.Path('{FOLDER}/hostile.ko').write_bytes(lzma.decompress(image) if module.suffix == '.xz' else image)
END
systemd-run --quiet --unit {VICTIM} --property User=bob sleep 3600
systemd-run --quiet --unit {ROOT_VICTIM} --property CapabilityBoundingSet= sleep 3600
systemctl show -P MainPID {VICTIM}
systemctl show -P MainPID {ROOT_VICTIM}
"""
TAKEN_OVER: Final = f"""
drop=/run/systemd/system/{{unit}}.d
mkdir -p $drop
printf '[Service]\\nExecStart=\\nExecStart=/usr/bin/python3 -I {SCRIPT} {{name}} {{prey}}\\n' >$drop/hostile.conf
systemctl daemon-reload
systemctl stop {{unit}}
before=$(journalctl -q -n 0 --show-cursor | sed 's/^-- cursor: //')
timeout 300 systemctl start {{unit}}
while systemctl -q is-active {{unit}}; do sleep 0.5; done
journalctl --sync
journalctl -q -o cat --after-cursor="$before" -u {{unit}} | grep '^{{{{"'
rm -r $drop
systemctl daemon-reload
"""
"""The drop-in replaces ExecStart alone."""
WHAT_IT_IS_FOR: Final = {"signal process 1", "signal another's process", "signal by pidfd",
                         "priority of another's process"}  # fmt: skip
"""CAP_KILL and CAP_SYS_NICE: whom they reach is for Control's own code to say, not for a unit."""
WHAT_THE_BUS_GIVES_ROOT: Final = {"systemd: forget failures", "systemd: set its environment",
                                  "systemd: run a program as root"}  # fmt: skip
WHAT_THE_KERNEL_GIVES_ROOT: Final = {"memory of root's process without capabilities",
                                     "files of root's process without capabilities"}  # fmt: skip
"""Over a process that is also uid 0 and can do no more (ptrace(2), "Ptrace access mode checking")."""


@pytest.fixture(scope="session")
def prey(installed: Machine) -> Iterator[str]:
    """Numbers of a process of bob's and of one of root's; secrets, a setuid program and a module lie about."""
    ping(installed, CONTROL)
    yield " ".join(installed.sh(PREPARED).split())
    installed.sh(f"systemctl stop {VICTIM} {ROOT_VICTIM}; rm {FOLDER}/hostile-test {FOLDER}/hostile.ko")


def taken_over(machine: Machine, service: Service, prey: str) -> dict[str, str]:
    """What stopped each attempt of a hostile service; "" is a success."""
    script = TAKEN_OVER.format(unit=service.unit, name=service.name, prey=prey)
    told: dict[str, str] = json.loads(machine.sh(script))
    return told


@pytest.fixture(scope="session")
def attempts(installed: Machine, prey: str) -> dict[str, str]:
    """Those of a hostile sampler."""
    return taken_over(installed, SAMPLER, prey)


@pytest.fixture(scope="session")
def attempts_of_control(installed: Machine, prey: str) -> dict[str, str]:
    """Those of a hostile Control."""
    return taken_over(installed, CONTROL, prey)


def done(attempts: dict[str, str]) -> set[str]:
    return {what for what, outcome in attempts.items() if not outcome}


@on_one
def test_nothing_stops_the_same_attempts_of_root_without_a_unit(installed: Machine, prey: str) -> None:
    """So each of them is one, and what stops it below is the unit."""
    told = json.loads(installed.sh(f"systemd-run --quiet --pipe --wait python3 -I {SCRIPT} '' {prey}"))
    assert {what: outcome for what, outcome in told.items() if outcome} == {}
    assert len(told) >= 65


@on_each_systemd
def test_a_sampler_that_was_taken_over_gets_nothing_done(attempts: dict[str, str]) -> None:
    assert done(attempts) == set(), attempts
    assert len(attempts) >= 55


@on_each_systemd
def test_a_control_that_was_taken_over_can_signal_and_renice_anybody_and_nothing_else_by_itself(
    attempts_of_control: dict[str, str],
) -> None:
    lent = WHAT_THE_BUS_GIVES_ROOT | WHAT_THE_KERNEL_GIVES_ROOT
    assert done(attempts_of_control) - lent == WHAT_IT_IS_FOR, attempts_of_control
    assert len(attempts_of_control) >= 60


@on_each_systemd
def test_nothing_keeps_a_control_that_was_taken_over_from_what_systemd_does_for_root(
    attempts_of_control: dict[str, str],
) -> None:
    """A known limit (SECURITY.md): if this fails, it is one no more."""
    assert done(attempts_of_control) >= WHAT_THE_BUS_GIVES_ROOT, attempts_of_control


@on_each_systemd
def test_nothing_keeps_a_control_that_was_taken_over_from_root_s_processes_that_can_do_no_more_than_it(
    attempts_of_control: dict[str, str],
) -> None:
    """Likewise."""
    assert done(attempts_of_control) >= WHAT_THE_KERNEL_GIVES_ROOT, attempts_of_control


@on_each_systemd
def test_control_does_for_it_what_it_does_for_any_user(installed: Machine, prey: str, attempts: dict[str, str]) -> None:
    others = json.loads(installed.sh(f"{REMOTE} python3 -I {SCRIPT} '' {prey} Control:"))
    assert len(others) == 4
    assert {what: attempts[what] for what in others} == others
    assert set(others.values()) == {"io.github.smoothtask.Error.NotAuthorized"}


@on_each_systemd
def test_a_violation_of_seccomp_in_the_journal_is_noticed(installed: Machine, attempts: dict[str, str]) -> None:
    """What test_traces.py looks for would be found."""
    assert "SIGSYS" in attempts.values()
    assert any(HOSTILE in line for line in denials(installed))
