"""`smoothtask` and `python -m smoothtask_gui`: the command line, which starts the tray app when given no command."""

from __future__ import annotations

import sys

from smoothtask_gui.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
