"""How a person names a source; in a file of its own, so that reading a command line loads nothing that measures."""

from __future__ import annotations

from typing import Final

AUTO, HELPER, PROCFS = "auto", "helper", "procfs"
RECORDING: Final = "recording:"
"""Before the name of a file."""


def is_source(text: str) -> bool:
    """Whether `text` names a source: auto, helper, procfs or recording:FILE."""
    return text in (AUTO, HELPER, PROCFS) or (text.startswith(RECORDING) and len(text) > len(RECORDING))
