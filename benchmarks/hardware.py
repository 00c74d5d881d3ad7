"""What reading hardware costs the app: who uses a graphics card, a card's numbers, what a process is.

No card is needed: descriptors are real ones, of this machine's processes; a card is sysfs files in a folder.
"""

import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks import load
from benchmarks.row import Row
from smoothtask_gui.adapters.application_names import ApplicationNames
from smoothtask_gui.adapters.desktop_entries import DesktopEntries, application_folders
from smoothtask_gui.adapters.identity import IdentityCache
from smoothtask_gui.domain.incident import ProcessIdentity
from smoothtask_gui.sources.gpu.clients import ROUND_NS, DrmClients, start_ns_of
from smoothtask_gui.sources.gpu.fdinfo import parse_fdinfo
from smoothtask_gui.sources.gpu.reader import GpuReader
from tests.fakes.graphics import card

ROUNDS = 24
FDINFO = b"drm-driver:\ti915\ndrm-pdev:\t0000:00:02.0\ndrm-client-id:\t7\n" + b"".join(
    b"drm-engine-%s:\t123456 ns\n" % engine for engine in (b"render", b"copy", b"video", b"video-enhance")
)


def measure() -> list[Row]:
    with load.idle(1000):
        return [*_search(), *_card(), *_identity()]


def _search() -> list[Row]:
    """Two minutes of rounds at 1 Hz, in a row."""
    clients = DrmClients()
    ticks_s = []
    for second in range(ROUNDS * ROUND_NS // 10**9):
        before_s = time.process_time()
        clients.read(second * 10**9)
        ticks_s.append(time.process_time() - before_s)
    ratio = sum(ticks_s) / len(ticks_s)
    return [
        Row("graphics: looking for users among 1,000 processes", ratio * 100, "% of a core", "at most", 0.2),
        Row("graphics: longest tick of that", max(ticks_s) * 1000, "ms"),
        Row("graphics: one user's fdinfo", _each_s(lambda: parse_fdinfo(FDINFO)) * 1e6, "µs"),
    ]


def _card() -> list[Row]:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "proc").mkdir()
        files = {"gpu_busy_percent": 37, "mem_info_vram_used": 2**30, "hwmon__hwmon4__power1_average": 10**8}
        card(root, 0, "0000:0a:00.0", "amdgpu", **files)
        reader = GpuReader(root, root / "proc")
        return [Row("graphics: one card in a folder", _each_s(reader.read) * 1e6, "µs")]


def _identity() -> list[Row]:
    cache = IdentityCache(ApplicationNames(DesktopEntries(application_folders(os.environ, Path.home()))))
    start_ns = start_ns_of("/proc", os.getpid()) or 0
    who = ProcessIdentity(os.getpid(), start_ns, os.getuid(), "bench")
    before_s = time.perf_counter()
    cache.describe(who)
    first_s = time.perf_counter() - before_s
    return [
        Row("identity: the first process, desktop entries included", first_s * 1000, "ms"),
        Row("identity: from the cache", _each_s(lambda: cache.describe(who)) * 1e6, "µs"),
    ]


def _each_s(work: Callable[[], object], times: int = 2000) -> float:
    before_s = time.perf_counter()
    for _ in range(times):
        work()
    return (time.perf_counter() - before_s) / times
