"""./dev run [--seconds N] [-- APP-ARGUMENT…]: set up, build, start everything.

With a display the tray app appears there; without one it runs on a virtual desktop, with live lines and alerts on the
terminal and a picture every ten seconds in build/screenshots. With root or sudo beside the real sampler, else on /proc.
Ends on Ctrl-C or after --seconds; where standard output is no terminal, after 30 s unless told otherwise.
"""

import argparse
import signal

import places
import stage
from following import follow

UNATTENDED_S = 30.0


def run(arguments: list[str]) -> int:
    """Run it; 0 unless something ended that shouldn't have."""
    parser = argparse.ArgumentParser(prog="./dev run", description=(__doc__ or "").partition("\n")[2].strip())
    parser.add_argument("--seconds", type=float, help="end by itself after that long")
    parser.add_argument("words", nargs="*", metavar="-- APP-ARGUMENT", help="arguments of the app")
    chosen = parser.parse_args(arguments)
    where = stage.set_up()
    seconds = stage.bounded_by_default(chosen.seconds, UNATTENDED_S)
    if where.display:
        words = ["smoothtask", *chosen.words]
        if seconds is not None:
            words = ["timeout", "--preserve-status", str(seconds), *words]
    else:
        limit = [] if seconds is None else ["--seconds", str(seconds)]
        watch = [str(places.PYTHON), "-B", str(places.TOOLS / "watch.py"), *limit]
        words = [*watch, "--pictures", str(stage.PICTURES), "--logs", str(stage.RUN), "--", *chosen.words]
    return attended(where.command(words))


def attended(command: list[str]) -> int:
    """Run a command that gets Ctrl-C itself; returns its exit code, 0 after a Ctrl-C."""
    code = follow(command)
    return 0 if code == 128 + signal.SIGINT else code
