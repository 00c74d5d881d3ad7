"""What the sampler costs at 1 Hz beside 1,000 processes, with one client and with 32 (4 each of 8 users)."""

import time
from contextlib import ExitStack

from benchmarks import cost, load
from benchmarks.boxed import Box
from benchmarks.row import Row

SETTLE_S, WATCH_S = 6, 30


def measure() -> list[Row]:
    with load.idle(1000), Box() as box, ExitStack() as readers:
        first = readers.enter_context(box.clients(1))
        pid = first["sampler_pid"]
        time.sleep(SETTLE_S)
        one = cost.over(pid, WATCH_S)
        for user in box.users(7):
            readers.enter_context(box.clients(4, user=user))
        readers.enter_context(box.clients(3))
        time.sleep(SETTLE_S)
        many = cost.over(pid, WATCH_S)
    watched = f"over {WATCH_S} s"
    mib = f"{many.rss_bytes / 2**20:.1f} MiB resident then"
    return [
        Row(
            "sampler at 1 Hz, 1,000 processes, one client", one.cpu_ratio * 100, "% of a core", "at most", 0.3, watched
        ),
        Row("sampler, resident memory", one.rss_bytes / 2**20, "MiB", "at most", 32),
        Row("sampler, 31 clients over one", many.cpu_ratio / one.cpu_ratio, "times", "at most", 2, mib),
    ]
