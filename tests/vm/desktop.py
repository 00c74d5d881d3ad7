"""Alice's desktop in a guest: a display, a notification daemon, the app; and a process that burns a processor."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from tests.vm.services import ALICES, PATIENT, SAMPLER, ticks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.vm.conftest import Machine

PATIENCE_S: Final = 240.0
BUSY: Final = "st-burner"
"""Program and unit: an app is called after its unit."""
NOTICES: Final = "/tmp/notices"
HERS: Final = f"{ALICES} systemd-run --quiet --user --collect --setenv DISPLAY=:7"
"""In the session of alice, who sits at the machine."""
RULES: Final = "[runaway]\\nenabled = false\\n"
APP_STARTS: Final = f"{HERS} --unit st-app sh -c 'exec smoothtask --hidden --rules /tmp/rules.toml 2>/tmp/app.words'"
START: Final = f"""
printf '{RULES}' >/tmp/rules.toml
{HERS} --unit st-display Xvfb :7 -screen 0 800x600x24 -nolisten tcp
timeout 120 sh -c 'until [ -S /tmp/.X11-unix/X7 ]; do sleep 0.2; done'
{HERS} --unit st-notices sh -c 'exec dunst -print >{NOTICES} 2>/tmp/notices.words'
there="{ALICES} busctl --user status org.freedesktop.Notifications"
timeout 120 sh -c "until $there; do sleep 1; done" >/dev/null 2>&1
{APP_STARTS}
"""
STOP: Final = f"{ALICES} systemctl --user stop st-app st-notices st-display 2>/dev/null || true"
BURN: Final = f"""
cp /usr/bin/yes /tmp/{BUSY}
{HERS} --unit {BUSY} sh -c 'exec /tmp/{BUSY} >/dev/null'
"""
APP_PID: Final = f"{ALICES} systemctl --user show -P MainPID st-app"
OWN_COST: Final = f"{PATIENT} get-property {SAMPLER.name} {SAMPLER.path} {SAMPLER.name} OwnCost || true"
PROBES: Final = f"{PATIENT} get-property {SAMPLER.name} {SAMPLER.path} {SAMPLER.name} Probes || true"


def until(machine: Machine, script: str, holds: Callable[[str], bool]) -> str:
    """What the script says when it says the right thing; what the app said instead if it doesn't."""
    deadline = time.monotonic() + PATIENCE_S
    while not holds(said := machine.sh(script)):
        words = "cat /tmp/app.words /tmp/notices.words; journalctl --no-pager --lines 60 || true"
        assert time.monotonic() < deadline, said + machine.sh(words)
        time.sleep(2)  # looking takes most of a second of a guest's processor
    return said


def until_streams(machine: Machine, count: int) -> None:
    """So many apps follow the sampler."""
    until(machine, OWN_COST, lambda said: said.split()[-1:] == [str(count)])


def until_it_knows_who_is_busy(machine: Machine) -> None:
    """The app names who is busy from ticks it has had: it must have had some, and the thermal probe must listen."""
    until_streams(machine, 1)
    until(machine, PROBES, lambda said: '"thermal_events" "running"' in said)
    burning = [process for one in ticks(machine, 5) for process in one["processes"] if process["comm"] == BUSY]
    assert len(burning) == 5, "the app's stream is older than this one, and ticks as often"
    until_streams(machine, 1)


@contextmanager
def desktop(machine: Machine) -> Iterator[Machine]:
    machine.sh(START)
    try:
        yield machine
    finally:
        machine.sh(STOP)


@contextmanager
def busy(machine: Machine) -> Iterator[None]:
    """Somebody is, as long as it is needed: all else in the guest is slower for it."""
    machine.sh(BURN)
    try:
        yield
    finally:
        machine.sh(f"{ALICES} systemctl --user stop {BUSY}")
