"""The doctor on windows: whether anybody tells which app is in focus and which have windows."""

from __future__ import annotations

import os
import platform

from smoothtask_gui.cli.checks import Row, ok, warning
from smoothtask_gui.sources.focus.x11 import X11Focus


async def windows() -> list[Row]:
    """Whether focus and windows are known here."""
    focus = X11Focus(os.environ, platform.node())
    await focus.look()
    if focus.reason:
        said = "Rules that ask for windows say nothing here, and a busy app in focus may be called a runaway."
        return [warning("windows", focus.reason, said)]
    return [ok("windows", "the X server tells which app is in focus, and which have windows")]
