"""Polkit's prompt in a guest: an agent in alice's session (tests/bus/agent.py) that answers with root's password."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from tests.vm.conftest import PLACE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.vm.conftest import Machine

PASSWORD: Final = "correct horse"
UNIT: Final = "st-agent"
SAID: Final = "/tmp/st-prompts"
START: Final = f"""
echo 'root:{PASSWORD}' | chpasswd
systemd-run --quiet --user --machine alice@.host --collect --unit {UNIT} --property StandardOutput=truncate:{SAID} \\
    python3 -I {PLACE}/tests/bus/agent.py "$(loginctl show-user -P Display alice)" {{mode}} '{PASSWORD}'
until grep -q ready {SAID}; do
    systemctl --user --machine alice@.host --quiet is-active {UNIT}
    sleep 0.1
done
"""


class Agent:
    """An agent that is registered with polkit."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._forgotten = 0

    def prompts(self) -> list[dict[str, Any]]:
        """What it has shown since it was to forget: action, text, details. PAM's own words are among its output."""
        said = self._machine.sh(f"grep '^{{' {SAID} || true").splitlines()
        return [json.loads(line) for line in said[self._forgotten :]]

    def forget(self) -> None:
        self._forgotten += len(self.prompts())


@contextmanager
def answering(machine: Machine, mode: str) -> Iterator[Agent]:
    """`mode`: right, wrong or dismiss."""
    machine.sh(START.format(mode=mode))
    try:
        yield Agent(machine)
    finally:
        machine.sh(f"systemctl --user --machine alice@.host stop {UNIT}; rm -f {SAID}")
