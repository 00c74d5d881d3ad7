"""Append every open connection to a CSV file, once a sample. Needs the helper: /proc doesn't tell bytes."""

import asyncio
import csv
import math
import sys
from pathlib import Path

from reading import options, samples

from smoothtask_gui.domain.addresses import endpoint, protocol_name, state_name
from smoothtask_gui.domain.sample import Sample
from smoothtask_gui.domain.text import safe_text
from smoothtask_gui.sources.protocol import SourceError

HEADING = ("boottime_ns", "pid", "comm", "protocol", "state", "local", "remote", "sent_bytes", "received_bytes")


def number(value: float) -> int | str:
    """An empty cell where there is no reading."""
    return "" if math.isnan(value) else int(value)


def cells(sample: Sample) -> list[tuple[object, ...]]:
    """A row a connection; none where the source sees none."""
    found: list[tuple[object, ...]] = []
    for row in () if sample.connections is None else sample.connections:
        family, protocol, only = int(row["family"]), int(row["protocol"]), bool(row["is_ipv6_only"])
        ends = [
            endpoint(bytes(row[side]), int(row[f"{side}_port"]), family, is_ipv6_only=only)
            for side in ("local", "remote")
        ]
        names = (protocol_name(protocol), state_name(int(row["state"]), protocol))
        counted = (number(row["sent_bytes"]), number(row["received_bytes"]))
        found.append((sample.boottime_ns, row["pid"] or "", safe_text(bytes(row["comm"])), *names, *ends, *counted))
    return found


async def log() -> None:
    parser = options(__doc__)
    parser.add_argument("file", type=Path)
    chosen = parser.parse_args()
    with chosen.file.open("a", newline="") as file:
        writer = csv.writer(file)
        if not file.tell():
            writer.writerow(HEADING)
        async for sample in samples(chosen.source, chosen.period_ms, chosen.count):
            if sample.connections is None:
                print(f"no connections: {sample.unavailable.get('network', 'no reading yet')}", file=sys.stderr)
            writer.writerows(cells(sample))
            file.flush()


if __name__ == "__main__":
    try:
        asyncio.run(log())
    except (SourceError, OSError) as error:
        sys.exit(str(error))
