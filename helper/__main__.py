"""The command line of the sampler; the bus starts it, people don't.

smoothtask-sampler [--object-dir DIR] [--bcc-dir DIR] [--loader auto|core|bcc] [--interface-file FILE]
    [--idle-seconds N] [--recheck-seconds N] [--silent-seconds N] [--prompt-seconds N]
    [--streams-per-user N] [--calls-per-second N]
"""

import asyncio
import sys
from pathlib import Path
from typing import NoReturn

from helper.bus.authority import Patience
from helper.bus.command_line import chosen_options
from helper.bus.quotas import Limits
from helper.daemon import Options, run
from helper.loaders.choice import LOADERS

_HOME = Path(__file__).resolve().parents[1]
_DEFAULTS = {
    "--object-dir": str(_HOME / "build" / "bpf"),
    "--bcc-dir": str(_HOME / "bpf" / "bcc"),
    "--loader": "auto",
    "--interface-file": str(_HOME / "resources" / "dbus" / "io.github.smoothtask.Sampler1.xml"),
    "--idle-seconds": "60",
    "--recheck-seconds": "60",
    "--silent-seconds": "5",
    "--prompt-seconds": "120",
    "--streams-per-user": "4",
    "--calls-per-second": "100",
}


def options_from(words: list[str]) -> Options:
    """The options in `words`; ValueError with a sentence for people if they make no sense."""
    chosen = chosen_options("smoothtask-sampler", _DEFAULTS, words)
    if chosen["--loader"] not in LOADERS:
        raise ValueError(f"usage: --loader is one of {', '.join(LOADERS)}")
    return Options(
        object_dir=Path(chosen["--object-dir"]),
        bcc_dir=Path(chosen["--bcc-dir"]),
        loader=chosen["--loader"],
        interface_file=Path(chosen["--interface-file"]),
        idle_s=float(chosen["--idle-seconds"]),
        recheck_s=float(chosen["--recheck-seconds"]),
        limits=Limits(
            streams_per_uid=int(chosen["--streams-per-user"]),
            calls_per_second_per_uid=int(chosen["--calls-per-second"]),
        ),
        patience=Patience(float(chosen["--silent-seconds"]), float(chosen["--prompt-seconds"])),
    )


def main() -> NoReturn:
    """Runs the sampler and exits with its code."""
    try:
        options = options_from(sys.argv[1:])
    except ValueError as error:
        print(f"smoothtask-sampler: {error}", file=sys.stderr)
        sys.exit(2)
    sys.exit(asyncio.run(run(options)))


if __name__ == "__main__":
    main()
