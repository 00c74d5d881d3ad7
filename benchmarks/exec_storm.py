"""Whether any process goes unaccounted while they are started as fast as this machine can.

Each is forked, executes another program and ends between two snapshots: it must be in a roll-up, or in the count of
the lost. Others' exits don't count: the roll-ups are looked up by the program's name.
"""

import struct
import time
from concurrent.futures import ThreadPoolExecutor

from benchmarks import load
from benchmarks.default_probes import EVERYTHING, default_probes, read
from benchmarks.row import Row
from helper.sampler import packets
from helper.sampler.assembly import Assembly

LANES, FORKS_EACH, PATIENCE_S = 4, 10_000, 30
COUNTERS = struct.Struct("@4Q")  # struct st_counters: forks, execs, exits, lost_exits
EXITED = struct.Struct("@IIQ16sQQQ")  # the beginning of struct st_exited, up to the count
NAME = b"exe"  # load executes /proc/self/exe


def accounted(made: Assembly) -> tuple[int, int]:
    """(ended processes of that name in the roll-ups, exits lost on the whole machine) so far."""
    snapshot = made.readings.take(EVERYTHING, made.readings.begin(), packets.KIND_TASKS)
    sections = {section.kind: section for section in snapshot.sections}
    rows, width = bytes(sections[packets.SECTION_EXITED].rows), sections[packets.SECTION_EXITED].record_bytes
    found = [EXITED.unpack_from(rows, at) for at in range(0, len(rows), width)]
    counted = sum(row[6] for row in found if row[3].rstrip(b"\0") == NAME)
    return counted, COUNTERS.unpack(bytes(sections[packets.SECTION_COUNTERS].rows))[3]


def measure() -> list[Row]:
    count = LANES * FORKS_EACH
    with default_probes(period_s=3600) as made:
        read(made)
        before, started_s = accounted(made), time.monotonic()
        with ThreadPoolExecutor(LANES) as lanes:
            list(lanes.map(lambda _: load.elapsed_ns("forks", str(FORKS_EACH)), range(LANES)))
        took_s = time.monotonic() - started_s
        until_s = time.monotonic() + PATIENCE_S  # a task is freed some milliseconds after it was reaped
        while True:
            counted, lost = (now - then for now, then in zip(accounted(made), before, strict=True))
            if counted + lost >= count or time.monotonic() > until_s:
                break
            time.sleep(0.1)
    note = f"{count / took_s:.0f} a second, as many as this machine can; {counted} of {count} in roll-ups, {lost} lost"
    missing = max(0, count - counted - lost)
    return [Row("processes of an exec storm that are in no count", missing, "processes", "at most", 0, note)]
