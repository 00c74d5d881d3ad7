"""Programs that own another service's name on the box's bus, so that a test can make that service misbehave."""

import json
import subprocess
from collections.abc import Callable
from typing import Any

from tests.bus.boxes import Box


class StandIn:
    """A process that owns polkit's name on the box's bus."""

    def __init__(self, box: Box, mode: str) -> None:
        words = [box.held.python, "-I", "/run/dbus/box/polkit_stand_in.py", mode]
        command = box.held.command(*words, user="polkitd", session="none")
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.next_word() == "ready"

    def next_word(self) -> str:
        word, _, self.rest = self.process.stdout.readline().strip().partition(" ")
        return word

    def asked(self) -> Any:
        """What it was asked next: action and details."""
        assert self.next_word() == "asked"
        return json.loads(self.rest)

    def grant(self) -> None:
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        assert self.next_word() == "granted"

    def end(self) -> None:
        self.process.kill()
        self.process.communicate()


StartStandIn = Callable[..., tuple[Box, StandIn]]
