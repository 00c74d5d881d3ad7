"""The tray app's start: the crash handler, the session; then `resident.py` builds the rest.

A second start ends here, before Qt's widgets are loaded, having asked the first one to show its window.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Final

from platformdirs import user_state_path
from PySide6.QtCore import QObject, Signal

from smoothtask_gui.adapters.history.recorder import Recorder
from smoothtask_gui.adapters.instance import InstanceError
from smoothtask_gui.adapters.loop import LoopThread
from smoothtask_gui.crash import CrashHandler
from smoothtask_gui.session import open_session

if TYPE_CHECKING:
    import argparse

JOIN_TIMEOUT_S: Final = 30.0


def main(options: argparse.Namespace) -> int:
    """Run the app to its end with the options of `smoothtask run` (cli/arguments.py); returns the exit code."""
    if options.rules is not None and not options.rules.exists():
        print(f"smoothtask: there is no rules file {options.rules}", file=sys.stderr)
        return 1
    history = Recorder(user_state_path("smoothtask", appauthor=False))
    crashes = CrashHandler(history)
    crashes.install()
    loop = LoopThread(crashes.crashed)
    front = Front()
    token = os.environ.pop("XDG_ACTIVATION_TOKEN", "") or os.environ.pop("DESKTOP_STARTUP_ID", "")
    loop.start()
    try:
        session = loop.wait(open_session(front.wanted.emit, token), JOIN_TIMEOUT_S)
        if not session.is_first:
            return 0
        from smoothtask_gui.resident import Resident  # noqa: PLC0415  # Qt's widgets: not for a second start

        resident = Resident(options, loop, session, history)
        front.wanted.connect(resident.windows.show_main)
        crashes.tell = resident.tell_from_any_thread
        return resident.run()
    except InstanceError as error:
        print(f"smoothtask: {error}", file=sys.stderr)
        return 1
    finally:
        history.close()
        loop.stop()


class Front(QObject):
    """A second start's wish to see the window, with its activation token; sent from asyncio's thread."""

    wanted = Signal(str)
