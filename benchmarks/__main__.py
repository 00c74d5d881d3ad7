"""python -m benchmarks NAME FILE: run one benchmark as root and write its rows to FILE as JSON Lines."""

import importlib
import sys
from pathlib import Path

from benchmarks import row


def main() -> int:
    name, out = sys.argv[1:]
    rows = importlib.import_module(f"benchmarks.{name}").measure()
    Path(out).write_text(row.as_json(rows))
    return 0


sys.exit(main())
