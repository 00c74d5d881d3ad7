"""The one handler of errors that nobody foresaw.

Each is written to stderr (the journal) and to the history, and told to the person once per session; then the app
goes on, since most of it still works. Beyond MOST_CRASHES it gives up with a clear last line: an app that fails at
every tick only pretends to watch.
"""

from __future__ import annotations

import os
import sys
import threading
import time
import traceback
from typing import TYPE_CHECKING, Final

from smoothtask_gui.domain.text import safe_text

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from smoothtask_gui.adapters.history.port import History

MOST_CRASHES: Final = 20
EXIT_SOFTWARE: Final = 70  # sysexits.h


class CrashHandler:
    """Takes over sys.excepthook and threading.excepthook; `tell` is called with a sentence, once."""

    def __init__(self, history: History, exit_now: Callable[[int], object] = os._exit) -> None:
        self.tell: Callable[[str], object] | None = None
        self._history = history
        self._exit_now = exit_now
        self._count = 0
        self._lock = threading.Lock()

    def install(self) -> None:
        sys.excepthook = self._hook
        threading.excepthook = lambda args: self.crashed("a thread of the app failed", args.exc_value)

    def crashed(self, message: str, error: BaseException | None) -> None:
        """Log and tell; from any thread."""
        with self._lock:
            self._count += 1
            count = self._count
        said = safe_text(f"{message}: {type(error).__name__}: {error}" if error else message, 512)
        if error is not None:
            traceback.print_exception(error)
        print(f"smoothtask: {said}", file=sys.stderr, flush=True)
        self._history.append_failure(said, time.time_ns())
        if count >= MOST_CRASHES:
            print(
                f"smoothtask: gives up after {count} internal errors; please report them", file=sys.stderr, flush=True
            )
            self._history.close()
            self._exit_now(EXIT_SOFTWARE)
        if count == 1 and self.tell is not None:
            self.tell(f"An internal error happened and was recorded; SmoothTask goes on. ({said})")

    def _hook(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        del kind, trace
        self.crashed("an internal error", error)
