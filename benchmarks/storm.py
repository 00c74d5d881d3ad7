"""How much of the busy time is attributed while processes live for 2 ms each: ours, and psutil's view beside it."""

import json
import threading
from statistics import fmean
from typing import Any

from benchmarks import load
from benchmarks.boxed import Box
from benchmarks.row import Row

CPU_US, STORM_S, LANES, TICKS, SKIPPED = 2000, 16, 2, 10, 2


def attributed(box: Box, source: str) -> float:
    """Attributed over busy time, ticks of a running storm only."""
    words = ["smoothtask", "top", "--json", "--count", str(TICKS), "--period-ms", "1000", "--source", source]
    ticks: list[dict[str, Any]] = [json.loads(line) for line in box.run(*words, user="root").splitlines()]
    inside = [tick["system"] for tick in ticks[SKIPPED:]]
    return fmean(row["cpu_attributed_ratio"] for row in inside) / fmean(row["cpu_busy_ratio"] for row in inside)


def measure() -> list[Row]:
    found: dict[str, float] = {}
    count = 0
    with Box() as box:
        for source in ("helper", "procfs"):
            with load.storm(CPU_US, STORM_S, LANES) as storm:
                reader = threading.Thread(target=lambda name=source: found.update({name: attributed(box, name)}))
                reader.start()
                reader.join()
                assert storm.stdout is not None
                count = int(storm.stdout.read())
    each = f"{count / STORM_S:.0f} processes a second, {CPU_US / 1000:g} ms each"
    if "helper" not in found:
        return [Row("CPU time attributed in a fork storm", None, "%", "at least", 98, "smoothtask top failed")]
    return [
        Row("CPU time attributed in a fork storm", found["helper"] * 100, "%", "at least", 98, each),
        Row("the same by psutil (source procfs)", found["procfs"] * 100, "%"),
    ]
