"""storm.py COUNT OBJECTS: that many processes come and go by a name of their own; JSON: how many the probe counted.

And how many exits it told as lost, once the two together are as many. OBJECTS is the folder of the probe's programs.
"""

import json
import os
import sys
import time
from pathlib import Path

from helper.loaders.libbpf import Libbpf
from helper.probes import ProcessEvents
from helper.probes.process_events import COUNTERS, EXITED

PATIENCE_S = 30
NAME = b"st-brief"


def counted(events: ProcessEvents) -> int:
    """Exits in roll-ups with our children's name."""
    rows = EXITED.iter_unpack(events.read_exited())
    return sum(row[6] for row in rows if row[3].rstrip(b"\0") == NAME)


def main(count: int, objects: Path) -> None:
    events = ProcessEvents(Libbpf(objects))
    events.open()
    events.begin_snapshot(time.clock_gettime_ns(time.CLOCK_BOOTTIME))
    for _ in range(count):
        if not (pid := os.fork()):
            Path("/proc/self/comm").write_bytes(NAME)
            os._exit(0)
        os.waitpid(pid, 0)
    deadline = time.monotonic() + PATIENCE_S
    while counted(events) + events.lost() < count and time.monotonic() < deadline:
        time.sleep(0.1)
    forks, execs, exits, lost = COUNTERS.unpack(events.counters())
    print(json.dumps({"counted": counted(events), "forks": forks, "execs": execs, "exits": exits, "lost": lost}))


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
