"""The incidents of `incidents.jsonl`, which earlier builds kept, go into the history once; then that file goes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from smoothtask_gui.adapters.files import FileError, read_text
from smoothtask_gui.adapters.history import past
from smoothtask_gui.adapters.history.frames import FrameError

if TYPE_CHECKING:
    from pathlib import Path

    from smoothtask_gui.adapters.history.file import HistoryFile

NAMES: Final = ("incidents.1.jsonl", "incidents.jsonl")  # older first
SESSION: Final = 0
"""The recorder's own sessions count from 1."""


def take_over(folder: Path, file: HistoryFile) -> int:
    """Put the old log's incidents into `file` and remove it; how many. Lines that can't be understood are left out.

    What can't be read stays where it is. Raises HistoryError where `file` can't be written.
    """
    count = 0
    for name in NAMES:
        path = folder / name
        try:
            text = read_text(path)
        except FileError:
            continue
        if text is None:
            continue
        for line in text.splitlines():
            count += _put(line, count, file)
        path.unlink(missing_ok=True)
    return count


def _put(line: str, number: int, file: HistoryFile) -> bool:
    try:
        incident = past.from_fields(json.loads(line)["incident"])
        detail = past.encode(incident)
    except (ValueError, KeyError, TypeError, FrameError):
        return False
    ended_ns = None
    if incident.resolved_boottime_ns is not None:
        ended_ns = incident.started_realtime_ns + incident.resolved_boottime_ns - incident.started_boottime_ns
    file.put_past_incident(SESSION, number, incident.started_realtime_ns, ended_ns, detail)
    return True
