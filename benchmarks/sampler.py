"""What the sampler costs at 1 Hz beside 1,000 processes, with one client and with 32 (4 each of 8 users).

All share one snapshot, readers of one visibility one frame too; each ordinary user has a visibility of their own. So
32 clients are measured twice: all of them seeing everything (one class), and 8 users who see their own in full.
"""

import json
import resource
import time
from contextlib import ExitStack

from benchmarks import cost, load
from benchmarks.boxed import ALL_KINDS, DEFAULT_KINDS, OTHERS_IN_FULL, Box
from benchmarks.network import MANY_SOCKETS, open_sockets
from benchmarks.row import Row

SETTLE_S, WATCH_S = 6, 30
SEES_ALL = ALL_KINDS | OTHERS_IN_FULL


def with_32(box: Box, users: list[str], kinds: int) -> cost.Cost:
    """The sampler's cost while 8 users read 4 streams each."""
    with ExitStack() as readers:
        opened = [readers.enter_context(box.clients(4, user=user, kinds=kinds)) for user in users]
        time.sleep(SETTLE_S)
        return cost.over(opened[0]["sampler_pid"], WATCH_S)


def with_everything() -> list[Row]:
    """All default probes, 1,000 processes, 4,000 sockets, one client."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with load.idle(1000), open_sockets(MANY_SOCKETS), Box() as box:
        box.let_everybody_see_all()
        with box.clients(1, kinds=DEFAULT_KINDS | OTHERS_IN_FULL) as opened:
            time.sleep(SETTLE_S)
            found = cost.over(opened["sampler_pid"], WATCH_S)
            probes = [json.loads(line) for line in box.run("smoothtask", "probes", "--json").splitlines()]
    running = [probe for probe in probes if probe["state"] == "running"]
    name = "sampler, all default probes, 1,000 processes, 4,000 sockets"
    kernel_bytes = sum(probe["memory_bytes"] for probe in running)
    return [
        Row(name, found.cpu_ratio * 100, "% of a core", "at most", 0.6, f"{len(running)} probes, over {WATCH_S} s"),
        Row(f"{name}: resident", found.rss_bytes / 2**20, "MiB", "at most", 36),
        Row(f"{name}: kernel memory", kernel_bytes / 2**20, "MiB", "at most", 8),
    ]


def measure() -> list[Row]:
    return [*at_its_least(), *with_everything()]


def at_its_least() -> list[Row]:
    """The foundation's promise: tasks and rare events, 1,000 processes."""
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
