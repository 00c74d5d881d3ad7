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

pytestmark = pytest.mark.parametrize("machine", ["debian12", "debian13"], indirect=True)

SCRIPT: Final = f"{PLACE}/tests/vm/inside/hostile.py"
FOLDER: Final = f"{PLACE}/tests/vm/inside"
VICTIM: Final = "st-prey.service"
PREPARED: Final = f"""
for home in /root /home/alice; do echo secret >$home/secret; chmod 600 $home/secret; done
cp /usr/bin/id {FOLDER}/hostile-id; chmod 4755 {FOLDER}/hostile-id
python3 - <<'END'
import lzma, os, pathlib
(module,) = pathlib.Path('/lib/modules', os.uname().release).rglob('dummy.ko*')
image = module.read_bytes()
pathlib.Path('{FOLDER}/hostile.ko').write_bytes(lzma.decompress(image) if module.suffix == '.xz' else image)
END
systemd-run --quiet --unit {VICTIM} --property User=bob sleep 600
systemctl show -P MainPID {VICTIM}
"""
TAKEN_OVER: Final = f"""
drop=/run/systemd/system/{{unit}}.d
mkdir -p $drop
printf '[Service]\\nExecStart=\\nExecStart=/usr/bin/python3 -I {SCRIPT} {{name}} {{victim}}\\n' >$drop/hostile.conf
systemctl daemon-reload
systemctl stop {{unit}}
before=$(journalctl -q -n 0 --show-cursor | sed 's/^-- cursor: //')
timeout 300 systemctl start {{unit}}
while systemctl -q is-active {{unit}}; do sleep 0.1; done
journalctl --sync
journalctl -q -o cat --after-cursor="$before" -u {{unit}} | grep '^{{{{"'
rm -r $drop
systemctl daemon-reload
"""
"""The drop-in replaces ExecStart alone."""


@pytest.fixture(scope="session")
def prey(installed: Machine) -> Iterator[int]:
    """A process of bob's in a unit of the system; secrets, a setuid program and a module lie about."""
    ping(installed, CONTROL)
    pid = int(installed.sh(PREPARED))
    yield pid
    installed.sh(f"systemctl stop {VICTIM}; rm {FOLDER}/hostile-id {FOLDER}/hostile.ko")


def taken_over(machine: Machine, service: Service, victim: int) -> dict[str, str]:
    """What stopped each attempt of a hostile service; "" is a success."""
    script = TAKEN_OVER.format(unit=service.unit, name=service.name, victim=victim)
    told: dict[str, str] = json.loads(machine.sh(script))
    return told


@pytest.fixture(scope="session")
def attempts(installed: Machine, prey: int) -> dict[str, str]:
    """Those of a hostile sampler."""
    return taken_over(installed, SAMPLER, prey)


def test_nothing_stops_the_same_attempts_of_root_without_a_unit(installed: Machine, prey: int) -> None:
    """So each of them is one, and what stops it below is the unit."""
    told = json.loads(installed.sh(f"systemd-run --quiet --pipe --wait python3 -I {SCRIPT} '' {prey}"))
    assert {what: outcome for what, outcome in told.items() if outcome} == {}
    assert len(told) >= 45


def test_a_sampler_that_was_taken_over_gets_nothing_done(attempts: dict[str, str]) -> None:
    assert {what for what, outcome in attempts.items() if not outcome} == set(), attempts
    assert len(attempts) >= 45


def test_control_does_for_it_what_it_does_for_any_user(installed: Machine, prey: int, attempts: dict[str, str]) -> None:
    others = json.loads(installed.sh(f"{REMOTE} python3 -I {SCRIPT} '' {prey}"))
    asked = [what for what in attempts if what.startswith("Control: ")]
    assert len(asked) == 4
    assert {what: attempts[what] for what in asked} == {what: others[what] for what in asked}
    assert {attempts[what] for what in asked} == {"io.github.smoothtask.Error.NotAuthorized"}


def test_a_violation_of_seccomp_in_the_journal_is_noticed(installed: Machine, attempts: dict[str, str]) -> None:
    """What test_traces.py looks for would be found."""
    assert "SIGSYS" in attempts.values()
    assert any(HOSTILE in line for line in denials(installed))
