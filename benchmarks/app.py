"""What the tray app costs at 1 Hz with its window closed, beside 1,000 processes and the real sampler."""

import json
import sys

from benchmarks import load
from benchmarks.boxed import TOOLS, Box
from benchmarks.row import Row


def measure() -> list[Row]:
    with load.idle(1000), Box() as box:
        inside = [sys.executable, "-m", "benchmarks.app_watched"]
        seen = json.loads(box.run("/usr/bin/python3", "-B", TOOLS / "desk.py", "--", *inside))
    watched = f"over {seen['seconds']:.0f} s"
    return [
        Row("tray app at 1 Hz, window closed", seen["cpu_ratio"] * 100, "% of a core", "at most", 0.5, watched),
        Row("tray app, resident memory", seen["rss_bytes"] / 2**20, "MiB", "at most", 105),
    ]
