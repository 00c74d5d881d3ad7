"""Running a command in the foreground so that it ends when this process is told to: nothing is left behind.

Ctrl-C reaches the command from the terminal itself; SIGTERM and SIGHUP are passed on, through sudo where the command
runs as root and we don't.
"""

import os
import signal
import subprocess
from types import FrameType


def follow(command: list[str], cwd: str | os.PathLike[str] | None = None, env: dict[str, str] | None = None) -> int:
    """Run the command and return its exit code, 128 + N for signal N. Raises OSError if it can't start."""
    process = subprocess.Popen(command, cwd=cwd, env=env)

    def pass_on(number: int, _frame: FrameType | None) -> None:
        try:
            process.send_signal(number)
        except PermissionError:
            subprocess.run(["sudo", "-n", "kill", f"-{number}", "--", str(process.pid)], check=False)

    handlers = {number: signal.signal(number, pass_on) for number in (signal.SIGTERM, signal.SIGHUP)}
    handlers[signal.SIGINT] = signal.signal(signal.SIGINT, lambda _number, _frame: None)
    try:
        code = process.wait()
        return code if code >= 0 else 128 - code
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
