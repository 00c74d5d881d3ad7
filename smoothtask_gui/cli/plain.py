"""Names and numbers for JSON and terminals. A process chooses its own name, so no byte of it is believed."""

from __future__ import annotations

import math

from smoothtask_gui.domain import text


def process_name(comm: bytes) -> str:
    """A process's name as text for JSON, whose own escapes keep control characters inert."""
    return comm.decode("utf-8", "backslashreplace")


def shown_name(comm: bytes) -> str:
    """A process's name for a terminal: one line, nothing in it moves the cursor."""
    return text.safe_text(comm)


def shown_bytes(value: float | None, suffix: str = "") -> str:
    """A size, or "?" where it is missing."""
    return "?" if value is None or math.isnan(value) else text.size(value) + suffix


def shown_byte_range(least: float, most: float) -> str:
    """Two sizes, or one if they are the same."""
    return shown_bytes(least) if least == most else f"{shown_bytes(least)} to {shown_bytes(most)}"


def shown_percent(value: float | None) -> str:
    """A ratio in percent with one decimal, or "?" where it is missing."""
    return "?" if value is None or math.isnan(value) else f"{value * 100:.1f}"
