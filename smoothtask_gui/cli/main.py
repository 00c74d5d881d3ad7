"""Runs a command and turns whatever happens into an exit code and at most one line on stderr.

Exit codes: 0 done (Ctrl-C, SIGTERM and a closed pipe are an end like any other), 1 failed, 2 wrong usage. Here stands
the command line's one crash handler. Modules that a command needs are imported by that command only.
"""

from __future__ import annotations

import asyncio
import errno
import io
import os
import signal
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Final

from smoothtask_gui.cli.arguments import parser, with_command

if TYPE_CHECKING:
    import argparse
    from collections.abc import Coroutine, Sequence

DONE: Final = 0
FAILED: Final = 1
TRACEBACK_VARIABLE: Final = "SMOOTHTASK_TRACEBACK"
"""Set to see where an internal error came from."""


def version() -> str:
    """The version of the installed package, or of the source folder that this is run from."""
    import tomllib  # noqa: PLC0415 - memory that the tray app needn't hold
    from importlib import metadata  # noqa: PLC0415 - as above

    project = Path(__file__).parents[2] / "pyproject.toml"
    try:
        if project.is_file():
            return str(tomllib.loads(project.read_text("utf-8"))["project"]["version"])
        return metadata.version("smoothtask")
    except (metadata.PackageNotFoundError, OSError, ValueError, KeyError):
        return "unknown"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code."""
    _fill_closed_streams()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal that isn't UTF-8 still gets every line
    words = with_command(sys.argv[1:] if argv is None else argv)
    arguments = parser().parse_args(words)
    try:
        code = _dispatch(arguments)
        sys.stdout.flush()
    except BrokenPipeError:
        _forget_unwritten()  # the reader has seen enough
        return DONE
    except KeyboardInterrupt:
        return DONE
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EIO, errno.EFBIG):
            return _crashed(error)
        _forget_unwritten()
        _complain(f"the output can't be written: {error.strerror}")
        return FAILED
    except Exception as error:  # noqa: BLE001 - the crash handler
        return _crashed(error)
    return code


def _fill_closed_streams() -> None:
    """Whoever closes one wants to hear nothing; left free, its number would go to the next file that is opened."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            stream = open(os.open(os.devnull, os.O_RDWR), mode, encoding="utf-8", closefd=False)  # noqa: SIM115 - for good
            setattr(sys, name, stream)


def _forget_unwritten() -> None:
    """Python flushes what is left at exit, and would complain again there (exit code 120)."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _crashed(error: Exception) -> int:
    if os.environ.get(TRACEBACK_VARIABLE):
        traceback.print_exception(error)
        return FAILED
    frames = traceback.extract_tb(error.__traceback__)
    where = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "?"
    _complain(
        f"internal error at {where}: {type(error).__name__}: {error}. Please report it; "
        f"{TRACEBACK_VARIABLE}=1 shows more."
    )
    return FAILED


def _complain(message: str) -> None:
    from smoothtask_gui.domain.text import safe_text  # noqa: PLC0415 - only when something failed

    print(f"smoothtask: {safe_text(message, 1000)}", file=sys.stderr)


def _dispatch(arguments: argparse.Namespace) -> int:
    if arguments.version:
        print(f"smoothtask {version()}")
        return DONE
    if arguments.desktop_files:
        return _run(_desktop_files(arguments.desktop_files))
    if arguments.command == "run":
        from smoothtask_gui import app  # noqa: PLC0415 - Qt, for the tray app only

        return app.main(arguments)
    return _run(_job(arguments))


async def _desktop_files(wish: str) -> int:
    from smoothtask_gui.cli.desktop_files import install, remove  # noqa: PLC0415 - as above

    return install() if wish == "install" else remove()


def _job(arguments: argparse.Namespace) -> Coroutine[object, object, int]:
    job: Coroutine[object, object, int]
    if arguments.command == "top":
        from smoothtask_gui.cli.top import top  # noqa: PLC0415 - each command imports what it needs

        job = top(arguments)
    elif arguments.command == "connections":
        from smoothtask_gui.cli.connections import connections  # noqa: PLC0415 - as above

        job = connections(arguments)
    elif arguments.command == "probes":
        from smoothtask_gui.cli.probes import probes  # noqa: PLC0415 - as above

        job = probes(arguments)
    elif arguments.command == "record":
        from smoothtask_gui.cli.record import record  # noqa: PLC0415 - as above

        job = record(arguments, version())
    elif arguments.command == "alerts":
        from smoothtask_gui.cli.alerts import alerts  # noqa: PLC0415 - as above

        job = alerts(arguments)
    elif arguments.command == "rules":
        from smoothtask_gui.cli.rules import rules  # noqa: PLC0415 - as above

        job = rules(arguments)
    elif arguments.command == "history":
        from smoothtask_gui.cli.history import history  # noqa: PLC0415 - as above

        job = history(arguments)
    elif arguments.command == "act":
        from smoothtask_gui.cli.act import act  # noqa: PLC0415 - as above

        job = act(arguments)
    else:
        from smoothtask_gui.cli.doctor import doctor  # noqa: PLC0415 - as above

        job = doctor(arguments, version())
    return job


def _run(job: Coroutine[object, object, int]) -> int:
    from smoothtask_gui.cli.failure import Failure  # noqa: PLC0415 - imports numpy through the sources

    try:
        return asyncio.run(_until_signal(job))
    except Failure as failure:
        _complain(str(failure))
        return FAILED


async def _until_signal(job: Coroutine[object, object, int]) -> int:
    """Run the job; SIGINT and SIGTERM end it in order, so that files are finished."""
    task = asyncio.ensure_future(job)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, task.cancel)
    try:
        return await task
    except asyncio.CancelledError:
        return DONE
