"""Steps of set-up: a progress line each, output in a log, an error that names the step and shows the log's end."""

import contextlib
import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import places

TOO_LONG = 124  # the exit code timeout(1) has


class StepError(Exception):
    """A step failed; the text says which, why, and what the person can do."""


def say(text: str) -> None:
    """One progress line, on stderr: stdout belongs to the job's own output."""
    print(f"▸ {text}", file=sys.stderr, flush=True)


def log_tail(log: Path, lines: int = 15) -> str:
    """The last lines of a log, indented."""
    last = log.read_text(errors="replace").splitlines()[-lines:]
    return "\n".join(f"    {line}" for line in last)


def logged(name: str, command: Sequence[str | Path], says: str, env: dict[str, str] | None = None) -> None:
    """Run a command with its output in build/log/NAME.log; StepError if it fails."""
    places.LOGS.mkdir(parents=True, exist_ok=True)
    log = places.LOGS / f"{name}.log"
    say(says)
    started = time.monotonic()
    with log.open("w") as out:
        out.write(f"$ {' '.join(map(str, command))}\n")
        out.flush()
        done = subprocess.run(command, stdout=out, stderr=subprocess.STDOUT, cwd=places.TOP, env=env, check=False)
    if done.returncode:
        where = log.relative_to(places.TOP)
        raise StepError(f"{says}: failed (exit {done.returncode}). The end of {where}:\n{log_tail(log)}")
    took_s = time.monotonic() - started
    if took_s > 5:
        say(f"  done in {took_s:.0f} s")


@contextlib.contextmanager
def only_one() -> Iterator[None]:
    """Hold the set-up lock of this checkout; a second ./dev waits for the first."""
    places.BUILD.mkdir(exist_ok=True)
    handle = os.open(places.BUILD / "set-up.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another ./dev is setting up this checkout; waiting for it")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def bounded(command: Sequence[str], limit_s: float, env: dict[str, str] | None = None) -> int:
    """Run a command in a process group of its own; the whole group is ended at the limit (TOO_LONG) or an interrupt."""
    process = subprocess.Popen(command, cwd=places.TOP, env=env, stdin=subprocess.DEVNULL, process_group=0)
    try:
        return process.wait(limit_s)
    except subprocess.TimeoutExpired:
        return TOO_LONG
    finally:
        if process.poll() is None:
            try:
                os.killpg(process.pid, signal.SIGTERM)
            except PermissionError:  # all of it is root's
                subprocess.run(["sudo", "-n", "kill", "-TERM", "--", f"-{process.pid}"], check=False)
            process.wait(20)
