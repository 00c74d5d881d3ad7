"""Every incident, as a JSON line in the state folder: what no notification could tell isn't lost.

Bounded: at LARGEST_BYTES the file becomes `incidents.1.jsonl` and a new one begins. A disk that can't be written is
reported once (FileError) until it works again; the app goes on.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from smoothtask_gui.adapters.files import FileError, require_regular

if TYPE_CHECKING:
    from pathlib import Path

    from smoothtask_gui.domain.incident import Incident

LARGEST_BYTES: Final = 512 * 1024


class IncidentLog:
    """Appends to `incidents.jsonl` in `folder`."""

    def __init__(self, folder: Path, largest_bytes: int = LARGEST_BYTES) -> None:
        self._file = folder / "incidents.jsonl"
        self._older = folder / "incidents.1.jsonl"
        self._largest_bytes = largest_bytes

    def append(self, incident: Incident) -> None:
        """Write one state of an incident; FileError if it can't be kept."""
        self._write({"incident": asdict(incident)})

    def append_failure(self, message: str, realtime_ns: int) -> None:
        """Write what went wrong inside the app itself."""
        self._write({"failure": message, "realtime_ns": realtime_ns})

    def _write(self, entry: dict[str, Any]) -> None:
        require_regular(self._file)
        line = json.dumps(entry, ensure_ascii=True).encode() + b"\n"
        try:
            self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
            handle = os.open(self._file, flags, 0o600)
            try:
                os.write(handle, line)
                full = os.fstat(handle).st_size >= self._largest_bytes
            finally:
                os.close(handle)
            if full:
                self._file.replace(self._older)
        except OSError as error:
            raise FileError(f"{self._file} can't be written: {error.strerror}") from error
