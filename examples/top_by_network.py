"""Which processes send and receive most. Without the helper nobody can tell, and it says so."""

import asyncio
import sys

import numpy as np
from reading import options, samples

from smoothtask_gui.domain.sample import Sample
from smoothtask_gui.domain.text import safe_text, size
from smoothtask_gui.sources.protocol import SourceError

MOST = 10


def lines(sample: Sample) -> list[str]:
    """The busiest first; NaN is a process whose connections nobody sees."""
    known = sample.processes[~np.isnan(sample.processes["sent_bps"])]
    if not len(known):
        return [f"Nothing is known: {sample.unavailable.get('network', 'no process has a reading yet')}"]
    both_bps = known["sent_bps"] + known["received_bps"]
    busiest = known[np.argsort(-both_bps, kind="stable")[:MOST]]
    return [
        f"{row['pid']:>8}  sent {size(float(row['sent_bps']))}/s  received {size(float(row['received_bps']))}/s  "
        f"{safe_text(bytes(row['comm']))}"
        for row in busiest
        if row["sent_bps"] + row["received_bps"] > 0
    ] or ["No process sends or receives anything."]


async def watch() -> None:
    chosen = options(__doc__).parse_args()
    async for sample in samples(chosen.source, chosen.period_ms, chosen.count):
        print("\n".join(lines(sample)), flush=True)


if __name__ == "__main__":
    try:
        asyncio.run(watch())
    except SourceError as error:
        sys.exit(str(error))
