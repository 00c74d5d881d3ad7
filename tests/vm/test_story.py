"""The whole of it, on the one release that has all of it: real heat becomes a notification that names who is busy."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

import pytest

from tests.vm.test_heat import HEAT_PORT, HOT_C

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.vm.conftest import Machine

PATIENCE_S: Final = 240.0
BUSY: Final = "st-burner"
"""Program and unit: an app is called after its unit."""
ALICE: Final = "systemd-run --quiet --user --machine alice@.host --collect --setenv DISPLAY=:7"
"""In the session of alice, who sits at the machine."""
SAMPLER: Final = "io.github.smoothtask.Sampler1"
STREAMS: Final = f"busctl get-property {SAMPLER} /{SAMPLER.replace('.', '/')} {SAMPLER} OwnCost"
RULES: Final = "[runaway]\\nenabled = false\\n"
START: Final = f"""
printf '{RULES}' >/tmp/rules.toml
cp /usr/bin/yes /tmp/{BUSY}
{ALICE} --unit st-display Xvfb :7 -screen 0 800x600x24 -nolisten tcp
{ALICE} --unit {BUSY} sh -c 'exec /tmp/{BUSY} >/dev/null'
until [ -S /tmp/.X11-unix/X7 ]; do sleep 0.2; done
{ALICE} --unit st-notices sh -c 'exec dunst -print >/tmp/notices 2>/tmp/notices.words'
{ALICE} --unit st-app sh -c 'exec smoothtask --hidden --rules /tmp/rules.toml 2>/tmp/app.words'
"""


@pytest.fixture
def watched(installed: Machine) -> Iterator[Machine]:
    """Alice's desktop with the app in it and a process that burns a processor."""
    installed.sh(START)
    yield installed
    installed.guest.monitor.write_port(HEAT_PORT, 0)
    installed.sh(f"systemctl --user --machine alice@.host stop st-app {BUSY} st-notices st-display")


def until(machine: Machine, script: str, holds: Callable[[str], bool]) -> str:
    """What the script says when it says the right thing; what the app said instead if it doesn't."""
    deadline = time.monotonic() + PATIENCE_S
    while not holds(said := machine.sh(script)):
        words = "cat /tmp/app.words /tmp/notices.words; journalctl --no-pager --lines 60 || true"
        assert time.monotonic() < deadline, said + machine.sh(words)
        time.sleep(0.5)
    return said


@pytest.mark.parametrize("machine", ["debian13"], indirect=True)
def test_real_heat_becomes_a_notification_that_names_the_busy_process(watched: Machine) -> None:
    until(watched, STREAMS, lambda said: said.split()[-1] == "1")
    watched.guest.monitor.write_port(HEAT_PORT, HOT_C)
    until(watched, "cat /tmp/notices", lambda said: f"{HOT_C} °C" in said and BUSY in said)
