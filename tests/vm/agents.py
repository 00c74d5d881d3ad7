"""Polkit's prompt in a guest: an agent in alice's session (tests/bus/agent.py) that answers with root's password."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from tests.vm.conftest import PLACE
from tests.vm.services import ALICES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.vm.conftest import Machine

PASSWORD: Final = "correct horse"
UNIT: Final = "st-agent"
SAID: Final = "/tmp/st-prompts"
START: Final = f"""
echo 'root:{PASSWORD}' | chpasswd --crypt-method SHA256 --sha-rounds 1000
{ALICES} systemd-run --quiet --user --collect --unit {UNIT} --property StandardOutput=truncate:{SAID} \\
    python3 -I {PLACE}/tests/bus/agent.py "$(loginctl show-user -P Display alice)" {{mode}} '{PASSWORD}'
timeout 120 sh -c 'until grep -q ready {SAID}; do sleep 0.2; done' || {{{{ cat {SAID}; false; }}}}
"""
"""With the quickest hash that chpasswd(8) makes: emulated, Debian's own takes seconds for each answer."""


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
        machine.sh(f"{ALICES} systemctl --user stop {UNIT}; rm -f {SAID}")
