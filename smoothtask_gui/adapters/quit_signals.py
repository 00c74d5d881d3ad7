"""SIGTERM and SIGINT as an orderly end.

Python runs its signal handlers between bytecodes, and Qt's loop executes none while it waits: so the C-level handler
writes to a socket (signal.set_wakeup_fd) that Qt watches.
"""

from __future__ import annotations

import signal
import socket
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QSocketNotifier

if TYPE_CHECKING:
    from collections.abc import Callable


class QuitSignals(QObject):
    """Calls `on_quit` on Qt's thread for each SIGTERM, SIGINT or SIGHUP. Must be made on the main thread."""

    def __init__(self, on_quit: Callable[[], object]) -> None:
        super().__init__()
        self._on_quit = on_quit
        self._reader, self._writer = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        for end in (self._reader, self._writer):
            end.setblocking(False)
        self._notifier = QSocketNotifier(self._reader.fileno(), QSocketNotifier.Type.Read, self)
        self._notifier.activated.connect(self._arrived)
        signal.set_wakeup_fd(self._writer.fileno(), warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, lambda *_: None)  # the wake-up byte says it

    def end(self) -> None:
        """From now on signals are ignored: the app ends already, and takes a moment for it."""
        signal.set_wakeup_fd(-1)

    def _arrived(self) -> None:
        self._reader.recv(64)
        self._on_quit()
