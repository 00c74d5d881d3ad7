"""What the sampler costs at 1 Hz beside 1,000 processes, with one client and with 32 (4 each of 8 users).

All share one snapshot, readers of one visibility one frame too; each ordinary user has a visibility of their own. So
32 clients are measured twice: all of them seeing everything (one class), and 8 users who see their own in full.
"""

import time
from contextlib import ExitStack

from benchmarks import cost, load
from benchmarks.boxed import ALL_KINDS, OTHERS_IN_FULL, Box
from benchmarks.row import Row

SETTLE_S, WATCH_S = 6, 30
SEES_ALL = ALL_KINDS | OTHERS_IN_FULL


def with_32(box: Box, users: list[str], kinds: int) -> cost.Cost:
    """The sampler's cost while 8 users read 4 streams each."""
    with ExitStack() as readers:
        opened = [readers.enter_context(box.clients(4, user=user, kinds=kinds)) for user in users]
        time.sleep(SETTLE_S)
        return cost.over(opened[0]["sampler_pid"], WATCH_S)


def measure() -> list[Row]:
    with load.idle(1000), Box() as box:
        users = box.users(8)
        box.let_everybody_see_all()
        with box.clients(1) as opened:
            time.sleep(SETTLE_S)
            one = cost.over(opened["sampler_pid"], WATCH_S)
        shared = with_32(box, users, SEES_ALL)
        apart = with_32(box, users, ALL_KINDS)
    watched = f"over {WATCH_S} s"
    mib = f"{apart.rss_bytes / 2**20:.1f} MiB resident then"
    return [
        Row(
            "sampler at 1 Hz, 1,000 processes, one client", one.cpu_ratio * 100, "% of a core", "at most", 0.3, watched
        ),
        Row("sampler, resident memory", one.rss_bytes / 2**20, "MiB", "at most", 32),
        Row("sampler, 32 clients of one visibility, over one", shared.cpu_ratio / one.cpu_ratio, "times", "at most", 2),
        Row("sampler, 32 clients of 8 users, over one", apart.cpu_ratio / one.cpu_ratio, "times", "at most", 2, mib),
    ]
