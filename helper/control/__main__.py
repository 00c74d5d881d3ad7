"""The command line of Control; the bus starts it, people don't.

smoothtask-control [--interface-file FILE] [--idle-seconds N] [--silent-seconds N] [--prompt-seconds N]
    [--most-actions N]
"""

import sys
from pathlib import Path
from typing import NoReturn

from helper.bus.authority import Patience
from helper.bus.command_line import chosen_options
from helper.control.daemon import Options, run

_DEFAULTS = {
    "--interface-file": str(Path(__file__).parents[2] / "resources" / "dbus" / "io.github.smoothtask.Control1.xml"),
    "--idle-seconds": "60",
    "--silent-seconds": "5",
    "--prompt-seconds": "120",
    "--most-actions": "25",
}


def options_from(words: list[str]) -> Options:
    """The options in `words`; ValueError with a sentence for people if they make no sense."""
    chosen = chosen_options("smoothtask-control", _DEFAULTS, words)
    return Options(
        interface_file=Path(chosen["--interface-file"]),
        idle_s=float(chosen["--idle-seconds"]),
        patience=Patience(float(chosen["--silent-seconds"]), float(chosen["--prompt-seconds"])),
        most_actions=int(chosen["--most-actions"]),
    )


def main() -> NoReturn:
    """Runs Control and exits with its code."""
    try:
        options = options_from(sys.argv[1:])
    except ValueError as error:
        print(f"smoothtask-control: {error}", file=sys.stderr)
        sys.exit(2)
    sys.exit(run(options))


if __name__ == "__main__":
    main()
