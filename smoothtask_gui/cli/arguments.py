"""What may stand on the command line. Wrong usage ends with exit code 2 and one hint, as argparse does it."""

from __future__ import annotations

import argparse
import math
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from smoothtask_gui.cli.times import moment
from smoothtask_gui.sources.activity_kinds import ActivityKinds
from smoothtask_gui.sources.names import is_source

if TYPE_CHECKING:
    from collections.abc import Sequence

PERIOD_RANGE_MS: Final = (100, 60_000)
"""As the helper's OpenStream."""

_WITHOUT_COMMAND: Final = ("-h", "--help", "--version", "--install-desktop", "--uninstall-desktop")
OPT_INS: Final = {
    "syscalls": ActivityKinds.SYSCALLS,
    "files": ActivityKinds.FILES,
    "run-queue": ActivityKinds.RUN_QUEUE,
    "unix-sockets": ActivityKinds.UNIX_SOCKETS,
}
LARGEST_PID: Final = 2**22
"""PID_MAX_LIMIT, include/linux/threads.h."""

_SOURCES: Final = "auto (default), helper, procfs or recording:FILE"
_EPILOG: Final = "Exit codes: 0 done, 1 failed (one line says why), 2 wrong usage. docs/cli.md explains every field."


def parser() -> argparse.ArgumentParser:
    """The whole command line."""
    top_parser = argparse.ArgumentParser(
        prog="smoothtask",
        description="Notices overheating and runaway processes. Without a command it starts the tray app.",
        epilog=_EPILOG,
    )
    top_parser.add_argument("--version", action="store_true", help="print the version and end")
    after_pip = "after an installation with pip or pipx: {} your desktop's menu, and end"
    for flag, says in (("install", "add SmoothTask to"), ("uninstall", "take SmoothTask out of")):
        top_parser.add_argument(
            f"--{flag}-desktop", action="store_const", const=flag, dest="desktop_files", help=after_pip.format(says)
        )
    commands = top_parser.add_subparsers(dest="command", metavar="COMMAND")
    _add_run(commands)
    _add_top(commands)
    connections = commands.add_parser("connections", help="who talks to whom now", epilog=_EPILOG)
    connections.add_argument("--json", action="store_true", help="one JSON object a line and connection")
    connections.add_argument(
        "--unix", action="store_true", help="unix sockets and who holds them, instead of TCP and UDP"
    )
    connections.add_argument("--source", type=_source, default="auto", metavar="SOURCE", help=_SOURCES)
    probes = commands.add_parser("probes", help="the eBPF programs: state, reason, cost", epilog=_EPILOG)
    probes.add_argument("--json", action="store_true", help="one JSON object a line and probe")
    _add_record(commands)
    _add_alerts(commands)
    _add_rules(commands)
    _add_history(commands)
    _add_act(commands)
    doctor = commands.add_parser("doctor", help="what works, what doesn't, why, what to do", epilog=_EPILOG)
    doctor.add_argument("--json", action="store_true", help="rows as one JSON array")
    return top_parser


def with_command(argv: Sequence[str]) -> list[str]:
    """The same words with the command that is meant: "run" if none is named."""
    if not argv or (argv[0].startswith("-") and argv[0] not in _WITHOUT_COMMAND):
        return ["run", *argv]
    return list(argv)


