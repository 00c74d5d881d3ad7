"""480,000 pipelined calls from 16 clients: the sampler answers each, if only to refuse it, and stays small."""

import json
import subprocess
import sys

from benchmarks import cost
from benchmarks.boxed import Box
from benchmarks.row import Row

CLIENTS, CALLS, PIPELINED = 16, 30_000, 100


def measure() -> list[Row]:
    with Box() as box, box.clients(1, user="bob") as before:
        words = [sys.executable, "-m", "benchmarks.flood", str(CALLS), str(PIPELINED)]
        floods = [subprocess.Popen(box.command(*words), stdout=subprocess.PIPE, text=True) for _ in range(CLIENTS)]
        answered = sum(int(flood.communicate()[0] or 0) for flood in floods)
        with box.clients(1, user="root") as after:
            same = after["sampler_pid"] == before["sampler_pid"]
        rss_bytes = cost.rss_bytes(after["sampler_pid"])
    note = "the same process still serves" if same else "NOT the same process any more"
    return [
        Row("pipelined calls answered", answered if same else None, "calls", "at least", CLIENTS * CALLS, note),
        Row("sampler's memory after them", rss_bytes / 2**20, "MiB", "at most", 64, json.dumps({"clients": CLIENTS})),
    ]
