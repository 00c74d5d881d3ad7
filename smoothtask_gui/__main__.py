"""`smoothtask` and `python -m smoothtask_gui`: the command line, which starts the tray app when given no command."""

from __future__ import annotations

import sys

from smoothtask_gui.lean import stay_lean


def main() -> int:
    """Run the command line of this process; returns its exit code."""
    stay_lean()
    from smoothtask_gui.cli.main import main as run  # noqa: PLC0415 - only what comes now is left out

    return run()


if __name__ == "__main__":
    sys.exit(main())
