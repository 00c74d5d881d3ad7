"""QEMU's monitor (QMP): one request, one answer. qemu-qmp-ref(7)."""

import contextlib
import json
import socket
from pathlib import Path
from typing import Any

ANSWER_LIMIT_S = 120.0  # on a machine that is busy with other things


class MonitorError(Exception):
    """QEMU refused a command, or is gone."""


class Monitor:
    """A connection to one guest's monitor; `path` is its socket. OSError or MonitorError where nobody answers."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(ANSWER_LIMIT_S)
        try:
            self._socket.connect(str(path))
            self._lines = self._socket.makefile("rw")
            self._lines.readline()  # the greeting
            self.ask("qmp_capabilities")
        except (OSError, MonitorError):
            self._socket.close()
            raise

    def ask(self, command: str, **arguments: Any) -> Any:
        """The command's answer. Raises MonitorError."""
        self._lines.write(json.dumps({"execute": command, "arguments": arguments}) + "\n")
        self._lines.flush()
        while line := self._lines.readline():
            answer = json.loads(line)
            if "return" in answer:
                return answer["return"]
            if "error" in answer:
                raise MonitorError(f"{command}: {answer['error']['desc']}")
        raise MonitorError(f"{command}: QEMU closed its monitor")

    def write_port(self, port: int, octet: int) -> None:
        """Set a byte at one of the guest's I/O ports."""
        self.ask("human-monitor-command", **{"command-line": f"o/b {port:#x} {octet}"})

    def close(self) -> None:
        with contextlib.suppress(OSError):  # what QEMU no longer takes
            self._lines.close()
        self._socket.close()
