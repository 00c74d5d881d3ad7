"""QEMU's monitor (QMP): one request, one answer. qemu-qmp-ref(7)."""

import json
import socket
from pathlib import Path
from typing import Any


class MonitorError(Exception):
    """QEMU refused a command, or is gone."""


class Monitor:
    """A connection to one guest's monitor; `path` is its socket."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(30)
        self._socket.connect(str(path))
        self._lines = self._socket.makefile("rw")
        self._lines.readline()  # the greeting
        self.ask("qmp_capabilities")

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
        self._lines.close()
        self._socket.close()