def _add_run(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The tray app's options, which may also stand alone, without the word "run"."""
    run = commands.add_parser("run", help="start the tray app (default)", epilog=_EPILOG)
    run.add_argument("--hidden", action="store_true", help="start in the tray, without the window")
    run.add_argument("--settings", action="store_true", help="open the settings window")
    run.add_argument("--rules", type=Path, metavar="FILE", help="watch for what FILE says")
    run.add_argument("--source", type=_source, default="auto", metavar="SOURCE", help=_SOURCES)


def _add_top(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    top = commands.add_parser("top", help="what uses the machine now", epilog=_EPILOG)
    top.add_argument("--json", action="store_true", help="one JSON object a line and tick")
    top.add_argument("--count", type=_count, metavar="N", help="end after N ticks (default: go on)")
    _add_opt_in(top)
    _add_source(top)


def _add_record(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    record = commands.add_parser("record", help="write what happens to a file", epilog=_EPILOG)
    record.add_argument("file", type=Path, metavar="FILE", help="the recording to make")
    record.add_argument("--seconds", type=_seconds, required=True, metavar="N", help="how long")
    record.add_argument("--force", action="store_true", help="overwrite FILE")
    _add_opt_in(record)
    _add_source(record)


def _add_alerts(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    alerts = commands.add_parser("alerts", help="judge what happens by the rules", epilog=_EPILOG)
    alerts.add_argument("--json", action="store_true", help="one JSON object a line and incident state")
    alerts.add_argument("--rules", type=Path, metavar="FILE", help="rules to use (default: the built-in ones)")
    alerts.add_argument("--seconds", type=_seconds, metavar="N", help="end after N seconds (default: go on)")
    _add_source(alerts)


def _add_history(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    history = commands.add_parser(
        "history",
        help="what was going on at a time",
        epilog=_EPILOG,
        description="What the tray app recorded of a time, the last ten minutes by default. A TIME is 15:05, 15:05:30, "
        "'2026-11-22 15:05' or 20m (ago; s, m, h, d).",
    )
    history.add_argument("--json", action="store_true", help="one JSON object")
    history.add_argument("--at", type=_moment, metavar="TIME", help="the minute of that time")
    history.add_argument("--since", type=_moment, metavar="TIME", help="from that time on")
    history.add_argument("--until", type=_moment, metavar="TIME", help="up to that time (default: now)")


def _add_act(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    act = commands.add_parser("act", help="pause, end, slow down or limit a process", epilog=_EPILOG)
    verbs = act.add_subparsers(dest="verb", metavar="VERB", required=True)
    pause = _add_verb(verbs, "pause", "hold it until the time is over or this command ends")
    pause.add_argument("--seconds", type=_pause, default=600, metavar="N", help="1 to 3600 (default 600)")
    _add_verb(verbs, "resume", "let it go on")
    _add_verb(verbs, "stop", "ask it to end (SIGTERM)")
    _add_verb(verbs, "kill", "end it at once (SIGKILL); what it has not saved is lost")
    priority = _add_verb(verbs, "priority", "how much it gets when others want it too")
    priority.add_argument("nice", type=_nice, metavar="NICE", help="-20 (first) to 19")
    priority.add_argument(
        "--io",
        choices=("by-nice", "best-effort", "idle"),
        default="by-nice",
        help="its turn at the disk (default by-nice)",
    )
    limit = _add_verb(verbs, "limit", "the CPU time of the systemd unit that it is in")
    limit.add_argument("percent", type=_percent, metavar="PERCENT", help="of one CPU, 1 to 1000000; or: off")


def _add_verb(
    verbs: argparse._SubParsersAction[argparse.ArgumentParser], name: str, what: str
) -> argparse.ArgumentParser:
    verb = verbs.add_parser(name, help=what, epilog=_EPILOG)
    verb.add_argument("pid", type=_pid, metavar="PID")
    verb.add_argument("--start-ns", type=_start, metavar="NS", help="only if it started then, as `top --json` says")
    verb.add_argument("--no-prompt", action="store_true", help="fail rather than have a password asked for")
    return verb


def _add_rules(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    rules = commands.add_parser("rules", help="what is watched for, and whether it can be here", epilog=_EPILOG)
    rules.add_argument("--json", action="store_true", help="one JSON object a line and rule")
    rules.add_argument("--rules", type=Path, metavar="FILE", help="rules to use (default: the built-in ones)")
    rules.add_argument("--check", type=Path, metavar="FILE", help="only say whether FILE is right")
    rules.add_argument("--source", type=_source, default="auto", metavar="SOURCE", help=_SOURCES)


def _add_source(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--source",
        type=_source,
        default="auto",
        metavar="SOURCE",
        help=_SOURCES,
    )
    command.add_argument(
        "--period-ms", type=_period, default=1000, metavar="P", help="time between ticks, 100 to 60000 (default 1000)"
    )


def _add_opt_in(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--with",
        dest="opt_in",
        type=_opt_in,
        default=ActivityKinds(0),
        metavar="WHAT",
        help=f"let the helper count these too, at a cost: {', '.join(OPT_INS)} (several: with commas)",
    )


def _opt_in(text: str) -> ActivityKinds:
    asked = ActivityKinds(0)
    for name in text.split(","):
        if name not in OPT_INS:
            raise argparse.ArgumentTypeError(f"{name!r} is none of {', '.join(OPT_INS)}")
        asked |= OPT_INS[name]
    return asked


def _source(text: str) -> str:
    if is_source(text):
        return text
    raise argparse.ArgumentTypeError(f"{text!r} is none of auto, helper, procfs, recording:FILE")


def _moment(text: str) -> datetime:
    return moment(text, datetime.now().astimezone())


def _period(text: str) -> int:
    low, high = PERIOD_RANGE_MS
    return _whole(text, low, high, "milliseconds")


def _pid(text: str) -> int:
    if text.isascii() and text.isdecimal() and 0 < int(text) <= LARGEST_PID:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is not the number of a process")


def _start(text: str) -> int:
    return _whole(text, 0, 2**64 - 1, "nanoseconds")


def _pause(text: str) -> int:
    return _whole(text, 1, 3600, "seconds")


def _nice(text: str) -> int:
    return _whole(text, -20, 19, "steps")


def _percent(text: str) -> int | None:
    return None if text == "off" else _whole(text, 1, 1_000_000, "percent")


def _count(text: str) -> int:
    return _whole(text, 1, 1_000_000_000, "ticks")


def _whole(text: str, low: int, high: int, unit: str) -> int:
    try:
        value = int(text)
    except ValueError:
        value = low - 1
    if not low <= value <= high:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of {unit} from {low} to {high}")
    return value


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value <= 1e9:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds above 0")
    return value
